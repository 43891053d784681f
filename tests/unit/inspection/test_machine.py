from __future__ import annotations

import pytest

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Finding
from leeward.domain.verdict import Firing
from leeward.domain.view import Span, Stage
from leeward.inspection.machine import PartPlan, StreamMachine
from leeward.inspection.steps import Annotate, Done, Examine, NeedText, Release, Step, Stop
from leeward.inspection.windows import CodePlan, WindowPlan
from tiny_rules import firing, verdict_of

WINDOWS = WindowPlan(stride_chars=10, reach_chars=4, size_chars=14, least_chars=4)
CLEAN = verdict_of(checked=("R",))


def machine(
    *, is_watched: bool = True, holds_to_end: bool = False, code: CodePlan | None = None, is_code: bool = False
) -> StreamMachine:
    plan = PartPlan(
        stage=Stage.REPLY,
        windows=WINDOWS,
        part="p",
        code=code,
        is_code=is_code,
        holds_to_end=holds_to_end,
        is_watched=is_watched,
    )
    return StreamMachine(plan, lambda text: "fr" if "oui" in text else "und", lambda _: ())


def whole(text: str, **how: bool) -> StreamMachine:
    made = machine(**how)  # type: ignore[arg-type]
    made.feed(text)
    made.end()
    return made


def steps(running: StreamMachine, *firings: Firing) -> list[Step]:
    """Run to the end or until text is needed; the first view fires, the rest are clean."""
    taken: list[Step] = []
    waiting = [verdict_of(*firings, checked=("R",))]
    while True:
        step = running.next_step()
        if isinstance(step, Examine):
            running.settle(waiting.pop() if waiting else CLEAN)
            continue
        taken.append(step)
        if isinstance(step, NeedText | Stop | Done):
            return taken


def flagged(disposition: Disposition, span: Span | None, replacement: str | None = None) -> Firing:
    found = Finding(hazard="h", confidence=1.0, span=span, replacement=replacement)
    seen = firing(disposition=disposition, span=span)
    return Firing(
        rule="R",
        name="R",
        disposition=disposition,
        duties=seen.duties,
        level=1,
        cause=seen.cause,
        detector="d",
        finding=found,
    )


def test_text_leaves_once_it_is_examined_and_out_of_reach() -> None:
    running = machine()
    running.feed("0123456789abc")
    assert not running.is_ready()
    running.feed("d")
    assert running.is_ready()

    assert steps(running) == [Release("0123456789"), NeedText()]
    assert (running.seen_chars, running.released_chars) == (14, 10)


def test_text_that_no_rule_watches_leaves_as_it_comes() -> None:
    running = machine(is_watched=False)
    running.feed("abc")

    assert running.is_ready()
    assert steps(running) == [Release("abc"), NeedText()]


def test_nothing_leaves_before_the_end_when_a_rule_holds_the_text() -> None:
    running = machine(holds_to_end=True)
    running.feed("x" * 50)
    assert steps(running) == [NeedText()]

    running.end()

    assert steps(running)[0] == Release("x" * 50)


def test_the_same_view_is_asked_until_it_is_settled() -> None:
    running = whole("abc")

    assert running.next_step() is running.next_step()


def test_a_verdict_that_nobody_asked_for_is_refused() -> None:
    with pytest.raises(ValueError, match="no view was to be examined"):
        machine().settle(CLEAN)


def test_text_after_the_end_is_refused() -> None:
    with pytest.raises(ValueError, match="has ended"):
        whole("abc").feed("d")


def test_it_is_over_once_it_has_said_so() -> None:
    running = whole("abc")
    assert not running.is_over
    steps(running)

    assert running.is_over
    stopped = whole("abc")
    assert isinstance(steps(stopped, firing())[-1], Stop)
    assert stopped.is_over
    assert stopped.verdict().disposition is Disposition.BLOCK


def test_what_should_be_cut_out_but_has_no_place_stops_the_text() -> None:
    assert isinstance(steps(whole("abc"), flagged(Disposition.SANITIZE, None))[-1], Stop)


def test_passages_are_cut_out_in_order_each_once() -> None:
    seen = [
        flagged(Disposition.SANITIZE, Span(4, 5), "-"),
        flagged(Disposition.SANITIZE, Span(1, 2)),
        flagged(Disposition.SANITIZE, Span(4, 5), "-"),
        flagged(Disposition.SANITIZE, Span(4, 6), "?"),
    ]

    assert steps(whole("abcdefg"), *seen)[:-1] == [Release("acd-?g")]


def test_a_passage_that_overlapping_windows_found_twice_is_replaced_once() -> None:
    seen = [flagged(Disposition.SANITIZE, Span(1, 4), "-"), flagged(Disposition.SANITIZE, Span(2, 6), "-")]

    assert steps(whole("abcdefg"), *seen)[:-1] == [Release("a-g")]


def test_a_passage_that_reaches_into_what_is_not_yet_released_is_cut_to_its_end() -> None:
    running = machine()
    running.feed("0123456789abcd")
    first = steps(running, flagged(Disposition.SANITIZE, Span(8, 12), "-"))
    running.end()

    assert [*first, *steps(running)][:3] == [Release("01234567-"), NeedText(), Release("cd")]


def test_a_note_about_the_whole_stands_at_its_end() -> None:
    noted = flagged(Disposition.ANNOTATE, None)

    assert steps(whole("abc"), noted)[:-1] == [Release("abc"), Annotate((noted,))]


def test_a_note_about_code_waits_for_the_block_to_close() -> None:
    running = machine(code=CodePlan(stride_chars=5, size_chars=100))
    running.feed("```c\nabcdefgh\n")
    noted = flagged(Disposition.ANNOTATE, Span(5, 8))
    asked = 0
    taken: list[Step] = []
    for more in ("", "```\n", None):
        if more is None:
            running.end()
        else:
            running.feed(more)
        while isinstance(step := running.next_step(), Examine):
            is_code = step.view.stage is Stage.CODE
            asked += is_code
            running.settle(verdict_of(noted) if is_code else CLEAN)
        while not isinstance(step, NeedText | Done):
            taken.append(step)
            while isinstance(step := running.next_step(), Examine):
                running.settle(CLEAN)

    assert asked == 2
    assert [s for s in taken if isinstance(s, Annotate)] == [Annotate((noted,))]
    text = ""
    for step in taken:
        if isinstance(step, Annotate):
            break
        text += step.text  # type: ignore[union-attr]
    assert text.startswith("```c\nabcdefgh\n")


def test_a_firing_that_changes_nothing_lets_the_text_pass() -> None:
    assert steps(whole("abc"), firing(disposition=Disposition.PASS))[:-1] == [Release("abc")]


def test_the_language_is_asked_again_after_an_unsure_answer() -> None:
    running = machine()
    running.feed("0123456789abcd oui, oui monsieur")
    running.end()
    told = []
    while isinstance(step := running.next_step(), Examine):
        told.append(step.view.language)
        running.settle(CLEAN)

    assert told[0] == "und"
    assert told[-1] == "fr"


def test_old_text_is_forgotten_and_positions_stay_right() -> None:
    running = machine()
    places = []
    for number in range(2_000):
        running.feed(f"{number:09} ")
        while not isinstance(step := running.next_step(), NeedText):
            if isinstance(step, Examine):
                places.append((step.view.start, step.view.text[-4:]))
                running.settle(CLEAN)

    assert running.seen_chars == 20_000
    assert len(running._text) < 10_000
    assert places[-1] == (20_000 - 6 - 14, f"{1999:09} "[:4])
