"""Alembic's environment; `leeward.storage.schema.migrate` runs it."""
