"""Writes a batch of rows in one transaction, on the driver's own cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql import psycopg
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.engine import Engine

from leeward.errors import StorageError
from leeward.storage.engine import database_path, driver_error, inode, translated
from leeward.storage.rows import Batch, Row
from leeward.storage.tables import CLOSED, EVIDENCE, OPENED


class RowRefused(StorageError):
    """The database is well but does not take a row of this batch."""


class Sink(Protocol):
    """Keeps batches."""

    def commit(self, batch: Batch) -> None:
        """Return when the batch is kept as a whole; a row that is there already stays as it is.

        Raises:
            StorageError: If nothing of it is kept.
        """

    def close(self) -> None:
        """Give back what is held."""


class _Insert:
    """The statements of one table, compiled once."""

    def __init__(self, table: sa.Table, dialect: str) -> None:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        self.copy = f"COPY {table.name} ({columns}) FROM STDIN"
        self.insert = _insert(table, dialect).string or ""


def insert_opened(dialect: str) -> str:
    """Return the statement that inserts an opened record, for the driver's own cursor."""
    return _Insert(OPENED, dialect).insert


def _psycopg() -> sa.Dialect:
    return psycopg.dialect(paramstyle="format")  # type: ignore[no-untyped-call]


def _insert(table: sa.Table, dialect: str) -> sa.Compiled:
    if dialect == "postgresql":
        return postgresql.insert(table).on_conflict_do_nothing().compile(dialect=_psycopg())
    return sqlite.insert(table).on_conflict_do_nothing().compile(dialect=pysqlite.dialect())


class SqlSink:
    """Holds one connection; used by one thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._path = database_path(engine.url)
        self._is_postgresql = engine.dialect.name == "postgresql"
        self._inserts = tuple(_Insert(table, engine.dialect.name) for table in (OPENED, CLOSED, EVIDENCE))
        self._connection: sa.PoolProxiedConnection | None = None
        driver = engine.dialect.loaded_dbapi
        self._refusals = (driver.DataError, driver.IntegrityError)

    def commit(self, batch: Batch) -> None:
        """Return when the batch is kept as a whole.

        Raises:
            RowRefused: If the database does not take one of the rows.
            StorageError: If the database cannot be written now.
        """
        with translated(self._engine, "writing records"):
            try:
                self._write(batch)
            except driver_error(self._engine) as error:
                self._drop()
                if isinstance(error, self._refusals):
                    raise RowRefused("The database does not take a row.") from error
                raise
            except BaseException:
                self._drop()
                raise

    def _write(self, batch: Batch) -> None:
        connection = self._connection or self._connect()
        cursor = connection.cursor()
        if self._is_postgresql:
            self._copy(connection, cursor, batch)
        else:
            cursor.execute("BEGIN IMMEDIATE")
            self._insert_all(cursor, batch)
        connection.commit()
        if self._path is not None and inode(self._path) != connection.info["inode"]:
            raise _gone()

    def _copy(self, connection: sa.PoolProxiedConnection, cursor: Any, batch: Batch) -> None:
        """COPY takes a fifth of the time of INSERT but no conflicts; those only arise when a batch is written twice."""
        try:
            for statements, rows in zip(self._inserts, _tables(batch), strict=True):
                if rows:
                    with cursor.copy(statements.copy) as copy:
                        for row in rows:
                            copy.write_row(row)
        except self._engine.dialect.loaded_dbapi.IntegrityError:
            connection.rollback()
            self._insert_all(cursor, batch)

    def _insert_all(self, cursor: Any, batch: Batch) -> None:
        for statements, rows in zip(self._inserts, _tables(batch), strict=True):
            if rows:
                cursor.executemany(statements.insert, rows)

    def _connect(self) -> sa.PoolProxiedConnection:
        self._connection = self._engine.raw_connection()
        return self._connection

    def _drop(self) -> None:
        """Let go of a connection that failed; the next batch opens another."""
        if self._connection is not None:
            self._connection.invalidate()
            self._connection = None

    def close(self) -> None:
        """Close the connection."""
        self._drop()


def _tables(batch: Batch) -> tuple[Sequence[Row], Sequence[Row], Sequence[Row]]:
    return batch.opened, batch.closed, batch.evidence


def _gone() -> StorageError:
    return StorageError(
        "The database file was removed or replaced while it was in use.",
        meaning="Records cannot be kept; what has ended since waits in the spill file.",
        remedy="Put the file back, or restart to begin a new one.",
    )
