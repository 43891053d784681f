"""Records, evidence and keys, in SQLite, PostgreSQL or memory; SQL lives here and nowhere else.

Nothing is imported before it is asked for: a command that needs no store does not wait for SQLAlchemy.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from leeward.storage.derivatives import SqlDerivatives
    from leeward.storage.engine import Synchronous
    from leeward.storage.evidence import Keyring, Retention
    from leeward.storage.keys import SqlKeys
    from leeward.storage.memory import MemoryStore
    from leeward.storage.schema import migrate
    from leeward.storage.sql import Counts, SqlStore, StoreOptions
    from leeward.storage.writer import WriterLimits, WriterStats

__all__ = [
    "Counts",
    "Keyring",
    "MemoryStore",
    "Retention",
    "SqlDerivatives",
    "SqlKeys",
    "SqlStore",
    "StoreOptions",
    "Synchronous",
    "WriterLimits",
    "WriterStats",
    "migrate",
]

_HOMES = {
    "Counts": "sql",
    "Keyring": "evidence",
    "MemoryStore": "memory",
    "Retention": "evidence",
    "SqlDerivatives": "derivatives",
    "SqlKeys": "keys",
    "SqlStore": "sql",
    "StoreOptions": "sql",
    "Synchronous": "engine",
    "WriterLimits": "writer",
    "WriterStats": "writer",
    "migrate": "schema",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
