"""The contract of the record store, over memory, SQLite and PostgreSQL."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Finding
from leeward.domain.ports import RecordStore
from leeward.domain.record import Outcome
from leeward.domain.verdict import Cause
from leeward.errors import StorageError
from leeward.storage.memory import MemoryStore
from leeward.storage.sql import SqlStore
from services_fixtures import START, Exchanges, blocked, firing, record_id, settle

Store = MemoryStore | SqlStore
CANARY = "CANARY-71c4"


async def test_an_opened_record_can_be_found_at_once(store: Store, exchanges: Exchanges) -> None:
    opened = exchanges.opened(is_stream=True)

    await store.open_record(opened)

    line = store.find(opened.id)
    assert line is not None
    assert (line.opened, line.closed) == (opened, None)


async def test_a_closed_record_is_read_back_as_it_was_written(store: Store, exchanges: Exchanges) -> None:
    opened = exchanges.opened()
    unsure = firing("RULE-MIST-008", cause=Cause.UNCHECKED, finding=None, failure="timeout", counts=False, dry_run=True)
    closed = exchanges.closed(opened, blocked(firing(), unsure), Outcome.REFUSED_REPLY)

    await store.open_record(opened)
    store.close_record(closed)
    await settle(store, exchanges)

    line = store.find(opened.id)
    assert line is not None
    assert line.closed == closed


async def test_rules_that_were_not_measured_are_told_by_the_language_and_not_kept(
    store: Store, exchanges: Exchanges
) -> None:
    opened = exchanges.opened()
    closed = exchanges.closed(opened, replace(blocked(firing()), unmeasured=frozenset({"RULE-MIST-001"})))

    await store.open_record(opened)
    store.close_record(closed)
    await settle(store, exchanges)

    line = store.find(opened.id)
    assert line is not None
    assert line.closed == replace(closed, verdict=replace(closed.verdict, unmeasured=frozenset()))


async def test_words_of_a_finding_are_not_kept(store: Store, exchanges: Exchanges) -> None:
    opened = exchanges.opened()
    wordy = Finding(
        hazard="hate", confidence=0.9, message=CANARY, evidence=(CANARY,), replacement=CANARY, safe_alternative=CANARY
    )

    await store.open_record(opened)
    store.close_record(exchanges.closed(opened, blocked(firing(finding=wordy))))
    await settle(store, exchanges)

    assert CANARY not in repr(store.find(opened.id))


async def test_an_unknown_id_finds_nothing(store: Store) -> None:
    assert store.find(record_id(START, 1)) is None


async def test_the_newest_records_come_first_and_pages_follow_each_other(store: Store, exchanges: Exchanges) -> None:
    ids = []
    for _ in range(5):
        opened = exchanges.opened()
        ids.append(opened.id)
        await store.open_record(opened)

    first = [line.opened.id for line in store.latest(2)]
    second = [line.opened.id for line in store.latest(10, before=first[-1])]

    assert first + second == ids[::-1]


async def test_a_record_written_twice_stays_as_it_was_first(store: Store, exchanges: Exchanges) -> None:
    opened = exchanges.opened()
    again = exchanges.opened(id=opened.id, model="another")

    await store.open_record(opened)
    await store.open_record(again)
    store.close_record(exchanges.closed(opened))
    store.close_record(exchanges.closed(opened, outcome=Outcome.CRASHED))
    await settle(store, exchanges)

    line = store.find(opened.id)
    assert line is not None
    assert line.closed is not None
    assert (line.opened.model, line.closed.outcome) == ("mistral-small", Outcome.ANSWERED)


async def test_many_exchanges_at_once_are_all_kept(store: Store, exchanges: Exchanges) -> None:
    records = [exchanges.opened() for _ in range(300)]

    async def run(number: int) -> None:
        await store.open_record(records[number])
        store.close_record(exchanges.closed(records[number]))

    await asyncio.gather(*(run(n) for n in range(300)))
    await settle(store, exchanges)

    kept = [line for line in store.latest(1_000) if line.closed is not None]
    assert {line.opened.id for line in kept} == {record.id for record in records}


@pytest.mark.parametrize(
    "model", ["nul\0inside", "lone \ud800 surrogate", "x" * 100_000, "日本語 🌊", "'); DROP TABLE x;--"]
)
async def test_whatever_a_caller_calls_a_model_is_kept(store: Store, exchanges: Exchanges, model: str) -> None:
    opened = exchanges.opened(model=model)
    part = f"tools[0].{model}"

    await store.open_record(opened)
    store.close_record(exchanges.closed(opened, blocked(firing(part=part))))
    await settle(store, exchanges)

    line = store.find(opened.id)
    assert line is not None
    assert line.closed is not None
    assert line.opened.model[:3] == model[:3]


async def test_counts_are_by_disposition_and_by_rule_since_a_time(store: Store, exchanges: Exchanges) -> None:
    exchanges.at = START - 100
    early = exchanges.opened()
    exchanges.at = START
    calm, stopped, twice = exchanges.opened(), exchanges.opened(), exchanges.opened()
    for opened in (early, calm, stopped, twice):
        await store.open_record(opened)
    store.close_record(exchanges.closed(early, blocked(firing())))
    store.close_record(exchanges.closed(calm))
    store.close_record(exchanges.closed(stopped, blocked(firing(), firing())))
    store.close_record(exchanges.closed(twice, blocked(firing(), firing("RULE-MIST-006"))))
    await settle(store, exchanges)

    counts = store.counts_since(START)

    assert counts.exchanges == 3
    assert (counts.dispositions[Disposition.PASS], counts.dispositions[Disposition.BLOCK]) == (1, 2)
    assert counts.rules == {"RULE-MIST-001": 2, "RULE-MIST-006": 1}


async def test_a_store_that_is_not_started_takes_no_record(unstarted: Store, exchanges: Exchanges) -> None:
    port: RecordStore = unstarted

    with pytest.raises(StorageError, match="takes no records now"):
        await port.open_record(exchanges.opened())
