from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from leeward.errors import StorageError
from leeward.storage.evidence import Keyring
from leeward.storage.rows import Batch
from leeward.storage.spill import Spill
from leeward.storage.writer import Writer, WriterLimits
from patience import PATIENCE_SECONDS, until
from services_fixtures import TEST_KEY, Exchanges

PATIENT = WriterLimits(
    open_seconds=PATIENCE_SECONDS,
    linger_seconds=0.01,
    attempts=3,
    backoff_seconds=0.001,
    backoff_most_seconds=0.002,
    stop_seconds=PATIENCE_SECONDS,
)


class GatedSink:
    """Keeps batches; waits while the gate is shut, fails while `failure` is set."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failure: str = ""
        self.batches: list[tuple[int, int]] = []

    def commit(self, batch: Batch) -> None:
        self.entered.set()
        self.gate.wait(PATIENCE_SECONDS)
        if self.failure:
            raise StorageError(self.failure)
        self.batches.append((len(batch.opened), len(batch.closed)))

    def close(self) -> None:
        """Nothing is held."""


@pytest.fixture
def sink() -> GatedSink:
    return GatedSink()


@pytest.fixture
def make(sink: GatedSink, tmp_path: Path) -> Iterator[Callable[..., Writer]]:
    made: list[Writer] = []

    def writer(limits: WriterLimits = PATIENT, folder: Path = tmp_path) -> Writer:
        one = Writer(sink, Spill(folder), Keyring((TEST_KEY,)), worker="W", limits=limits)
        one.start()
        made.append(one)
        return one

    yield writer
    sink.gate.set()
    for one in made:
        one.close()


async def test_what_arrives_during_a_commit_shares_the_next_one(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges
) -> None:
    writer = make()
    sink.gate.clear()
    first = asyncio.create_task(writer.open_record(exchanges.opened()))
    await until(sink.entered.is_set)
    rest = [asyncio.create_task(writer.open_record(exchanges.opened())) for _ in range(40)]
    await asyncio.sleep(0)

    sink.gate.set()
    await asyncio.gather(first, *rest)

    assert sink.batches == [(1, 0), (40, 0)]


async def test_a_failure_reaches_everyone_who_waits_with_its_cause(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges
) -> None:
    writer = make()
    sink.failure = "the disk is full"

    results = await asyncio.gather(*(writer.open_record(exchanges.opened()) for _ in range(5)), return_exceptions=True)

    assert [str(result) for result in results] == ["the disk is full"] * 5


async def test_a_hanging_store_is_not_waited_for(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges
) -> None:
    writer = make(replace(PATIENT, open_seconds=0.05))
    sink.gate.clear()

    with pytest.raises(StorageError, match="not kept in time"):
        await writer.open_record(exchanges.opened())


async def test_a_caller_that_gives_up_gets_both_ends_recorded_when_it_closes(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges
) -> None:
    writer = make()
    sink.gate.clear()
    busy = asyncio.create_task(writer.open_record(exchanges.opened()))
    await until(sink.entered.is_set)
    opened = exchanges.opened()
    task = asyncio.create_task(writer.open_record(opened))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)

    writer.close_record(exchanges.closed(opened))
    sink.gate.set()
    await busy
    await until(lambda: writer.stats.written == 3)

    assert sink.batches == [(1, 0), (1, 1)]


async def test_ends_are_spilled_when_the_store_stays_away(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges, tmp_path: Path
) -> None:
    writer = make()
    opened = exchanges.opened()
    sink.failure = "away"

    writer.close_record(exchanges.closed(opened))
    await until(lambda: writer.stats.spilled == 1)

    assert opened.id in Spill(tmp_path).path.read_text()
    assert (writer.stats.failed, writer.stats.lost) == (3, 0)


async def test_without_store_and_without_spill_file_ends_wait_in_memory(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges, tmp_path: Path
) -> None:
    writer = make(folder=tmp_path / "missing")
    sink.failure = "away"
    writer.close_record(exchanges.closed(exchanges.opened()))
    await until(lambda: writer.stats.failed > 5)

    sink.failure = ""
    await until(lambda: writer.stats.written == 1)

    assert (sink.batches, writer.stats.lost) == ([(0, 1)], 0)


async def test_what_is_lost_in_the_end_is_counted(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges, tmp_path: Path
) -> None:
    writer = make(folder=tmp_path / "missing")
    sink.failure = "away"
    writer.close_record(exchanges.closed(exchanges.opened()))

    writer.close()

    assert writer.stats.lost == 1


async def test_a_store_that_hangs_while_closing_loses_no_end(
    sink: GatedSink, make: Callable[..., Writer], exchanges: Exchanges, tmp_path: Path
) -> None:
    writer = make(replace(PATIENT, stop_seconds=0.05, linger_seconds=0.0))
    sink.gate.clear()
    first, second = exchanges.opened(), exchanges.opened()
    writer.close_record(exchanges.closed(first))
    await until(sink.entered.is_set)
    writer.close_record(exchanges.closed(second))

    writer.close()

    spilled = Spill(tmp_path).path.read_text()
    assert first.id in spilled
    assert second.id in spilled
