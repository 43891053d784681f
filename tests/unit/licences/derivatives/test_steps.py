from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.errors import TransitionError
from leeward.licences.derivatives import steps
from leeward.licences.derivatives.entry import Entry, Kind, Problem, State, Step
from leeward.licences.derivatives.steps import Change
from leeward.licences.registry import tidy
from made_derivatives import COPY, DAY, HIDDEN, NOTICE, entry, facts, sighting, stamp
from model_folders import LARGE
from services_fixtures import START

UNCLEAR = Problem(code="unreadable", message="config.json is broken", remedy="Fetch it again")
RESTRICTED = replace(entry(NOTICE), state=State.RESTRICTED)


def what(change: Change) -> list[Step]:
    return [event.step for event in change.events]


# What scans bring


def test_a_derivative_in_order_is_recorded_and_clear() -> None:
    change = steps.record("E", sighting(facts()), stamp())

    assert (change.entry.state, change.entry.due_at, what(change)) == (State.CLEAR, None, [Step.RECORDED])
    assert change.events[0].why == f"fine-tune of {LARGE}"


def test_what_is_wrong_brings_a_notice_with_a_deadline_at_once() -> None:
    change = steps.record("E", sighting(facts("ours", NOTICE, COPY)), stamp(notice_days=14))

    assert what(change) == [Step.RECORDED, Step.NOTICED]
    assert (change.entry.state, change.entry.due_at) == (State.NOTICED, START + 14 * DAY)
    assert (change.events[1].who, change.events[1].why) == ("scan by ada", "notice-missing, licence-copy-missing")


def test_what_is_only_unclear_brings_none() -> None:
    assert steps.record("E", sighting(facts("ours", UNCLEAR)), stamp()).entry.state is State.CLEAR


def test_a_scan_that_finds_the_same_adds_nothing_to_the_history_but_the_time() -> None:
    change = steps.see(entry(NOTICE), sighting(facts("ours-13b", NOTICE)), stamp(3))

    assert change.events == ()
    assert (change.entry.first_seen, change.entry.last_seen) == (START, START + 3 * DAY)


def test_another_fault_is_told_and_does_not_move_the_deadline() -> None:
    change = steps.see(entry(NOTICE), sighting(facts("ours-13b", NOTICE, COPY)), stamp(10))

    assert [(event.step, event.why) for event in change.events] == [(Step.CHANGED, "found: licence-copy-missing")]
    assert change.entry.due_at == START + 30 * DAY


@pytest.mark.parametrize("state", [State.NOTICED, State.RESTRICTED, State.LIFTED])
def test_a_model_put_right_is_clear_whatever_stood_against_it(state: State) -> None:
    change = steps.see(replace(entry(NOTICE), state=state), sighting(facts("ours-13b")), stamp(5))

    assert what(change) == [Step.CHANGED, Step.REMEDIED]
    assert (change.entry.state, change.entry.due_at, change.entry.excused) == (State.CLEAR, None, ())


def test_a_clear_model_that_goes_wrong_gets_a_notice_from_that_day() -> None:
    change = steps.see(entry(), sighting(facts("ours-13b", COPY)), stamp(100))

    assert (change.entry.state, change.entry.due_at) == (State.NOTICED, START + 130 * DAY)


def test_who_deletes_the_origin_from_the_card_stays_in_the_registry() -> None:
    silent = facts("ours-13b", bases=(), licence="MIT", kind=Kind.UNTOLD)
    change = steps.see(entry(), sighting(silent, is_derivative=False), stamp(2))

    assert change.entry.state is State.NOTICED
    assert change.entry.facts.bases == (LARGE,)
    assert change.entry.facts.licence == "MRL-0.1"
    assert [(p.code, p.about) for p in change.entry.facts.problems] == [("base-undeclared", LARGE)]


def test_weights_that_prove_to_be_strangers_end_the_matter() -> None:
    stranger = sighting(
        facts("ours-13b", bases=()), is_derivative=False, named=frozenset(), strangers=frozenset({tidy(LARGE)})
    )
    change = steps.see(entry(HIDDEN), stranger, stamp(2))

    assert (change.entry.state, change.entry.facts.bases) == (State.CLEAR, ())


def test_a_scan_that_did_not_look_at_the_weights_does_not_acquit() -> None:
    unseen = sighting(facts("ours-13b", bases=()), is_derivative=False, named=frozenset())
    change = steps.see(entry(HIDDEN), unseen, stamp(2))

    assert change.entry.state is State.NOTICED
    assert change.entry.facts.problems == (HIDDEN,)
    assert change.events == ()


def test_a_scan_without_the_origin_cannot_tell_that_its_licence_is_kept() -> None:
    unknown = Problem(code="base-unknown", message="nobody knows it", remedy="Scan it too", about=LARGE)
    alone = sighting(facts("ours-13b", unknown, licence="MIT"))
    once = steps.see(entry(NOTICE), alone, stamp(2)).entry
    twice = steps.see(once, alone, stamp(3)).entry

    assert [one.state for one in (once, twice)] == [State.NOTICED] * 2
    assert once.facts.problems == twice.facts.problems == (unknown, NOTICE)
    assert twice.facts.licence == "MRL-0.1"


