"""Runs migrations on the connection that `migrate` hands over, inside its lock and transaction."""

from __future__ import annotations

from alembic import context

from leeward.storage.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,
)
context.run_migrations()
