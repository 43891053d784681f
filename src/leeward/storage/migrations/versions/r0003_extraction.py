"""What is known of callers who may be extracting a model, and every step that was taken about them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_ID = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_REASON = "steps are append-only"


def upgrade() -> None:
    """Create the tables; steps are append-only, as records are."""
    op.create_table(
        "extraction_state",
        sa.Column("tenant", _ID, primary_key=True),
        sa.Column("key", _ID, primary_key=True),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("weight", sa.Double, nullable=False),
        sa.Column("content", sa.LargeBinary, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("extraction_state_by_updated_at", "extraction_state", ["updated_at"])
    op.create_table(
        "extraction_steps",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("at", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("tenant", "key", "kind", "hazard")),
        sa.Column("probability", sa.Double, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("evidence", "actor", "reason")),
        sqlite_with_rowid=False,
    )
    op.create_index("extraction_steps_by_at", "extraction_steps", ["at"])
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgresql()
    else:
        _guard_sqlite()


def _guard_sqlite() -> None:
    for event in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER extraction_steps_guards_{event.lower()} BEFORE {event} ON extraction_steps"
            f" BEGIN SELECT RAISE(ABORT, '{_REASON}'); END"
        )


def _guard_postgresql() -> None:
    for event, each in (("UPDATE", "ROW"), ("DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
        op.execute(
            f"CREATE TRIGGER extraction_steps_guards_{event.lower()} BEFORE {event} ON extraction_steps"
            f" FOR EACH {each} EXECUTE FUNCTION leeward_refuse('{_REASON}')"
        )
