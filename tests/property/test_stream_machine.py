"""Streams may be cut anywhere: what leaves, what is noted and what is judged stays the same."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Finding
from leeward.domain.verdict import Cause, Firing, Verdict
from leeward.domain.view import Span, Stage, View
from leeward.inspection.drive import drive
from leeward.inspection.machine import PartPlan, StreamMachine
from leeward.inspection.steps import Annotate, Done, Output, Release, Stop
from leeward.inspection.windows import CodePlan, WindowPlan

MARKS = {
    "<stop>": Disposition.BLOCK,
    "<cut>": Disposition.SANITIZE,
    "<note>": Disposition.ANNOTATE,
}
CODE_MARKS = {"<bad>": Disposition.HARD_BLOCK, "<weak>": Disposition.ANNOTATE}
REACH = max(len(mark) for mark in (*MARKS, *CODE_MARKS))


@dataclass
class MarkJudge:
    """Fires on marks in the text, and keeps what it saw."""

    seen: list[View] = field(default_factory=list)

    def judge(self, view: View) -> Verdict:
        self.seen.append(view)
        marks = CODE_MARKS if view.stage is Stage.CODE else MARKS
        firings = tuple(
            Firing(
                rule=mark,
                name=mark,
                disposition=disposition,
                duties=frozenset(),
                level=1,
                cause=Cause.FINDING,
                detector="marks",
                finding=Finding(
                    hazard=mark,
                    confidence=1.0,
                    span=Span(view.start + m.start(), view.start + m.end()),
                    replacement="-",
                ),
            )
            for mark, disposition in marks.items()
            for m in re.finditer(re.escape(mark), view.text)
        )
        worst = max((f.disposition for f in firings), default=Disposition.PASS)
        return Verdict(worst, frozenset(), firings, {"marks": float(bool(firings))}, frozenset({"marks"}))

    async def judge_async(self, view: View) -> Verdict:
        return self.judge(view)

    def is_inline(self, view: View) -> bool:
        return True


def unknown(text: str) -> str:
    return "und"


def unread(text: str) -> tuple[()]:
    return ()


@st.composite
def plans(draw: st.DrawFn, *, holds: bool | None = None) -> PartPlan:
    stride = draw(st.integers(1, 40))
    reach = draw(st.integers(REACH, REACH + 20))
    size = draw(st.integers(stride + reach, stride + reach + 60))
    least = draw(st.integers(0, size))
    code_plans = st.builds(CodePlan, stride_chars=st.integers(5, 60), size_chars=st.just(10_000), holds=st.just(True))
    code = draw(st.none() | code_plans)
    return PartPlan(
        stage=Stage.REPLY,
        windows=WindowPlan(stride_chars=stride, reach_chars=reach, size_chars=size, least_chars=least),
        code=code,
        holds_to_end=draw(st.booleans()) if holds is None else holds,
    )


def texts(*marks: str) -> st.SearchStrategy[str]:
    piece = st.sampled_from(["word ", "a", "\n", "```\n", "```python\n", "~~~\n", "x = 1\n", "```", "`", "é", *marks])
    return st.lists(piece, max_size=80).map("".join)


def pieces(text: str, cuts: list[int]) -> list[str]:
    at = sorted({c % (len(text) + 1) for c in cuts})
    bounds = [0, *at, len(text)]
    return [text[a:b] for a, b in pairwise(bounds)]


def run(plan: PartPlan, parts: list[str], judge: MarkJudge) -> list[Output]:
    machine = StreamMachine(plan, unknown, unread)
    outputs: list[Output] = []
    for part in parts:
        machine.feed(part)
        outputs += drive(machine, judge)
        if machine.is_over:
            return outputs
    machine.end()
    return outputs + drive(machine, judge)


def shown(outputs: list[Output]) -> str:
    """What a reader sees, with notes in place."""
    parts = []
    for output in outputs:
        match output:
            case Release(text=text):
                parts.append(text)
            case Annotate(firings=firings):
                parts.append("[" + ",".join(sorted(f"{f.rule}" for f in firings)) + "]")
            case Stop():
                parts.append("[STOP]")
            case Done():
                pass
    return "".join(parts)


@given(plans(), texts("<note>", "<cut>", "<weak>"), st.lists(st.integers(0, 10_000), max_size=30))
def test_what_leaves_is_the_same_however_the_text_is_cut(plan: PartPlan, text: str, cuts: list[int]) -> None:
    whole, cut = MarkJudge(), MarkJudge()

    expected = shown(run(plan, [text], whole))
    actual = shown(run(plan, pieces(text, cuts), cut))

    assert expected == actual


@given(plans(), texts("<stop>", "<note>", "<bad>"), st.lists(st.integers(0, 10_000), max_size=30))
def test_the_verdict_is_the_same_however_the_text_is_cut(plan: PartPlan, text: str, cuts: list[int]) -> None:
    whole = run(plan, [text], MarkJudge())[-1]
    cut = run(plan, pieces(text, cuts), MarkJudge())[-1]

    assert type(whole) is type(cut)
    assert isinstance(whole, Stop | Done)
    assert isinstance(cut, Stop | Done)
    assert whole.verdict.disposition is cut.verdict.disposition or isinstance(whole, Stop)


@given(plans(), texts("<stop>"), st.lists(st.integers(0, 10_000), max_size=30))
def test_no_character_of_a_stopped_passage_ever_leaves(plan: PartPlan, text: str, cuts: list[int]) -> None:
    outputs = run(plan, pieces(text, cuts), MarkJudge())
    left = "".join(o.text for o in outputs if isinstance(o, Release))

    at = text.find("<stop>")
    assert text.startswith(left)
    assert at < 0 or len(left) <= at


@given(plans(), texts(), st.lists(st.integers(0, 10_000), max_size=30))
def test_no_character_leaves_before_it_and_its_reach_were_examined(plan: PartPlan, text: str, cuts: list[int]) -> None:
    judge = MarkJudge()
    machine = StreamMachine(plan, unknown, unread)
    for part in pieces(text, cuts):
        machine.feed(part)
        drive(machine, judge)
        examined = max((v.start + len(v.text) for v in judge.seen if v.stage is Stage.REPLY), default=0)
        assert machine.released_chars <= max(0, examined - plan.windows.reach_chars)


@given(plans(holds=False), texts("<bad>"), st.lists(st.integers(0, 10_000), max_size=30))
def test_code_leaves_only_once_it_was_examined_as_code(plan: PartPlan, text: str, cuts: list[int]) -> None:
    outputs = run(plan, pieces(text, cuts), MarkJudge())
    stopped = [o for o in outputs if isinstance(o, Stop)]
    left = "".join(o.text for o in outputs if isinstance(o, Release))

    if stopped:
        span = next(f.finding.span for f in stopped[0].verdict.firings if f.rule == "<bad>" and f.finding)
        assert span is not None
        assert len(left) <= span.start


@given(plans(holds=False), texts("<cut>"), st.lists(st.integers(0, 10_000), max_size=30))
def test_what_is_cut_from_a_reply_never_leaves(plan: PartPlan, text: str, cuts: list[int]) -> None:
    left = shown(run(plan, pieces(text, cuts), MarkJudge()))

    assert left == text.replace("<cut>", "-")


@settings(max_examples=30)
@given(plans(holds=False), st.integers(3, 40))
def test_long_streams_are_forgotten_as_they_leave(plan: PartPlan, thousands: int) -> None:
    machine = StreamMachine(plan, unknown, unread)
    longest = 0
    for _ in range(thousands * 100):
        machine.feed("ordinary\n ")
        drive(machine, MarkJudge())
        longest = max(longest, len(machine._text))

    assert longest <= 5_000 + plan.windows.size_chars
