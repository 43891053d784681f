from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.inspection.windows import PROMPT_WINDOWS, REPLY_WINDOWS, WindowPlan


@st.composite
def plans(draw: st.DrawFn) -> WindowPlan:
    stride, reach = draw(st.integers(1, 60)), draw(st.integers(0, 60))
    size = stride + reach + draw(st.integers(0, 60))
    return WindowPlan(stride_chars=stride, reach_chars=reach, size_chars=size, least_chars=draw(st.integers(0, size)))


def windows(plan: WindowPlan, length: int) -> list[tuple[int, int]]:
    """Cut a whole text of `length` characters as the machine does."""
    cut, examined = [], 0
    while (end := plan.end_after(examined)) <= length:
        cut.append((plan.start_of(end), end))
        examined = end
    if examined < length:
        cut.append((plan.last_start(length, examined), length))
    return cut


@given(plans(), st.integers(1, 500), st.data())
def test_each_run_as_long_as_the_reach_lies_whole_in_some_window(
    plan: WindowPlan, length: int, data: st.DataObject
) -> None:
    run = min(length, max(plan.reach_chars, 1))
    start = data.draw(st.integers(0, length - run))

    assert any(a <= start and start + run <= b for a, b in windows(plan, length))


@given(plans(), st.integers(1, 500))
def test_no_window_is_longer_than_planned_and_the_last_ends_the_text(plan: WindowPlan, length: int) -> None:
    cut = windows(plan, length)

    assert all(0 <= b - a <= plan.size_chars for a, b in cut)
    assert cut[-1][1] == length


@given(plans(), st.integers(0, 500))
def test_the_next_window_ends_behind_what_is_examined_and_within_a_stride(plan: WindowPlan, examined: int) -> None:
    end = plan.end_after(examined)

    assert examined < end <= max(examined, plan.reach_chars) + plan.stride_chars


def test_a_short_rest_is_seen_together_with_what_came_before() -> None:
    plan = WindowPlan(stride_chars=100, reach_chars=10, size_chars=200, least_chars=80)

    assert plan.last_start(115, 110) == 115 - 80


def test_a_plan_that_cannot_hold_a_stride_and_a_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="stride_chars >= 1"):
        WindowPlan(stride_chars=0)
    with pytest.raises(ValueError, match="reach_chars >= 0"):
        WindowPlan(reach_chars=-1)
    with pytest.raises(ValueError, match="hold a stride and a reach"):
        WindowPlan(stride_chars=256, reach_chars=128, size_chars=383)


def test_a_detector_that_needs_more_widens_the_windows_and_one_that_needs_less_does_not() -> None:
    assert REPLY_WINDOWS.reaching(100) is REPLY_WINDOWS

    wide = REPLY_WINDOWS.reaching(500)

    assert (wide.reach_chars, wide.stride_chars, wide.size_chars) == (500, 256, 756)


def test_replies_hold_back_little_and_prompts_are_cut_coarsely() -> None:
    assert REPLY_WINDOWS.hold_back_chars == (128, 384)
    assert PROMPT_WINDOWS.size_chars > 4 * REPLY_WINDOWS.size_chars
