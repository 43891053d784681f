"""Opens a record without the writer's thread, where that is quick and safe: in SQLite, without waiting for anything."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Protocol

from leeward.storage.engine import Synchronous, connect_sqlite, inode
from leeward.storage.rows import Row


class QuickOpener(Protocol):
    """Commits one opened record at once, or says that it cannot."""

    def put(self, row: Row) -> bool:
        """Return whether the row is committed; False means that nothing was kept."""

    def close(self) -> None:
        """Give back what is held."""


class QuickSqlite:
    """Commits on the caller's thread.

    Handing a row to another thread and back costs some 150 microseconds of CPU, committing it 30. The connection never
    waits for a lock (then the writer takes the row, which can wait), and never copies the log into the database,
    which could wait for the disk: that is left to the writer's connection. With `synchronous = FULL` each commit waits
    for the disk, so this is for NORMAL only.

    Args:
        path: The database file; it must exist and have its tables.
        insert: Statement that inserts an opened record.
    """

    def __init__(self, path: Path, insert: str) -> None:
        self._path = path
        self._insert = insert
        self._connection: sqlite3.Connection | None = None
        self._inode = 0

    def put(self, row: Row) -> bool:
        """Return whether the row is committed; False means that nothing was kept."""
        try:
            connection = self._connection or self._connect()
            if inode(self._path) != self._inode:
                self.close()  # the file was removed or replaced; the writer says so
                return False
            connection.execute(self._insert, row)
        except sqlite3.Error:
            self.close()
            return False
        return True

    def close(self) -> None:
        """Close the connection; the next row opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _connect(self) -> sqlite3.Connection:
        self._inode = inode(self._path)
        connection = connect_sqlite(self._path, Synchronous.NORMAL)
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        self._connection = connection
        return connection
