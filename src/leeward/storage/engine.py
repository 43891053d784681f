"""One database URL to one engine; SQLite's pragmas and the drivers' errors live here."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.pool import ConnectionPoolEntry

from leeward.errors import StorageError

BUSY_SECONDS = 5.0
_WRITES = "leeward_writes"  # execution option of connections that will write
_POSTGRESQL = {
    "connect_timeout": 2,
    # A server that hangs must not hold a worker for ever.
    "options": "-c statement_timeout=10000 -c lock_timeout=5000",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}
_NO_DRIVER = "Install the driver: pip install 'leeward[postgres]'."


class Synchronous(StrEnum):
    """How hard SQLite makes a commit.

    NORMAL, the default, keeps every committed record when the process dies in any way. When the *machine* loses
    power, the last moments may be missing, though never torn; the exchanges of those moments were cut off with it.
    FULL waits for the disk at each commit: choose it where the record must outlive the machine.
    """

    NORMAL = "normal"
    FULL = "full"


def parse_url(url: str) -> URL:
    """Return the URL with its driver.

    Raises:
        StorageError: If it is not a URL of a SQLite file or of PostgreSQL.
    """
    try:
        parsed = make_url(url)
    except sa.exc.ArgumentError:
        raise _bad_url("it is not a URL") from None
    match parsed.get_backend_name():
        case "sqlite" if parsed.database and parsed.database != ":memory:":
            return parsed.set(drivername="sqlite+pysqlite")
        case "postgresql" | "postgres":
            return parsed.set(drivername="postgresql+psycopg")
        case "sqlite":
            raise _bad_url("it names no file")
        case other:
            raise _bad_url(f"{other!r} is not supported")


def _bad_url(why: str) -> StorageError:
    return StorageError(
        f"The database URL cannot be used: {why}.",
        remedy="Use sqlite:///path/to/leeward.db or postgresql://user@host/database.",
    )


def database_path(url: URL) -> Path | None:
    """Return the file of a SQLite database; None for a server."""
    if url.get_backend_name() != "sqlite":
        return None
    return Path(url.database or "").absolute()


def make_engine(url: str, *, synchronous: Synchronous = Synchronous.NORMAL) -> Engine:
    """Return an engine that connects to an existing database only; a SQLite file that has gone is not made anew.

    Raises:
        StorageError: If the URL or the driver cannot be used.
    """
    parsed = parse_url(url)
    path = database_path(parsed)
    if path is None:
        return _postgresql_engine(parsed)
    engine = sa.create_engine(parsed, creator=lambda: connect_sqlite(path, synchronous), hide_parameters=True)
    # The driver opens no transactions of its own accord, so DDL is transactional too.
    sa.event.listen(engine, "begin", _begin)
    _watch_file(engine, path)
    return engine


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE" if connection.get_execution_options().get(_WRITES) else "BEGIN")


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that may read before it writes, committed at the end.

    SQLite gives it the right to write at once: a transaction that began by reading fails, without waiting, when
    somebody else wrote between its reading and its writing.
    """
    with engine.connect() as connection:
        connection.execution_options(**{_WRITES: True})
        with connection.begin():
            yield connection


def _watch_file(engine: Engine, path: Path) -> None:
    """Never use a connection to a file that was removed or replaced: what is written to it is lost without a sound."""

    def note(_: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
        entry.info["inode"] = inode(path)

    def check(_: sqlite3.Connection, entry: ConnectionPoolEntry, __: object) -> None:
        if entry.info["inode"] != inode(path):
            raise sa.exc.DisconnectionError("the database file was removed or replaced")

    sa.event.listen(engine, "connect", note)
    sa.event.listen(engine, "checkout", check)


def inode(path: Path) -> int:
    """Return which file lies at `path`; 0 when there is none."""
    try:
        return path.stat().st_ino
    except OSError:
        return 0


def _postgresql_engine(url: URL) -> Engine:
    try:
        return sa.create_engine(url, connect_args=_POSTGRESQL, pool_pre_ping=True, hide_parameters=True)
    except ModuleNotFoundError as error:
        raise StorageError("The driver for PostgreSQL is not installed.", remedy=_NO_DRIVER) from error


def connect_sqlite(path: Path, synchronous: Synchronous) -> sqlite3.Connection:
    """Return a connection to an existing file, in autocommit mode."""
    connection = sqlite3.connect(
        f"file:{quote(str(path))}?mode=rw",
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=False,
    )
    try:
        connection.execute(f"PRAGMA synchronous = {synchronous.value}")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE passes by the triggers
        connection.execute("PRAGMA secure_delete = ON")  # erased evidence is overwritten
    except BaseException:
        connection.close()
        raise
    return connection


def make_file(path: Path) -> None:
    """Make an empty database file, readable by its owner only, unless there is one.

    Raises:
        StorageError: If the place cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StorageError(
            f"The database file {path} cannot be made: {error.strerror}.",
            remedy="Give the process a folder that it may write, or name another file.",
        ) from error


def driver_error(engine: Engine) -> type[Exception]:
    """Return the base class of what the engine's driver raises."""
    return engine.dialect.loaded_dbapi.Error


@contextmanager
def translated(engine: Engine, doing: str) -> Iterator[None]:
    """Turn errors of SQLAlchemy and of the driver into StorageError.

    Args:
        doing: What was being done, e.g. `reading records`.
    """
    try:
        yield
    except (sa.exc.SQLAlchemyError, driver_error(engine)) as error:
        raise StorageError(
            f"The store failed while {doing}: {cause_of(error)}.",
            meaning="Nothing was changed by this step.",
            remedy=remedy_for(error),
        ) from error


def cause_of(error: BaseException) -> str:
    """Return the reason in one line, without values of any row."""
    original = getattr(error, "orig", None) or error
    diagnosis: Any = getattr(original, "diag", None)
    if diagnosis is not None and diagnosis.message_primary:
        return f"{diagnosis.message_primary} ({diagnosis.sqlstate})"
    lines = str(original).strip().splitlines()
    return lines[0].rstrip(".") if lines else type(original).__name__


def remedy_for(error: BaseException) -> str:
    """Return what to do about an error of a driver."""
    cause = cause_of(error)
    for sign, remedy in _REMEDIES.items():
        if sign in cause:
            return remedy
    return "See that the database is there and can be reached, then try again."


_REMEDIES = {
    "locked": "Another process holds the database; stop it or move to PostgreSQL.",
    "full": "Make room on the disk; what could not be written is kept beside the database and follows by itself.",
    "malformed": "The file is damaged: restore it from a backup.",
    "not a database": "The file is damaged or something else: restore it from a backup.",
    "unable to open": "The database file is missing: restore it, or restart to begin a new one.",
}
