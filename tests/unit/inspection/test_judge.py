from __future__ import annotations

import asyncio
import threading
from dataclasses import replace

import pytest

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import Placement
from leeward.domain.verdict import CLEAR, Cause, Verdict
from leeward.domain.view import Span, Stage, View
from leeward.inspection.judge import Judge
from leeward.models.coverage import Coverage
from patience import PATIENCE_SECONDS
from tiny_rules import Spotter, by_id, rule, ruleset, threads

BAD = View("a bad thing", Stage.PROMPT, "messages[0].content", start=100)


class Slow(Spotter):
    """Looks in a thread and does not come back before it is let go."""

    def __init__(self) -> None:
        super().__init__("slow", {"bad": 0.9}, placement=Placement.THREAD, budget=0.01)
        self.let_go = threading.Event()

    def examine(self, view: View) -> Reading:
        self.let_go.wait(PATIENCE_SECONDS)
        return super().examine(view)


class Explainer(Spotter):
    """Gives scores alone and says why when asked."""

    def __init__(self, *, span: Span | None) -> None:
        super().__init__("explainer", scores={"bad": 0.8})
        self._span = span

    def explain(self, view: View, hazard: str, confidence: float) -> Finding:
        return Finding(hazard=hazard, confidence=confidence, span=self._span, evidence=("because",))


def judge(*detectors: Spotter, **hazards: str) -> Judge:
    rules = [rule(f"R-{name}", {"bad": 0.5}, detector=name) for name in (hazards or {d.info.id: "" for d in detectors})]
    return Judge(ruleset(*rules), by_id(*detectors), threads())


async def both(judging: Judge, view: View) -> Verdict:
    """The two ways must agree."""
    now, later = judging.judge(view), await judging.judge_async(view)

    assert now == later
    return now


@pytest.mark.parametrize("placement", Placement)
async def test_findings_of_detectors_fire_rules_wherever_they_run(placement: Placement) -> None:
    verdict = await both(judge(Spotter(words={"bad": 0.9}, placement=placement)), BAD)

    assert verdict.rules == ("R-spotter",)
    assert verdict.checked == {"R-spotter"}
    assert verdict.firings[0].part == "messages[0].content"
    assert verdict.firings[0].finding is not None
    assert verdict.firings[0].finding.span == Span(102, 105)


@pytest.mark.parametrize("placement", Placement)
async def test_a_detector_that_breaks_has_not_looked_and_quotes_nothing(placement: Placement) -> None:
    verdict = await both(judge(Spotter(words={"bad": 0.9}, placement=placement)), View("boom secret", Stage.PROMPT))

    assert verdict.unchecked == {"R-spotter"}
    assert verdict.disposition is Disposition.BLOCK
    assert [(f.cause, f.failure) for f in verdict.firings] == [(Cause.UNCHECKED, "exception:RuntimeError")]


async def test_a_detector_that_is_missing_has_not_looked() -> None:
    verdict = await both(judge(Spotter(), absent=""), View("fine", Stage.PROMPT))

    assert [(f.detector, f.failure) for f in verdict.firings] == [("absent", "unavailable")]


async def test_a_detector_that_takes_too_long_has_not_looked() -> None:
    slow = Slow()
    try:
        verdict = await both(judge(slow), BAD)
    finally:
        slow.let_go.set()

    assert [f.failure for f in verdict.firings] == ["timeout"]


async def test_a_stage_that_no_rule_asks_about_is_clear_and_nobody_looks() -> None:
    spotter = Spotter(words={"bad": 0.9})

    assert await both(judge(spotter), View("bad", Stage.DOCUMENT)) is CLEAR
    assert spotter.looks == 0


async def test_a_score_that_fires_is_explained_where_it_stands_in_the_part() -> None:
    verdict = await both(judge(Explainer(span=Span(2, 5))), BAD)

    assert verdict.firings[0].finding == Finding(
        hazard="bad", confidence=0.8, span=Span(102, 105), evidence=("because",)
    )


async def test_an_explanation_may_name_no_place() -> None:
    verdict = await both(judge(Explainer(span=None)), BAD)

    assert verdict.firings[0].finding == Finding(hazard="bad", confidence=0.8, evidence=("because",))


async def test_findings_that_name_their_place_and_failures_need_no_explanation() -> None:
    verdict = await both(judge(Explainer(span=None), Spotter(words={"bad": 0.9}), absent="", spotter=""), BAD)

    assert {f.detector: f.finding and f.finding.evidence for f in verdict.firings} == {"absent": None, "spotter": ()}


def test_it_knows_which_views_need_a_thread() -> None:
    judging = Judge(
        ruleset(
            rule("A", {"bad": 0.5}, stages=(Stage.PROMPT,)),
            rule("B", {"bad": 0.5}, detector="slow", stages=(Stage.REPLY,)),
        ),
        by_id(Spotter(words={"bad": 0.9}), Slow()),
        threads(),
    )

    assert judging.is_inline(View("x", Stage.PROMPT))
    assert not judging.is_inline(View("x", Stage.REPLY))


@pytest.mark.parametrize(
    ("disposition", "is_dry", "reach"),
    [
        (Disposition.BLOCK, False, 300),
        (Disposition.SANITIZE, False, 300),
        (Disposition.ANNOTATE, False, 0),
        (Disposition.BLOCK, True, 0),
    ],
)
def test_only_detectors_that_can_stop_or_change_text_hold_it_back(
    disposition: Disposition, is_dry: bool, reach: int
) -> None:
    judging = Judge(
        ruleset(rule("A", {"bad": 0.5}, disposition=disposition, dry_run=is_dry)),
        by_id(Spotter(words={"bad": 0.9}, reach=300)),
        threads(),
    )

    assert judging.reach_chars(Stage.REPLY) == reach


