"""A derivative that breaks its licence: notice, restriction on every replica, and what lifts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import pytest

from asgi_call import Answer
from inner_house import InnerHouse, inner_house
from leeward.config.tree import Store
from leeward.domain.record import Outcome
from leeward.licences.derivatives import steps
from leeward.licences.derivatives.steps import Stamp
from leeward.storage.derivatives import SqlDerivatives
from leeward.storage.engine import make_engine
from leeward.storage.schema import migrate
from leeward.wiring.clock import SystemClock
from made_derivatives import NOTICE, Numbers, facts, sighting

MODEL = "ours-13b"


@pytest.fixture
def registry(database_url: str) -> Iterator[SqlDerivatives]:
    """The registry as the command line uses it, beside the gateways."""
    migrate(database_url)
    engine = make_engine(database_url)
    yield SqlDerivatives(engine, SystemClock(), Numbers())
    engine.dispose()


def record(registry: SqlDerivatives, *problems: object, days: float = 0.0) -> str:
    told = sighting(facts(MODEL, *problems))  # type: ignore[arg-type]
    (one,) = registry.record([told], "scan by ada", days * 86_400.0)
    return one.entry.id


async def ask(running: InnerHouse, model: str = MODEL) -> Answer:
    return await running.chat("What is a keel?", model=model)


async def test_every_replica_refuses_the_model_from_the_deadline_until_it_is_lifted(
    tmp_path: Path, database_url: str, registry: SqlDerivatives
) -> None:
    entry = record(registry, NOTICE, days=1.0)
    async with AsyncExitStack() as stack:
        replicas = [
            await stack.enter_async_context(inner_house(tmp_path / name, store=Store(url=database_url)))
            for name in ("one", "two")
        ]

        async def asked() -> list[int]:
            for running in replicas:
                running.house.deadlines.look()
            return [(await ask(running)).status for running in replicas]

        under_notice = await asked()
        registry.change(entry, partial(steps.extend, why="no answer", stamp=Stamp(0.0, "bob")))
        restricted = await asked()
        registry.change(entry, partial(steps.lift, why="agreed with the licensor", stamp=Stamp(0.0, "ada")))
        lifted = await asked()

    assert (under_notice, restricted, lifted) == ([200, 200], [403, 403], [200, 200])
    assert [event.who for event in registry.history(entry)][-3:] == ["bob", "deadline", "ada"]


async def test_a_refusal_names_the_rule_the_clause_and_the_entry_and_accuses_nobody(
    tmp_path: Path, database_url: str, registry: SqlDerivatives
) -> None:
    entry = record(registry, NOTICE)
    async with inner_house(tmp_path, store=Store(url=database_url)) as running:
        answer = await ask(running, f"team/{MODEL}-GGUF")
        await running.house.store.flush()
        line = running.record(answer)
        other = await ask(running, "mistral-small-2506")

    assert (answer.status, answer.json()["error"]["code"]) == (403, "license_restricted")
    finding = answer.json()["leeward"]["findings"][0]
    assert (finding["rule"], finding["hazard"]) == ("RULE-MIST-003", "licence.derivative")
    assert finding["evidence"][:3] == ["MRL-0.1", "ship_notice_file", f"entry={entry}"]
    assert line.closed is not None
    assert line.closed.outcome is Outcome.RESTRICTED
    assert [firing.counts for firing in line.closed.verdict.firings if firing.disposition.stops] == [False]
    assert other.status == 200
    assert len(running.model.asked) == 1


async def test_a_model_put_right_is_served_again_after_a_scan(
    tmp_path: Path, database_url: str, registry: SqlDerivatives
) -> None:
    record(registry, NOTICE)
    async with inner_house(tmp_path, store=Store(url=database_url)) as running:
        before = await ask(running)
        record(registry)
        running.house.deadlines.look()
        after = await ask(running)

    assert (before.status, after.status) == (403, 200)
