"""What is known of callers, shared through the store: both databases, several processes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from leeward.errors import StorageError
from leeward.extraction_watch.steps import StepKind, StepTaken
from leeward.storage.engine import driver_error, make_engine
from leeward.storage.schema import migrate
from leeward.storage.suspicions import SqlSuspicions, State
from leeward.wiring.clock import Ulids
from services_fixtures import START, SetClock


@pytest.fixture
def store(database_url: str, clock: SetClock) -> Iterator[SqlSuspicions]:
    migrate(database_url)
    engine = make_engine(database_url)
    yield SqlSuspicions(engine, clock, Ulids())
    engine.dispose()


def state(key: str = "k1", *, version: int = 0, weight: float = 1.0, content: bytes = b"one") -> State:
    return State(tenant="acme", key=key, version=version, weight=weight, content=content)


def step(kind: StepKind = StepKind.SOFT, *, at: float = START, key: str = "k1") -> StepTaken:
    return StepTaken(
        at=at, tenant="acme", key=key, kind=kind, hazard="extraction.logprobs", probability=0.6, evidence=("a=1",)
    )


def test_who_knows_the_newest_version_writes(store: SqlSuspicions) -> None:
    first = store.share([state()], {}, START)
    second = store.share([state(version=1, content=b"two")], {}, START)

    assert first.kept == {("acme", "k1"): 1}
    assert second.kept == {("acme", "k1"): 2}
    assert [s.content for s in store.find("acme", "k1")] == [b"two"]


@pytest.mark.parametrize("version", [0, 1])
def test_who_does_not_gets_what_others_wrote_and_writes_nothing(store: SqlSuspicions, version: int) -> None:
    store.share([state()], {}, START)
    store.share([state(version=1, content=b"two")], {}, START)
    late = store.share([state(version=version, content=b"late")], {}, START)

    assert late.kept == {}
    assert [(s.version, s.content) for s in late.newer] == [(2, b"two")]
    assert [s.content for s in store.find("acme", "k1")] == [b"two"]


def test_news_of_others_come_only_of_callers_that_a_process_knows(store: SqlSuspicions) -> None:
    store.share([state(), state("k2")], {}, START)
    store.share([state(version=1, content=b"two")], {}, START)
    told = store.share([], {("acme", "k1"): 1, ("acme", "k3"): 5}, START)

    assert [(s.key, s.content) for s in told.newer] == [("k1", b"two")]


def test_old_news_are_not_looked_through(store: SqlSuspicions, clock: SetClock) -> None:
    store.share([state()], {}, START)
    clock.seconds += 3_600

    assert store.share([], {("acme", "k1"): 0}, clock.seconds).newer == ()


def test_a_lift_is_heard_once_and_stands_against_what_is_written_late(store: SqlSuspicions) -> None:
    store.share([state(), state("k2")], {}, START)
    store.lift([("acme", "k1")], actor="anna", reason="agreed")
    heard = store.share([state(version=1), state("k2", version=1)], {("acme", "k1"): 1}, START)
    again = store.share([state()], {}, START, tuple(heard.lifts))

    assert list(heard.lifts.values()) == [("acme", "k1")]
    assert heard.kept == {("acme", "k2"): 2}
    assert again.lifts == {}
    assert again.kept == {("acme", "k1"): 1}


def test_a_lift_keeps_who_and_why(store: SqlSuspicions) -> None:
    store.lift([("acme", "k1"), ("acme", "")], actor="anna", reason="agreed with the owner")
    kept = store.steps(10)

    assert {(s.key, s.kind, s.actor, s.reason) for s in kept} == {
        ("k1", StepKind.LIFT, "anna", "agreed with the owner"),
        ("", StepKind.LIFT, "anna", "agreed with the owner"),
    }


def test_a_lift_without_a_reason_is_refused(store: SqlSuspicions) -> None:
    with pytest.raises(StorageError, match="who decided and why"):
        store.lift([("acme", "k1")], actor="anna", reason="")


def test_a_step_that_several_processes_see_is_kept_once(store: SqlSuspicions) -> None:
    assert store.keep_steps([step(), step(StepKind.HARD)]) == 2
    assert store.keep_steps([step(at=START + 1.0), step(at=START + 1.0, key="k2")]) == 1
    assert store.keep_steps([step(at=START + 3_600.0)]) == 1


def test_a_step_after_a_lift_is_kept(store: SqlSuspicions, clock: SetClock) -> None:
    store.keep_steps([step()])
    clock.seconds += 5.0
    store.lift([("acme", "k1")], actor="anna", reason="agreed")

    assert store.keep_steps([step(at=START + 9.0)]) == 1
    assert [s.kind for s in store.steps(9)] == [StepKind.SOFT, StepKind.LIFT, StepKind.SOFT]


def test_steps_come_back_as_they_were(store: SqlSuspicions) -> None:
    store.keep_steps([step(), step(key="")])

    assert store.steps(1, key="k1") == (step(),)
    assert store.steps(9, tenant="nobody") == ()


def test_steps_cannot_be_changed_or_deleted(store: SqlSuspicions, database_url: str) -> None:
    store.keep_steps([step()])
    engine = make_engine(database_url)
    errors = (sa.exc.SQLAlchemyError, driver_error(engine))
    for change in ("UPDATE extraction_steps SET reason = 'x'", "DELETE FROM extraction_steps"):
        with pytest.raises(errors, match="append-only"), engine.begin() as connection:
            connection.execute(sa.text(change))
    engine.dispose()

    assert len(store.steps(9)) == 1


def test_the_strongest_evidence_comes_first(store: SqlSuspicions) -> None:
    store.share([state("k1", weight=0.1), state("k2", weight=5.0), state("k3", weight=2.0)], {}, START)

    assert [s.key for s in store.heaviest(9, 0.5)] == ["k2", "k3"]
    assert [s.key for s in store.heaviest(1)] == ["k2"]


def test_the_longest_unseen_are_forgotten(store: SqlSuspicions, clock: SetClock) -> None:
    for number in range(4):
        store.share([state(f"k{number}")], {}, clock.seconds)
        clock.seconds += 100.0
    old = store.prune(START + 50.0, 10)
    beyond = store.prune(0.0, 2)

    assert (old, beyond) == (1, 1)
    assert sorted(s.key for s in store.heaviest(9)) == ["k2", "k3"]
