"""Records are opened on the caller's thread where nothing has to be waited for."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.domain.record import Opened
from leeward.storage import migrate
from leeward.storage.quick import QuickSqlite
from leeward.storage.rows import Row, opened_row
from leeward.storage.sink import insert_opened


def row(number: int) -> Row:
    record = Opened(
        id=f"01MCC5RM00000000000000{number:04d}",
        at=1_800_000_000.0,
        endpoint="chat.completions",
        model="m",
        tenant="t",
        key="",
        end_user="",
        ruleset_name="mistral-v1",
        ruleset="sha256:0",
        is_stream=False,
    )
    return opened_row(record, "worker")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path}/records.db")
    return tmp_path / "records.db"


@pytest.fixture
def quick(path: Path) -> Iterator[QuickSqlite]:
    opener = QuickSqlite(path, insert_opened("sqlite"))
    yield opener
    opener.close()


def count(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return int(connection.execute("SELECT count(*) FROM exchange_opened").fetchone()[0])
    finally:
        connection.close()


def test_a_row_is_committed_when_put_returns_true(quick: QuickSqlite, path: Path) -> None:
    assert quick.put(row(1))
    assert count(path) == 1


def test_a_locked_database_is_left_to_the_writer_at_once(quick: QuickSqlite, path: Path) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    refused = quick.put(row(1))
    other.execute("ROLLBACK")
    other.close()

    assert not refused
    assert count(path) == 0
    assert quick.put(row(2))


def test_a_removed_file_is_not_written(quick: QuickSqlite, path: Path) -> None:
    path.unlink()

    assert not quick.put(row(2))
    assert not path.exists()


def test_the_same_row_twice_is_kept_once(quick: QuickSqlite, path: Path) -> None:
    assert quick.put(row(1))
    assert quick.put(row(1))
    assert count(path) == 1
