from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import sqlalchemy as sa

from leeward.errors import StorageError
from leeward.storage.engine import Synchronous, database_path, make_engine, make_file, parse_url, writing


@pytest.mark.parametrize("url", ["postgresql://u@h/d", "postgres://u@h/d", "postgresql+psycopg://u@h/d"])
def test_every_spelling_of_postgresql_uses_the_one_driver(url: str) -> None:
    assert parse_url(url).drivername == "postgresql+psycopg"


@pytest.mark.parametrize("url", ["mysql://h/d", "sqlite://", "sqlite:///:memory:", "leeward.db", ""])
def test_other_urls_are_refused_with_an_example(url: str) -> None:
    with pytest.raises(StorageError) as caught:
        parse_url(url)

    assert "sqlite:///path" in caught.value.diagnostics()


def test_a_server_has_no_file() -> None:
    assert database_path(parse_url("postgresql://u@h/d")) is None


@pytest.mark.parametrize(("synchronous", "number"), [(Synchronous.NORMAL, 1), (Synchronous.FULL, 2)])
def test_connections_have_the_pragmas(tmp_path: Path, synchronous: Synchronous, number: int) -> None:
    make_file(tmp_path / "a b.db")
    engine = make_engine(f"sqlite:///{tmp_path / 'a b.db'}", synchronous=synchronous)

    with engine.connect() as connection:
        pragmas = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("synchronous", "foreign_keys", "busy_timeout", "recursive_triggers", "secure_delete")
        ]
    engine.dispose()

    assert pragmas == [number, 1, 5000, 1, 1]


def test_a_new_database_file_is_for_its_owner_only(tmp_path: Path) -> None:
    make_file(tmp_path / "deep" / "records.db")

    assert (tmp_path / "deep" / "records.db").stat().st_mode & 0o777 == 0o600


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(StorageError, match="cannot be made"):
        make_file(tmp_path / "file" / "records.db")


def test_nobody_writes_between_the_reading_and_the_writing_of_a_transaction(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    make_file(file)
    engine = make_engine(f"sqlite:///{file}")
    other = sqlite3.connect(file, timeout=0, isolation_level=None)
    other.execute("PRAGMA journal_mode = WAL")
    other.execute("CREATE TABLE seen (who TEXT)")

    with writing(engine) as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM seen").scalar() == 0
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO seen VALUES ('other')")
        connection.exec_driver_sql("INSERT INTO seen VALUES ('we')")
    seen = other.execute("SELECT who FROM seen").fetchall()
    other.close()
    engine.dispose()

    assert seen == [("we",)]


def test_what_fails_in_a_writing_transaction_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "records.db"
    make_file(file)
    engine = make_engine(f"sqlite:///{file}")
    with writing(engine) as connection:
        connection.exec_driver_sql("CREATE TABLE seen (who TEXT)")

    with pytest.raises(sa.exc.OperationalError), writing(engine) as connection:
        connection.exec_driver_sql("INSERT INTO seen VALUES ('we')").connection.exec_driver_sql("nonsense")
    with engine.connect() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM seen").scalar()
    engine.dispose()

    assert left == 0
