from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from leeward.errors import StorageError
from leeward.licences.derivatives.restrictions import Restrictions
from leeward.licences.registry import builtin_registry
from leeward.storage.derivatives import SqlDerivatives
from leeward.storage.engine import make_engine
from leeward.storage.schema import migrate
from leeward.wiring.deadlines import POLL_SECONDS, Deadlines
from made_derivatives import DAY, NOTICE, Numbers, facts, sighting
from services_fixtures import SetClock

MODEL = "ours-13b"


class Heeding:
    """Keeps what it is told, and says so."""

    def __init__(self) -> None:
        self.told: list[Restrictions] = []
        self.loop = asyncio.get_running_loop()
        self.renewed = asyncio.Event()

    def __call__(self, restrictions: Restrictions) -> None:
        self.told.append(restrictions)
        self.loop.call_soon_threadsafe(self.renewed.set)

    @property
    def restricts(self) -> bool:
        return self.told[-1].covering(MODEL) is not None


@pytest.fixture
def database(tmp_path: Path) -> Path:
    migrate(f"sqlite:///{tmp_path / 'records.db'}")
    return tmp_path / "records.db"


@pytest.fixture
def registry(database: Path, clock: SetClock) -> Iterator[SqlDerivatives]:
    engine = make_engine(f"sqlite:///{database}")
    yield SqlDerivatives(engine, clock, Numbers())
    engine.dispose()


def noticed(registry: SqlDerivatives) -> None:
    registry.record([sighting(facts(MODEL, NOTICE))], "scan by ada", 30 * DAY)


def test_the_registry_is_looked_at_often_enough_to_act_within_two_seconds() -> None:
    assert POLL_SECONDS <= 1.0


async def test_a_look_acts_on_what_is_due_and_has_it_heeded(registry: SqlDerivatives, clock: SetClock) -> None:
    noticed(registry)
    heeding = Heeding()
    deadlines = Deadlines(registry, builtin_registry(), heeding)
    deadlines.look()
    before = heeding.restricts
    clock.seconds += 30 * DAY
    deadlines.look()

    assert (before, heeding.restricts) == (False, True)


async def test_a_watch_looks_again_and_again(registry: SqlDerivatives, clock: SetClock) -> None:
    noticed(registry)
    heeding = Heeding()
    deadlines = Deadlines(registry, builtin_registry(), heeding)
    clock.seconds += 30 * DAY
    watching = asyncio.create_task(deadlines.watch())
    async with asyncio.timeout(120):
        await heeding.renewed.wait()
    watching.cancel()
    await asyncio.to_thread(deadlines.rest)

    assert heeding.restricts


async def test_while_the_store_cannot_be_read_the_restrictions_known_last_stand(
    registry: SqlDerivatives, clock: SetClock, database: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "leeward.derivatives")
    noticed(registry)
    clock.seconds += 30 * DAY
    heeding = Heeding()
    deadlines = Deadlines(registry, builtin_registry(), heeding)
    deadlines.look()
    database.rename(database.with_suffix(".away"))
    with pytest.raises(StorageError):
        deadlines.look()
    watching = asyncio.create_task(deadlines.watch())
    async with asyncio.timeout(120):
        while "restrictions_not_read" not in caplog.messages:
            await asyncio.sleep(0.005)
    stood = heeding.restricts
    heeding.renewed.clear()
    database.with_suffix(".away").rename(database)
    async with asyncio.timeout(120):
        await heeding.renewed.wait()
        while "restrictions_read_again" not in caplog.messages:
            await asyncio.sleep(0.005)
    watching.cancel()
    await asyncio.to_thread(deadlines.rest)

    assert (stood, heeding.restricts) == (True, True)


async def test_after_the_last_look_the_store_is_left_alone(registry: SqlDerivatives) -> None:
    heeding = Heeding()
    deadlines = Deadlines(registry, builtin_registry(), heeding)
    deadlines.rest()
    deadlines.look()

    assert heeding.told == []
