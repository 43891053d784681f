from __future__ import annotations

from pathlib import Path

import pytest

from leeward.errors import StorageError
from leeward.storage.rows import Batch, closed_row, opened_row
from leeward.storage.sink import RowRefused
from leeward.storage.spill import Spill
from services_fixtures import Exchanges


class ListSink:
    """Keeps batches in a list; refuses rows whose id is in `poison`, and everything while `is_down`."""

    def __init__(self) -> None:
        self.ids: list[object] = []
        self.poison: set[object] = set()
        self.is_down = False

    def commit(self, batch: Batch) -> None:
        ids = [row[0] for row in (*batch.opened, *batch.closed, *batch.evidence)]
        if self.is_down:
            raise StorageError("down")
        if self.poison & set(ids):
            raise RowRefused("poison")
        self.ids += ids

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def spill(tmp_path: Path) -> Spill:
    return Spill(tmp_path)


def batch(exchanges: Exchanges) -> tuple[str, Batch]:
    opened = exchanges.opened()
    evidence = (opened.id, "RULE-MIST-001", 1.5, "k", b"\0\xff", b"\x80", "", None)
    return opened.id, Batch([opened_row(opened, "W")], [closed_row(exchanges.closed(opened))], [evidence])


def test_rows_come_back_as_they_were(spill: Spill, exchanges: Exchanges) -> None:
    _, rows = batch(exchanges)
    seen: list[Batch] = []

    class Catch(ListSink):
        def commit(self, batch: Batch) -> None:
            seen.append(batch)

    spill.append(rows)
    written = spill.replay(Catch())

    assert (written, seen) == (3, [rows])
    assert spill.is_empty


def test_a_failing_store_leaves_the_file_as_it_was(spill: Spill, exchanges: Exchanges) -> None:
    spill.append(batch(exchanges)[1])
    before = spill.path.read_bytes()
    sink = ListSink()
    sink.is_down = True

    with pytest.raises(StorageError, match="down"):
        spill.replay(sink)

    assert spill.path.read_bytes() == before


def test_a_line_torn_by_a_crash_is_set_aside_and_spoils_no_other(spill: Spill, exchanges: Exchanges) -> None:
    first, rows = batch(exchanges)
    spill.append(rows)
    with spill.path.open("ab") as file:
        file.write(b'{"closed":["01K')
    second, more = batch(exchanges)
    spill.append(more)
    sink = ListSink()

    spill.replay(sink)

    assert sink.ids.count(first) == sink.ids.count(second) == 3
    assert spill.refused_path.read_bytes() == b'{"closed":["01K\n'


def test_a_row_that_no_database_takes_is_set_aside_and_the_others_are_written(
    spill: Spill, exchanges: Exchanges
) -> None:
    bad, rows = batch(exchanges)
    spill.append(rows)
    good, more = batch(exchanges)
    spill.append(more)
    sink = ListSink()
    sink.poison = {bad}

    written = spill.replay(sink)

    assert (written, sink.ids) == (3, [good] * 3)
    assert len(spill.refused_path.read_text().splitlines()) == 3


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path, exchanges: Exchanges) -> None:
    with pytest.raises(StorageError, match="cannot be written"):
        Spill(tmp_path / "missing").append(batch(exchanges)[1])


def test_only_the_owner_may_read_the_file(spill: Spill, exchanges: Exchanges) -> None:
    spill.append(batch(exchanges)[1])

    assert spill.path.stat().st_mode & 0o777 == 0o600