def test_a_card_that_names_the_origin_settles_what_the_weights_showed() -> None:
    change = steps.see(entry(HIDDEN), sighting(facts("ours-13b")), stamp(2))

    assert (change.entry.state, change.entry.facts.problems) == (State.CLEAR, ())


# Deadlines


def test_a_passed_deadline_restricts() -> None:
    change = steps.restrict(entry(NOTICE), stamp(30, steps.DEADLINE))

    assert change.entry.state is State.RESTRICTED
    assert [(event.who, event.step) for event in change.events] == [("deadline", Step.RESTRICTED)]
    assert change.events[0].why == "the deadline passed and these stand: notice-missing"


@pytest.mark.parametrize(
    "still", [entry(), RESTRICTED, replace(entry(NOTICE), state=State.LIFTED, due_at=None), entry(NOTICE)]
)
def test_nothing_else_restricts(still: Entry) -> None:
    assert steps.restrict(still, stamp(29.9)) == Change(still)


# What people do


def test_a_restriction_is_lifted_by_a_person_with_a_reason() -> None:
    change = steps.lift(RESTRICTED, "agreed with the licensor", stamp(40, "ada"))

    assert (change.entry.state, change.entry.due_at) == (State.LIFTED, None)
    assert [(e.who, e.why, e.at) for e in change.events] == [("ada", "agreed with the licensor", START + 40 * DAY)]


@pytest.mark.parametrize("put_aside", [steps.lift, steps.close])
def test_what_a_person_accepted_stays_accepted_until_something_else_is_found(put_aside: object) -> None:
    accepted = put_aside(entry(NOTICE), "agreed", stamp(1, "ada")).entry  # type: ignore[operator]
    same = steps.see(accepted, sighting(facts("ours-13b", NOTICE)), stamp(2)).entry
    more = steps.see(accepted, sighting(facts("ours-13b", NOTICE, COPY)), stamp(2)).entry

    assert (same.state, more.state) == (accepted.state, State.NOTICED)


def test_more_time_takes_a_restriction_back_until_the_new_deadline() -> None:
    change = steps.extend(RESTRICTED, "they asked", stamp(40, "ada", notice_days=7))

    assert (change.entry.state, change.entry.due_at) == (State.NOTICED, START + 47 * DAY)


@pytest.mark.parametrize(("problems", "state"), [((NOTICE,), State.NOTICED), ((), State.CLEAR)])
@pytest.mark.parametrize("before", [State.LIFTED, State.CLOSED])
def test_what_was_put_aside_can_be_taken_up_again(problems: tuple[Problem, ...], state: State, before: State) -> None:
    aside = replace(entry(*problems), state=before, due_at=None, excused=("notice-missing",))
    change = steps.reopen(aside, "it was a mistake", stamp(50, "ada"))

    assert what(change)[0] is Step.REOPENED
    assert (change.entry.state, change.entry.due_at) == (state, START + 80 * DAY if problems else None)


@pytest.mark.parametrize("step", [steps.lift, steps.extend, steps.close])
def test_a_step_without_a_reason_is_refused(step: object) -> None:
    with pytest.raises(TransitionError, match="a reason is missing"):
        step(entry(NOTICE), "  ", stamp())  # type: ignore[operator]


@pytest.mark.parametrize(
    ("step", "state"),
    [
        (steps.lift, State.CLEAR), (steps.lift, State.LIFTED), (steps.extend, State.CLEAR),
        (steps.close, State.CLOSED), (steps.reopen, State.NOTICED),
    ],
)  # fmt: skip
def test_a_step_that_the_state_does_not_allow_says_which_it_is_for(step: object, state: State) -> None:
    with pytest.raises(TransitionError, match=f"is {state}, and .* is for those that are"):
        step(replace(entry(NOTICE), state=state), "why", stamp())  # type: ignore[operator]


# Declarations


def test_a_declaration_answers_that_nobody_said_so() -> None:
    change = steps.declare(entry(HIDDEN, COPY), facts(), ("support",), "told by the team", stamp(1, "ada"))

    assert change.entry.facts.problems == (COPY,)
    assert (change.entry.declared_bases, change.entry.served_as) == ((LARGE,), ("support",))
    assert (what(change), change.entry.state) == ([Step.DECLARED], State.NOTICED)


def test_a_declaration_of_another_origin_answers_nothing() -> None:
    other = facts(bases=("mistralai/Mistral-7B-v0.3",))

    assert steps.declare(entry(HIDDEN), other, (), "", stamp(1)).entry.facts.problems == (HIDDEN,)


def test_what_was_declared_holds_in_later_scans() -> None:
    declared = steps.declare(entry(HIDDEN), facts(), (), "", stamp(1)).entry
    again = steps.see(declared, sighting(facts("ours-13b", HIDDEN), named=frozenset()), stamp(2))

    assert (declared.state, again.entry.state) == (State.CLEAR, State.CLEAR)


def test_a_declared_model_waits_for_a_scan_to_see_it() -> None:
    declared = steps.declare_new("E", "place", facts(path=""), (), "", stamp()).entry
    seen = steps.see(declared, sighting(facts("ours-13b", COPY)), stamp(4)).entry

    assert (declared.first_seen, declared.last_seen) == (None, None)
    assert (seen.first_seen, seen.facts.path, seen.state) == (START + 4 * DAY, "/models/ours-13b", State.NOTICED)
