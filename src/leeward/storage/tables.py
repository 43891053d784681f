"""The tables, as the newest migration leaves them."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

# Byte order, as Python sorts: ids and pseudonyms have no language.
_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")

OPENED = sa.Table(
    "exchange_opened",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("end_user", sa.Text, nullable=False),
    sa.Column("ruleset_name", sa.Text, nullable=False),
    sa.Column("ruleset", sa.Text, nullable=False),
    sa.Column("is_stream", sa.Boolean, nullable=False),
    sa.Column("worker", sa.Text, nullable=False),
    sqlite_with_rowid=False,  # the row lies inside the primary key: one tree to write instead of two
)

CLOSED = sa.Table(
    "exchange_closed",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("disposition", sa.SmallInteger, nullable=False),
    sa.Column("duties", sa.Text, nullable=False),
    sa.Column("rules", sa.Text, nullable=False),
    sa.Column("checked", sa.Text, nullable=False),
    sa.Column("unchecked", sa.Text, nullable=False),
    sa.Column("language", sa.Text, nullable=False),
    sa.Column("scores", sa.Text, nullable=False),
    sa.Column("firings", sa.Text, nullable=False),
    sa.Column("prompt_chars", sa.BigInteger, nullable=False),
    sa.Column("reply_chars", sa.BigInteger, nullable=False),
    sa.Column("released_chars", sa.BigInteger, nullable=False),
    sa.Column("commitment", sa.Text, nullable=False),
    sa.Column("upstream", sa.Text, nullable=False),
    sa.Column("upstream_status", sa.Integer, nullable=False),
    sa.Column("inspection_seconds", sa.Double, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sqlite_with_rowid=False,  # the row lies inside the primary key: one tree to write instead of two
)

# Exchanges whose process died. A table of its own, so that the true end wins when it turns up in a spill file.
UNFINISHED = sa.Table(
    "exchange_unfinished",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sqlite_with_rowid=False,  # the row lies inside the primary key: one tree to write instead of two
)

EVIDENCE = sa.Table(
    "evidence",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),
    sa.Column("kept_until", sa.Double, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("nonce", sa.LargeBinary),
    sa.Column("ciphertext", sa.LargeBinary),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("erased_at", sa.Double),
    sa.Index("evidence_by_kept_until", "kept_until"),
)

API_KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("public_id", _ID, primary_key=True),
    sa.Column("secret_hash", sa.LargeBinary, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("label", sa.Text, nullable=False),
    sa.Column("declared_use", sa.Text, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("revoked_at", sa.Double),
    sa.Index("api_keys_by_secret_hash", "secret_hash", unique=True),
)

# Live processes. `oldest_open` is where to begin looking for exchanges that a dead one left open.
WORKERS = sa.Table(
    "workers",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("heartbeat_at", sa.Double, nullable=False),
    sa.Column("oldest_open", _ID, nullable=False),
)

# The registry of derivatives. `due_at` is when a notice runs out: the clock is a row, never a timer in a process.
DERIVATIVES = sa.Table(
    "licence_derivatives",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("place", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", sa.Double),
    sa.Column("faults", sa.Text, nullable=False),
    sa.Column("searched", sa.Text, nullable=False),
    sa.Column("facts", sa.Text, nullable=False),
    sa.Column("declared_bases", sa.Text, nullable=False),
    sa.Column("served_as", sa.Text, nullable=False),
    sa.Column("excused", sa.Text, nullable=False),
    sa.Column("recorded_at", sa.Double, nullable=False),
    sa.Column("first_seen", sa.Double),
    sa.Column("last_seen", sa.Double),
    sa.Index("licence_derivatives_by_place", "place", unique=True),
    sa.Index("licence_derivatives_by_due", "state", "due_at"),
)

DERIVATIVE_HISTORY = sa.Table(
    "licence_derivative_history",
    METADATA,
    sa.Column("entry", _ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("who", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("due_at", sa.Double),
)

# What is known of callers who may be extracting a model: counters and hashes, packed by the extraction watch.
EXTRACTION_STATE = sa.Table(
    "extraction_state",
    METADATA,
    sa.Column("tenant", _ID, primary_key=True),
    sa.Column("key", _ID, primary_key=True),  # empty: the tenant as a whole
    sa.Column("version", sa.BigInteger, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Column("weight", sa.Double, nullable=False),
    sa.Column("content", sa.LargeBinary, nullable=False),
    sa.Index("extraction_state_by_updated_at", "updated_at"),
    sqlite_with_rowid=False,  # the row lies inside the primary key: one tree to write instead of two
)

# Append-only: every step that was taken about a caller, by the watch or by a person.
EXTRACTION_STEPS = sa.Table(
    "extraction_steps",
    METADATA,
    sa.Column("id", _ID, primary_key=True),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("hazard", sa.Text, nullable=False),
    sa.Column("probability", sa.Double, nullable=False),
    sa.Column("evidence", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Index("extraction_steps_by_at", "at"),
    sqlite_with_rowid=False,
)
