"""Brings a database to the schema that this code expects."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from leeward.errors import StorageError
from leeward.storage.engine import database_path, make_engine, make_file, parse_url, translated

REVISIONS = ("0001", "0002", "0003")  # oldest first; the files in migrations/versions
HEAD = REVISIONS[-1]

_ADVISORY_LOCK = 0x6C65_6577  # "leew": one migration at a time in a PostgreSQL database
_LOCK_SECONDS = 60
_WAL_TRIES = 100


def migrate(url: str) -> bool:
    """Bring the database to the newest schema; safe when several processes start at once.

    Alembic is imported only when there is something to do.

    Returns:
        Whether anything had to be done.

    Raises:
        StorageError: If it cannot be reached, or if it is newer than this code.
    """
    path = database_path(parse_url(url))
    if path is not None:
        make_file(path)
    engine = make_engine(url)
    try:
        with translated(engine, "bringing the schema up to date"):
            if _current(engine) == HEAD:
                return False
            if path is not None:
                _use_wal(engine)
            return _upgrade(engine)
    finally:
        engine.dispose()


def _current(engine: Engine) -> str | None:
    with engine.connect() as connection:
        return _revision_of(connection)


def _revision_of(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    revision: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
    if revision is not None and revision not in REVISIONS:
        raise StorageError(
            f"The database has schema {revision}, which this version of leeward does not know (newest: {HEAD}).",
            meaning="It was used by a newer version; writing to it could damage records.",
            remedy="Update leeward, or use another database.",
        )
    return revision


def _use_wal(engine: Engine) -> None:
    """Switch to the write-ahead log; SQLite does not wait for others here, so try again while they hold the file."""
    connection = engine.raw_connection()
    try:
        for _ in range(_WAL_TRIES):
            try:
                connection.cursor().execute("PRAGMA journal_mode = WAL")
                return
            except engine.dialect.loaded_dbapi.OperationalError as error:
                if "locked" not in str(error):
                    raise
            time.sleep(0.05)
    finally:
        connection.close()
    raise StorageError(
        "The database file stays locked by another process.", remedy="Stop the other process, then try again."
    )


def _upgrade(engine: Engine) -> bool:
    with _exclusive(engine) as connection:
        if _revision_of(connection) == HEAD:  # another worker was first
            return False
        _run_alembic(connection)
        return True


@contextmanager
def _exclusive(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that only one process at a time can be in."""
    if engine.dialect.name == "postgresql":
        with engine.begin() as connection:
            connection.execute(sa.text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            connection.execute(sa.text(f"SET LOCAL statement_timeout = '{_LOCK_SECONDS}s'"))
            connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_ADVISORY_LOCK})"))
            yield connection
        return
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        assert driver is not None
        driver.execute(f"PRAGMA busy_timeout = {_LOCK_SECONDS * 1000}")
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection
        connection.commit()


def _run_alembic(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
