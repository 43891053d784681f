"""The registry of derivatives and its history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_HISTORY = ("licence_derivative_history", "the history of an entry is append-only")
_ENTRIES = ("licence_derivatives", "an entry can be closed, not deleted")


def upgrade() -> None:
    """Create the tables and the triggers that keep the history append-only."""
    op.create_table(
        "licence_derivatives",
        sa.Column("id", _ID, primary_key=True),
        *(_text(name) for name in ("place", "name", "kind", "state")),
        sa.Column("due_at", sa.Double),
        *(_text(name) for name in ("faults", "searched", "facts", "declared_bases", "served_as", "excused")),
        sa.Column("recorded_at", sa.Double, nullable=False),
        sa.Column("first_seen", sa.Double),
        sa.Column("last_seen", sa.Double),
    )
    op.create_index("licence_derivatives_by_place", "licence_derivatives", ["place"], unique=True)
    op.create_index("licence_derivatives_by_due", "licence_derivatives", ["state", "due_at"])
    op.create_table(
        "licence_derivative_history",
        sa.Column("entry", _ID, primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("at", sa.Double, nullable=False),
        *(_text(name) for name in ("who", "step", "why", "state")),
        sa.Column("due_at", sa.Double),
    )
    _guard("UPDATE", *_HISTORY)
    _guard("DELETE", *_HISTORY)
    _guard("DELETE", *_ENTRIES)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _guard(event: str, table: str, message: str) -> None:
    name = f"{table}_guards_{event.lower()}"
    if op.get_bind().dialect.name != "postgresql":
        op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} BEGIN SELECT RAISE(ABORT, '{message}'); END")
        return
    refuse = f"EXECUTE FUNCTION leeward_refuse('{message}')"
    op.execute(f"CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW {refuse}")
    if event == "DELETE":
        op.execute(f"CREATE TRIGGER {table}_guards_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}")
