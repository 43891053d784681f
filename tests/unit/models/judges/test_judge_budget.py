from __future__ import annotations

import pytest

from leeward.models.judges.budget import FAILURES, REST_SECONDS, Budget


class Hands:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


def test_a_minutes_worth_can_be_spent_at_once_and_comes_back_evenly() -> None:
    clock = Hands()
    budget = Budget(60, clock)
    taken = [budget.take() for _ in range(61)]
    clock.at += 1.0

    assert taken == [True] * 60 + [False]
    assert [budget.take(), budget.take()] == [True, False]


def test_no_more_than_a_minutes_worth_is_saved_up() -> None:
    clock = Hands()
    budget = Budget(2, clock)
    clock.at += 3_600.0

    assert [budget.take() for _ in range(3)] == [True, True, False]


def test_several_requests_are_taken_together_or_not_at_all() -> None:
    budget = Budget(3, Hands())

    assert [budget.take(2), budget.take(2), budget.take(1)] == [True, False, True]


def test_a_budget_of_0_sets_no_limit() -> None:
    budget = Budget(0, Hands())

    assert all(budget.take(1_000) for _ in range(1_000))


def test_after_failures_in_a_row_the_judge_rests_and_is_then_asked_again() -> None:
    clock = Hands()
    budget = Budget(0, clock)
    for _ in range(FAILURES):
        budget.failed()
    during = budget.take()
    clock.at += REST_SECONDS

    assert (during, budget.take()) == (False, True)


def test_an_answer_in_between_breaks_the_row() -> None:
    budget = Budget(0, Hands())
    for _ in range(FAILURES - 1):
        budget.failed()
    budget.went_well()
    budget.failed()

    assert budget.take()


def test_a_budget_below_0_is_refused() -> None:
    with pytest.raises(ValueError, match="below 0"):
        Budget(-1, Hands())
