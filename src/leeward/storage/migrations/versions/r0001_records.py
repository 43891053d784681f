"""Records, evidence, keys and workers."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_APPEND_ONLY = ("exchange_opened", "exchange_closed", "exchange_unfinished")
_ERASES = (
    "NEW.id = OLD.id AND NEW.rule = OLD.rule AND NEW.kept_until = OLD.kept_until AND NEW.key_id = OLD.key_id"
    " AND NEW.digest = OLD.digest AND NEW.nonce IS NULL AND NEW.ciphertext IS NULL"
    " AND OLD.erased_at IS NULL AND NEW.erased_at IS NOT NULL"
)
_REVOKES = (
    "NEW.public_id = OLD.public_id AND NEW.secret_hash = OLD.secret_hash AND NEW.tenant = OLD.tenant"
    " AND NEW.label = OLD.label AND NEW.declared_use = OLD.declared_use AND NEW.created_at = OLD.created_at"
    " AND OLD.revoked_at IS NULL AND NEW.revoked_at IS NOT NULL"
)


def upgrade() -> None:
    """Create the tables and the triggers that keep them append-only."""
    _create_records()
    _create_evidence()
    _create_keys()
    _create_workers()
    match op.get_bind().dialect.name:
        case "postgresql":
            _guard_postgresql()
        case _:
            _guard_sqlite()


def _create_records() -> None:
    op.create_table(
        "exchange_opened",
        sa.Column("id", _ID, primary_key=True),
        _number("at"),
        *(_text(name) for name in ("endpoint", "model", "tenant", "key", "end_user", "ruleset_name", "ruleset")),
        sa.Column("is_stream", sa.Boolean, nullable=False),
        _text("worker"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exchange_closed",
        sa.Column("id", _ID, primary_key=True),
        _number("at"),
        _text("outcome"),
        sa.Column("disposition", sa.SmallInteger, nullable=False),
        *(_text(name) for name in ("duties", "rules", "checked", "unchecked", "language", "scores", "firings")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("prompt_chars", "reply_chars", "released_chars")),
        _text("commitment"),
        _text("upstream"),
        sa.Column("upstream_status", sa.Integer, nullable=False),
        _number("inspection_seconds"),
        _text("error"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "exchange_unfinished", sa.Column("id", _ID, primary_key=True), _number("at"), sqlite_with_rowid=False
    )


def _create_evidence() -> None:
    op.create_table(
        "evidence",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        _number("kept_until"),
        _text("key_id"),
        sa.Column("nonce", sa.LargeBinary),
        sa.Column("ciphertext", sa.LargeBinary),
        _text("digest"),
        sa.Column("erased_at", sa.Double),
    )
    op.create_index("evidence_by_kept_until", "evidence", ["kept_until"])


def _create_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("public_id", _ID, primary_key=True),
        sa.Column("secret_hash", sa.LargeBinary, nullable=False),
        *(_text(name) for name in ("tenant", "label", "declared_use")),
        _number("created_at"),
        sa.Column("revoked_at", sa.Double),
    )
    op.create_index("api_keys_by_secret_hash", "api_keys", ["secret_hash"], unique=True)


def _create_workers() -> None:
    op.create_table(
        "workers",
        sa.Column("id", _ID, primary_key=True),
        _number("heartbeat_at"),
        sa.Column("oldest_open", _ID, nullable=False),
    )


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _number(name: str) -> sa.Column[float]:
    return sa.Column(name, sa.Double, nullable=False)


def _guard_sqlite() -> None:
    for table in _APPEND_ONLY:
        _sqlite_trigger(table, "UPDATE", "", "records are append-only")
        _sqlite_trigger(table, "DELETE", "", "records are append-only")
    _sqlite_trigger("evidence", "UPDATE", f"WHEN NOT ({_ERASES})", "evidence can be erased, not changed")
    _sqlite_trigger("evidence", "DELETE", "", "evidence can be erased, not deleted")
    _sqlite_trigger("api_keys", "UPDATE", f"WHEN NOT ({_REVOKES})", "a key can be revoked, not changed")
    _sqlite_trigger("api_keys", "DELETE", "", "a key can be revoked, not deleted")


def _sqlite_trigger(table: str, event: str, when: str, message: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_guards_{event.lower()} BEFORE {event} ON {table} {when}"
        f" BEGIN SELECT RAISE(ABORT, '{message}'); END"
    )


def _guard_postgresql() -> None:
    op.execute(
        "CREATE FUNCTION leeward_refuse() RETURNS trigger LANGUAGE plpgsql AS"
        " $$ BEGIN RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'restrict_violation'; END $$"
    )
    for table in _APPEND_ONLY:
        _postgresql_trigger(table, "UPDATE", "", "records are append-only")
        _postgresql_trigger(table, "DELETE", "", "records are append-only")
        _postgresql_truncate(table, "records are append-only")
    _postgresql_trigger("evidence", "UPDATE", f"WHEN (NOT ({_ERASES}))", "evidence can be erased, not changed")
    _postgresql_trigger("evidence", "DELETE", "", "evidence can be erased, not deleted")
    _postgresql_truncate("evidence", "evidence can be erased, not deleted")
    _postgresql_trigger("api_keys", "UPDATE", f"WHEN (NOT ({_REVOKES}))", "a key can be revoked, not changed")
    _postgresql_trigger("api_keys", "DELETE", "", "a key can be revoked, not deleted")
    _postgresql_truncate("api_keys", "a key can be revoked, not deleted")


def _postgresql_trigger(table: str, event: str, when: str, message: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_guards_{event.lower()} BEFORE {event} ON {table}"
        f" FOR EACH ROW {when} EXECUTE FUNCTION leeward_refuse('{message}')"
    )


def _postgresql_truncate(table: str, message: str) -> None:
    op.execute(
        f"CREATE TRIGGER {table}_guards_truncate BEFORE TRUNCATE ON {table}"
        f" FOR EACH STATEMENT EXECUTE FUNCTION leeward_refuse('{message}')"
    )
