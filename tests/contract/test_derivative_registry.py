"""The registry of derivatives, over SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from threading import Barrier, Thread

import pytest
import sqlalchemy as sa

from leeward.errors import StorageError, TransitionError
from leeward.licences.derivatives import steps
from leeward.licences.derivatives.entry import Fault, Kind, State, Step, Wanted
from leeward.licences.derivatives.sighting import place_of_name
from leeward.licences.registry import builtin_registry
from leeward.storage.derivatives import SqlDerivatives
from leeward.storage.engine import make_engine
from leeward.storage.schema import migrate
from made_derivatives import COPY, DAY, NOTICE, Numbers, facts, sighting, stamp
from services_fixtures import START, SetClock

MONTH = 30 * DAY


@pytest.fixture
def registry(database_url: str, clock: SetClock) -> Iterator[SqlDerivatives]:
    migrate(database_url)
    engine = make_engine(database_url)
    yield SqlDerivatives(engine, clock, Numbers())
    engine.dispose()


def keep(registry: SqlDerivatives, *told: object) -> str:
    """Record one sighting and return the id of its entry."""
    (one,) = registry.record([sighting(facts(*told))], "scan by ada", MONTH)  # type: ignore[arg-type]
    return one.entry.id


def test_what_is_recorded_is_read_back_whole_with_its_history(registry: SqlDerivatives) -> None:
    (recorded,) = registry.record([sighting(facts("ours", NOTICE, where="nas"))], "scan by ada", MONTH)
    found = registry.find(recorded.entry.id)

    assert found == recorded.entry
    assert registry.history(recorded.entry.id) == recorded.events
    assert [event.step for event in recorded.events] == [Step.RECORDED, Step.NOTICED]
    assert recorded.is_new


def test_a_place_has_one_entry_however_often_it_is_scanned(registry: SqlDerivatives, clock: SetClock) -> None:
    first = keep(registry, "ours", NOTICE)
    clock.seconds += DAY
    (again,) = registry.record([sighting(facts("ours", NOTICE))], "scan by bob", MONTH)

    assert (again.entry.id, again.is_new, again.events) == (first, False, ())
    assert (again.entry.first_seen, again.entry.last_seen) == (START, START + DAY)
    assert len(registry.list(Wanted())) == 1


def test_models_that_come_from_no_other_are_not_kept(registry: SqlDerivatives) -> None:
    base = sighting(facts("base", NOTICE, bases=()), is_derivative=False)

    assert registry.record([base], "scan by ada", MONTH) == ()
    assert registry.list(Wanted()) == ()


def test_a_scan_is_kept_whole_or_not_at_all(registry: SqlDerivatives) -> None:
    broken = replace(sighting(facts("broken")), place=None)  # type: ignore[arg-type]

    with pytest.raises(StorageError):
        registry.record([sighting(facts("ours")), broken], "scan by ada", MONTH)

    assert registry.list(Wanted()) == ()


def test_a_declared_model_is_the_same_entry_once_it_is_seen(registry: SqlDerivatives) -> None:
    declared = registry.declare(facts("Ours", path=""), ("support",), "told", stamp())
    seen = keep(registry, "ours", NOTICE)

    assert declared.place == place_of_name("ours")
    assert seen == declared.id
    assert [event.step for event in registry.history(seen)] == [
        Step.DECLARED, Step.CHANGED, Step.NOTICED,
    ]  # fmt: skip


def test_a_declaration_of_a_known_model_joins_its_entry(registry: SqlDerivatives) -> None:
    known = keep(registry, "ours")

    assert registry.declare(facts("OURS", path=""), ("support",), "", stamp()).id == known
    assert registry.find(known).served_as == ("support",)  # type: ignore[union-attr]


def test_filters_join(registry: SqlDerivatives, clock: SetClock) -> None:
    noticed, clear = keep(registry, "wrong-13b", NOTICE), keep(registry, "right-13b")
    (merged,) = registry.record([sighting(facts("blend_1", COPY, kind=Kind.MERGE))], "scan by ada", MONTH)
    closed = keep(registry, "gone-13b", NOTICE)
    registry.change(closed, partial(steps.close, why="deleted", stamp=stamp(1, "ada")))

    def ids(**wanted: object) -> list[str]:
        return [entry.id for entry in registry.list(Wanted(**wanted))]  # type: ignore[arg-type]

    assert ids() == [merged.entry.id, clear, noticed]
    assert ids(with_closed=True) == [closed, merged.entry.id, clear, noticed]
    assert ids(state=State.CLOSED) == [closed]
    assert ids(state=State.NOTICED, kind=Kind.FINE_TUNE) == [noticed]
    assert ids(fault=Fault.MISSING_NOTICE) == [merged.entry.id, noticed]
    assert ids(fault=Fault.WRONG_NAME) == []
    assert ids(text="WRONG") == [noticed]
    assert ids(text="blend_") == [merged.entry.id]
    assert ids(text="%") == []
    assert ids(before=clear) == [noticed]
    assert registry.list(Wanted(), 1)[0].id == merged.entry.id
    assert registry.counts() == {
        State.CLEAR: 1, State.NOTICED: 2, State.RESTRICTED: 0, State.LIFTED: 0, State.CLOSED: 1,
    }  # fmt: skip


def test_names_lead_to_the_newest_entry(registry: SqlDerivatives) -> None:
    keep(registry, "ours")
    (moved,) = registry.record([sighting(facts("Ours", path="/elsewhere"))], "scan by ada", MONTH)

    assert registry.ids_of(["OURS", "nobody"]) == {"ours": moved.entry.id}


# Deadlines


def test_a_sweep_restricts_what_is_due_and_nothing_else(registry: SqlDerivatives, clock: SetClock) -> None:
    due = keep(registry, "due-13b", NOTICE)
    clock.seconds += DAY
    later, clear = keep(registry, "later-13b", NOTICE), keep(registry, "clear-13b")
    clock.seconds = START + MONTH

    assert [entry.id for entry in registry.sweep()] == [due]
    assert [registry.find(i).state for i in (later, clear)] == [State.NOTICED, State.CLEAR]  # type: ignore[union-attr]
    last = registry.history(due)[-1]
    assert (last.who, last.step, last.at) == ("deadline", Step.RESTRICTED, START + MONTH)


def test_a_second_sweep_has_nothing_to_do(registry: SqlDerivatives, clock: SetClock) -> None:
    due = keep(registry, "due-13b", NOTICE)
    clock.seconds += MONTH
    registry.sweep()

    assert registry.sweep() == ()
    assert [event.step for event in registry.history(due)].count(Step.RESTRICTED) == 1


def test_replicas_that_sweep_at_once_restrict_each_model_once(
    registry: SqlDerivatives, database_url: str, clock: SetClock
) -> None:
    due = [keep(registry, f"due-{number}", NOTICE) for number in range(8)]
    clock.seconds += MONTH
    together, swept = Barrier(3), list[str]()

    def sweep() -> None:
        engine = make_engine(database_url)
        replica = SqlDerivatives(engine, clock, Numbers())
        together.wait()
        swept.extend(entry.id for entry in replica.sweep())
        engine.dispose()

    threads = [Thread(target=sweep) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(swept) == sorted(due)
    assert [len(registry.history(entry)) for entry in due] == [3] * 8


def test_restrictions_are_those_of_the_restricted(registry: SqlDerivatives, clock: SetClock) -> None:
    due = keep(registry, "due-13b", NOTICE)
    keep(registry, "clear-13b")
    before = registry.restrictions(builtin_registry())
    clock.seconds += MONTH
    registry.sweep()
    during = registry.restrictions(builtin_registry())
    registry.change(due, partial(steps.lift, why="agreed", stamp=stamp(31, "ada")))
    after = registry.restrictions(builtin_registry())

    assert [one.covering("due-13b") is not None for one in (before, during, after)] == [False, True, False]
    assert during.covering("clear-13b") is None


def test_notices_are_listed_by_deadline(registry: SqlDerivatives, clock: SetClock) -> None:
    later = keep(registry, "later-13b", NOTICE)
    (sooner,) = registry.record([sighting(facts("sooner-13b", NOTICE))], "scan by ada", DAY)
    keep(registry, "clear-13b")

    assert [entry.id for entry in registry.noticed()] == [sooner.entry.id, later]


# What goes wrong


def test_an_unknown_entry_says_where_to_look(registry: SqlDerivatives) -> None:
    with pytest.raises(StorageError) as caught:
        registry.change("nothing", partial(steps.close, why="x", stamp=stamp()))

    assert "leeward licence registry list --all" in caught.value.diagnostics()


def test_a_step_that_is_refused_changes_nothing(registry: SqlDerivatives) -> None:
    clear = keep(registry, "clear-13b")

    with pytest.raises(TransitionError):
        registry.change(clear, partial(steps.lift, why="x", stamp=stamp()))

    assert len(registry.history(clear)) == 1


def test_an_entry_that_cannot_be_read_is_said_and_not_passed_over(registry: SqlDerivatives, database_url: str) -> None:
    keep(registry, "ours", NOTICE)
    engine = make_engine(database_url)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE licence_derivatives SET facts = '{'"))
    engine.dispose()

    with pytest.raises(StorageError, match="cannot be read"):
        registry.list(Wanted())


def test_a_store_that_is_gone_is_an_error_and_not_an_empty_registry(registry: SqlDerivatives) -> None:
    with registry._engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE licence_derivatives"))

    with pytest.raises(StorageError):
        registry.restrictions(builtin_registry())