class Blind(Spotter):
    """Has nothing to compare with."""

    is_blind = True


def test_a_rule_whose_detector_has_nothing_to_compare_with_is_unchecked_and_stops_nothing() -> None:
    judge = Judge(ruleset(rule("R", {"bad": 0.5}, detector="blind")), by_id(Blind("blind")), threads())

    verdict = judge.judge(View("fine", Stage.PROMPT))

    assert verdict.unchecked == {"R"}
    assert verdict.checked == frozenset()
    assert verdict.disposition is Disposition.PASS


class Glancer(Spotter):
    """Tells of texts with a `?` only after a whole look; breaks at a glance on `ouch`. Keeps where it looked."""

    def __init__(self) -> None:
        super().__init__("glancer", {"bad": 0.9}, placement=Placement.THREAD)
        self.looked_in: list[str] = []

    def glance(self, view: View) -> Reading | None:
        if "ouch" in view.text:
            raise ValueError(f"cannot stand {view.text}")
        return None if "?" in view.text else super().examine(view)

    def examine(self, view: View) -> Reading:
        self.looked_in.append(threading.current_thread().name)
        return super().examine(view)


async def test_what_is_told_at_a_glance_needs_no_thread() -> None:
    glancer = Glancer()
    judging = judge(glancer)

    assert (await both(judging, BAD)).rules == ("R-glancer",)
    assert (await both(judging, View("fine", Stage.PROMPT))).checked == {"R-glancer"}
    assert glancer.looked_in == []


async def test_what_a_glance_cannot_tell_takes_a_whole_look_in_a_thread() -> None:
    glancer = Glancer()
    verdict = await both(judge(glancer), View("is it bad?", Stage.PROMPT))

    assert verdict.rules == ("R-glancer",)
    assert len(glancer.looked_in) == 2
    assert all(name.startswith("tiny-detector") for name in glancer.looked_in)


async def test_a_glance_that_breaks_has_not_looked_and_quotes_nothing() -> None:
    verdict = await both(judge(Glancer()), View("ouch secret", Stage.PROMPT))

    assert verdict.unchecked == {"R-glancer"}
    assert [f.failure for f in verdict.firings] == ["exception:ValueError"]


class Explaining(Explainer):
    """Sees at a glance; says why only when it is let go, and where it did."""

    def __init__(self, *, budget: float = PATIENCE_SECONDS) -> None:
        super().__init__(span=Span(0, 1))
        self.info = replace(self.info, placement=Placement.THREAD, budget_seconds=budget)
        self.may_end = threading.Event()
        self.explained_in = ""

    def glance(self, view: View) -> Reading:
        return self.examine(view)

    def explain(self, view: View, hazard: str, confidence: float) -> Finding:
        self.explained_in = threading.current_thread().name
        assert self.may_end.wait(PATIENCE_SECONDS)
        return super().explain(view, hazard, confidence)


async def test_reasons_that_take_long_keep_no_other_exchange_waiting() -> None:
    explaining = Explaining()
    waiting = asyncio.create_task(judge(explaining).judge_async(BAD))
    while not explaining.explained_in:
        await asyncio.sleep(0)
    explaining.may_end.set()
    verdict = await waiting

    assert explaining.explained_in.startswith("tiny-detector")
    assert verdict.firings[0].finding is not None
    assert verdict.firings[0].finding.evidence == ("because",)


async def test_what_was_seen_counts_even_if_the_reasons_come_too_late() -> None:
    explaining = Explaining(budget=0.01)
    verdict = await judge(explaining).judge_async(BAD)
    explaining.may_end.set()

    assert verdict.rules == ("R-explainer",)
    assert verdict.firings[0].finding == Finding(hazard="bad", confidence=0.8)


COVERAGE = Coverage({"R-spotter": frozenset({"en"})}, frozenset({"spotter"}))


@pytest.mark.parametrize(
    ("text", "language", "unmeasured"),
    [
        ("all is well", "en", set()),
        ("x", "th", {"R-spotter"}),
        ("one two three four five six", "und", {"R-spotter"}),
        ("hi", "und", set()),
        ("1, 2, 3: 4 + 5 = 9, and so on to 1000000000000", "und", set()),
    ],
)
async def test_a_rule_whose_classifier_was_not_measured_in_the_language_is_checked_and_said_to_be_unmeasured(
    text: str, language: str, unmeasured: set[str]
) -> None:
    rules = ruleset(rule("R-spotter", {"bad": 0.5}), rule("R-other", {"bad": 0.5}, detector="other"))
    judging = Judge(rules, by_id(Spotter(), Spotter("other")), threads(), COVERAGE)
    verdict = await both(judging, View(text, Stage.PROMPT, language=language))

    assert verdict.unmeasured == unmeasured
    assert verdict.checked == {"R-spotter", "R-other"}
    assert (verdict.unchecked, verdict.disposition) == (frozenset(), Disposition.PASS)


async def test_without_a_classifier_nothing_is_unmeasured() -> None:
    verdict = await both(judge(Spotter()), View("x", Stage.PROMPT, language="th"))

    assert verdict.unmeasured == frozenset()
