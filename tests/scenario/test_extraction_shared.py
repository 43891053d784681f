"""Suspicions of model extraction are shared by replicas, outlive a restart, and end when a person says so."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from asgi_call import Answer
from inner_house import InnerHouse, inner_house
from leeward.cli.suspicions import lift, list_steps, list_suspects
from leeward.config.tree import KnownJobTable, Store
from leeward.errors import StorageError
from leeward.extraction_watch.simulation.event import Event
from leeward.extraction_watch.simulation.traffic import Attack, attack
from leeward.gateway.settings import Answers

TODAY = datetime.now(UTC).date()


class SteppingClock:
    """A clock on which time passes between two looks at it; replicas share one."""

    def __init__(self) -> None:
        self._now = time.time()

    def now(self) -> float:
        self._now += 1.0
        return self._now


@asynccontextmanager
async def house(folder: Path, url: str, clock: SteppingClock, **tables: Any) -> AsyncIterator[InnerHouse]:
    async with inner_house(folder, store=Store(url=url), **tables) as opened:
        opened.house.equipment = replace(opened.house.equipment, clock=clock)
        yield replace(opened, app=opened.house.app())


async def share(*houses: InnerHouse) -> None:
    for each in houses:
        assert each.house.sharing is not None
        await each.house.sharing.round()


async def probe(running: InnerHouse, number: int, key: str) -> Answer:
    bias = {str(100 + number): 100}
    return await running.chat("Say it.", key=key, logit_bias=bias, logprobs=True, top_logprobs=5, max_tokens=1)


async def send(running: InnerHouse, event: Event, key: str) -> Answer:
    return await running.chat(event.text, key=key, **event.params)  # type: ignore[arg-type]


async def suspect(running: InnerHouse, key: str) -> Answer:
    """Probe until the caller is slowed down; return the first answer that says so."""
    for number in range(60):
        answer = await probe(running, number, key)
        if answer.status == 429:
            await share(running)
            return answer
    raise AssertionError("never slowed down")


@pytest.fixture
def settings_file(tmp_path: Path, database_url: str) -> Path:
    path = tmp_path / "leeward.toml"
    path.write_text(f"[store]\nurl = {json.dumps(database_url)}\n")
    return path


def sweep(count: int) -> Iterator[Event]:
    return attack(Attack(strategy="exam-sweep", queries=count), 3)


async def caught_after(houses: tuple[InnerHouse, ...], key: str, *, sharing: bool) -> int:
    for number, event in enumerate(sweep(600)):
        if (await send(houses[number % len(houses)], event, key)).status == 429:
            return number + 1
        if sharing and number % 10 == 9:
            await share(*houses)
    raise AssertionError("never caught")


async def test_a_sequence_split_over_two_replicas_is_caught_as_on_one(tmp_path: Path, database_url: str) -> None:
    clock = SteppingClock()
    async with house(tmp_path, database_url, clock) as one, house(tmp_path, database_url, clock) as other:
        keys = [one.house.store.keys.create(tenant).secret for tenant in ("alone", "together", "apart")]
        alone = await caught_after((one,), keys[0], sharing=True)
        together = await caught_after((one, other), keys[1], sharing=True)

    assert together <= 1.2 * alone + 10


async def test_a_replica_slows_down_whom_it_never_saw_itself_do_anything(tmp_path: Path, database_url: str) -> None:
    clock = SteppingClock()
    async with house(tmp_path, database_url, clock) as one, house(tmp_path, database_url, clock) as other:
        key = one.house.store.keys.create("acme").secret
        await probe(other, 0, key)
        await share(other)
        await suspect(one, key)
        await share(other)
        answer = await probe(other, 77, key)

    assert answer.status == 429


async def test_a_suspicion_outlives_a_restart(tmp_path: Path, database_url: str) -> None:
    clock = SteppingClock()
    async with house(tmp_path, database_url, clock) as first:
        key = first.house.store.keys.create("acme").secret
        await suspect(first, key)
    async with house(tmp_path, database_url, clock) as second:
        answer = await probe(second, 77, key)

    assert answer.status == 429


async def test_a_lift_by_a_person_ends_it_at_every_replica_and_is_kept(
    tmp_path: Path, database_url: str, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    clock = SteppingClock()
    async with house(tmp_path, database_url, clock) as one, house(tmp_path, database_url, clock) as other:
        key = one.house.store.keys.create("acme")
        await probe(other, 0, key.secret)
        await share(other)
        await suspect(one, key.secret)
        await share(other)
        list_suspects(config=settings_file, json=True)
        before = json.loads(capsys.readouterr().out)
        status = lift(key.public_id, reason="agreed with the owner", by="anna", config=settings_file)
        await share(one, other)
        answers = [await probe(each, 80, key.secret) for each in (one, other)]
        capsys.readouterr()
        list_suspects(config=settings_file, json=True)
        after = json.loads(capsys.readouterr().out)
        list_steps(key.public_id, config=settings_file, json=True)
        steps = json.loads(capsys.readouterr().out)

    assert status == 0
    assert [(s["key"], s["step"]) for s in before] == [(key.public_id, "soft")]
    assert [a.status for a in answers] == [200, 200]
    assert after == []
    told = {s["kind"]: (s["actor"], s["reason"]) for s in steps}
    assert told == {"lift": ("anna", "agreed with the owner"), "soft": ("extraction-watch", "")}


async def test_what_is_taken_from_requests_is_kept_as_a_step(
    tmp_path: Path, database_url: str, settings_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with house(tmp_path, database_url, SteppingClock()) as running:
        key = running.house.store.keys.create("acme")
        await suspect(running, key.secret)
        for number in range(60, 70):
            await probe(running, number, key.secret)
        await share(running)
        list_steps(key.public_id, config=settings_file, json=True)
        steps = json.loads(capsys.readouterr().out)

    hardened = [s for s in steps if s["kind"] == "hardening"]
    assert len(hardened) == 1
    assert "logit_bias: taken out" in hardened[0]["evidence"]


async def test_the_answer_says_what_was_seen_how_long_to_wait_and_whom_to_ask(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    async with house(tmp_path, url, SteppingClock(), answers=Answers(contact="desk@example.org")) as running:
        answer = await suspect(running, running.house.store.keys.create("acme").secret)
        message = answer.json()["error"]["message"]

    assert int(answer.headers["retry-after"]) >= 1
    assert "harvesting of log-probabilities" in message
    assert "write to desk@example.org" in message
    assert answer.headers["x-leeward-decision-id"] in message


@pytest.mark.parametrize(("days", "statuses"), [(1, {200}), (-2, {200, 429})])
async def test_a_known_job_passes_until_its_last_day(tmp_path: Path, days: int, statuses: set[int]) -> None:
    job = KnownJobTable(tenant="acme", until=TODAY + timedelta(days=days), reason="agreed")
    url = f"sqlite:///{tmp_path / 'records.db'}"
    async with house(tmp_path, url, SteppingClock(), known_job=(job,)) as running:
        key = running.house.store.keys.create("acme").secret
        answers = [await probe(running, number, key) for number in range(40)]

    assert {a.status for a in answers} == statuses


async def test_without_the_store_the_watch_goes_on_alone_and_tells_later(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    async with house(tmp_path, url, SteppingClock()) as running:
        key = running.house.store.keys.create("acme").secret
        sharing = running.house.sharing
        assert sharing is not None
        path = tmp_path / "records.db"
        for number in range(8):
            await probe(running, number, key)
        path.rename(tmp_path / "away.db")
        await sharing.round()
        (tmp_path / "away.db").rename(path)
        for number in range(8, 40):
            await probe(running, number, key)
        await sharing.round()
        (kept,) = running.house.suspicions.heaviest(1)

    assert kept.weight > 3.0


@pytest.mark.parametrize("key", ["unknown", ""])
def test_lifting_what_nobody_knows_says_what_to_do(tmp_path: Path, key: str) -> None:
    path = tmp_path / "leeward.toml"
    path.write_text(f'[store]\nurl = "sqlite:///{tmp_path / "records.db"}"\n')

    with pytest.raises(StorageError, match="Nothing is known") as error:
        lift(key, tenant="acme", reason="agreed", config=path)
    assert "suspects --all" in error.value.diagnostics()


def test_a_lift_needs_a_name_and_a_reason() -> None:
    assert lift("", reason="agreed") == 1
    assert lift("k1", reason=" ") == 1
