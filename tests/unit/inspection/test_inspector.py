from __future__ import annotations

import asyncio
import threading

import pytest

from leeward.domain.disposition import Disposition, Release
from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import Placement
from leeward.domain.rule import Rule
from leeward.domain.view import CONTEXT_CHARS, Span, Stage, View
from leeward.inspection.drive import drive
from leeward.inspection.inspector import InspectionSettings, Inspector, Passage
from leeward.inspection.judge import Judge
from leeward.inspection.windows import REPLY_WINDOWS
from patience import PATIENCE_SECONDS
from tiny_rules import Spotter, by_id, rule, ruleset, threads

STOP = rule("STOP", {"stop": 0.5})
CUT = rule("CUT", {"cut": 0.5}, disposition=Disposition.SANITIZE)


def inspector(*rules: Rule, spotter: Spotter | None = None, settings: InspectionSettings | None = None) -> Inspector:
    spotter = spotter or Spotter(words={"stop": 1.0, "cut": 1.0, "eval": 1.0})
    return Inspector(Judge(ruleset(*rules), by_id(spotter), threads()), settings or InspectionSettings(), b"k" * 32)


async def both(text: str, *rules: Rule, stage: Stage = Stage.PROMPT, **how: bool | str) -> Passage:
    """The two ways must agree."""
    now = inspector(*rules).inspect(text, stage, "p", **how)  # type: ignore[arg-type]
    later = await inspector(*rules).inspect_async(text, stage, "p", **how)  # type: ignore[arg-type]

    assert now == later
    return now


async def test_a_text_without_findings_passes_as_it_is() -> None:
    passage = await both("all is well", STOP, CUT)

    assert (passage.text, passage.is_changed, passage.verdict.disposition) == ("all is well", False, Disposition.PASS)
    assert passage.verdict.checked == {"STOP", "CUT"}


async def test_flagged_passages_are_cut_out() -> None:
    passage = await both("please cut this", STOP, CUT)

    assert passage.is_changed
    assert passage.text == "please - this"
    assert passage.verdict.disposition is Disposition.SANITIZE


async def test_a_text_that_is_stopped_is_not_cut() -> None:
    passage = await both("please stop this", STOP, CUT)

    assert not passage.is_changed
    assert passage.verdict.disposition is Disposition.BLOCK


async def test_fenced_code_in_a_reply_and_a_reply_that_is_code_are_asked_about_code() -> None:
    code = rule("CODE", {"eval": 0.5}, stages=(Stage.CODE,), disposition=Disposition.ANNOTATE)
    fenced = await both("Run:\n```python\neval(x)\n```\n", code, stage=Stage.REPLY)
    whole = await both("eval(x)\n", code, stage=Stage.REPLY, is_code=True, code_language="python")
    prose = await both("never eval things\n", code, stage=Stage.REPLY)
    prompt = await both("```python\neval(x)\n```\n", code)

    assert [p.verdict.rules for p in (fenced, whole, prose, prompt)] == [("CODE",), ("CODE",), (), ()]


async def test_a_text_seen_before_is_not_looked_at_again_and_tells_its_new_place() -> None:
    spotter = Spotter(words={"stop": 1.0})
    looking = inspector(STOP, spotter=spotter)
    looking.inspect("please stop", Stage.PROMPT, "first")
    again = await looking.inspect_async("please stop", Stage.PROMPT, "second")

    assert spotter.looks == 1
    assert [f.part for f in again.verdict.firings] == ["second"]
    looking.inspect("please stop", Stage.TOOL_RESULT, "first")
    assert spotter.looks == 2


async def test_clean_texts_and_code_are_remembered_apart() -> None:
    spotter = Spotter(words={"stop": 1.0})
    looking = inspector(STOP, spotter=spotter)
    for _ in range(2):
        looking.inspect("fine", Stage.REPLY)
        await looking.inspect_async("fine", Stage.REPLY, is_code=True, code_language="c")
        looking.inspect("fine", Stage.REPLY, is_code=True, code_language="go")

    assert spotter.looks == 5  # prose once; each code once as a reply and once as code


async def test_a_look_that_failed_is_not_remembered() -> None:
    spotter = Spotter(words={"stop": 1.0})
    looking = inspector(STOP, spotter=spotter)

    assert looking.inspect("boom", Stage.PROMPT).verdict.unchecked == {"STOP"}
    assert (await looking.inspect_async("boom", Stage.PROMPT)).verdict.unchecked == {"STOP"}
    assert spotter.looks == 2


def test_only_so_many_texts_are_remembered_the_oldest_is_forgotten_first() -> None:
    spotter = Spotter(words={"stop": 1.0})
    looking = inspector(STOP, spotter=spotter, settings=InspectionSettings(cache_entries=2))
    for text in ("one", "two", "one", "three", "one", "two"):
        looking.inspect(text, Stage.PROMPT)

    assert spotter.looks == 4  # `one` was used, so `two` went when `three` came


@pytest.mark.parametrize("placement", Placement)
async def test_scores_of_every_hazard_are_told_without_stopping(placement: Placement) -> None:
    spotter = Spotter(words={"stop": 1.0}, scores={"odd": 0.25}, placement=placement)
    looked = await inspector(STOP, spotter=spotter).hazards("stop here", Stage.PROMPT)

    assert (looked.scores, looked.failed) == ({"stop": 1.0, "odd": 0.25}, set())


def test_a_detector_that_must_see_more_makes_replies_wait_longer() -> None:
    assert inspector(STOP).reply_windows == REPLY_WINDOWS
    assert inspector(STOP, spotter=Spotter(words={"stop": 1.0}, reach=700)).reply_windows.reach_chars == 700


def test_a_rule_that_releases_at_the_end_holds_the_reply() -> None:
    held = inspector(rule("STOP", {"stop": 0.5}, release=Release.AT_END)).machine(Stage.REPLY)
    free = inspector(STOP).machine(Stage.REPLY)
    for machine in (held, free):
        machine.feed("x" * 2_000)
    judge = inspector(STOP).judge

    assert drive(held, judge) == []
    assert drive(free, judge) != []


class Anything(Spotter):
    """Knows one image and one model."""

    def examine(self, view: View) -> Reading:
        is_known = view.image == b"known" or view.facts.get("model") == "m"
        return Reading((Finding(hazard="stop", confidence=1.0),) if is_known else ())


async def test_images_and_facts_are_judged_too() -> None:
    stages = (Stage.IMAGE, Stage.EXCHANGE)
    looking = inspector(rule("STOP", {"stop": 0.5}, stages=stages), spotter=Anything(words={"stop": 1.0}))

    assert (await looking.judge_image(b"known", "p")).rules == ("STOP",)
    assert (await looking.judge_image(b"other", "p")).rules == ()
    assert looking.judge_facts(Stage.EXCHANGE, {"model": "m"}).rules == ("STOP",)
    assert looking.judge_facts(Stage.EXCHANGE).rules == ()


def test_what_is_left_is_looked_at_again_and_told_in_source_positions() -> None:
    class Peeling(Spotter):
        """Finds `cut`, and `more` once no `cut` stands before it."""

        def examine(self, view: View) -> Reading:
            found = super().examine(view).findings
            return Reading(tuple(f for f in found if f.hazard == "cut") or found)

    both = rule("CUT", {"cut": 0.5, "more": 0.5}, disposition=Disposition.SANITIZE)
    text = "please cut this and more \U0001f600"
    passage = inspector(both, spotter=Peeling(words={"cut": 1.0, "more": 1.0})).inspect(text, Stage.PROMPT)

    assert passage.text == "please - this and - \U0001f600"
    assert [text[edit.span.start : edit.span.stop] for edit in passage.edits] == ["cut", "more"]
    spans = [f.finding.span for f in passage.verdict.firings if f.finding is not None and f.finding.span is not None]
    assert [text[span.start : span.stop] for span in spans] == ["cut", "more"]


def test_what_is_unsure_is_cut_at_the_first_look_only() -> None:
    class Restless(Spotter):
        """Finds the first word that is left, without being sure of it."""

        def examine(self, view: View) -> Reading:
            return Reading(super().examine(view).findings[:1])

    passage = inspector(CUT, spotter=Restless(words={"cut": 0.6})).inspect("cut and cut and cut", Stage.PROMPT)

    assert passage.text == "- and cut and cut"
    assert len(passage.verdict.firings) == 1


def test_what_hides_an_order_behind_each_cut_is_replaced_whole() -> None:
    class Restless(Spotter):
        """Finds the first word that is left, and is sure of it."""

        def examine(self, view: View) -> Reading:
            return Reading(super().examine(view).findings[:1])

    def left_of(times: int) -> str:
        spotter = Restless(words={"cut": 1.0})
        return inspector(CUT, spotter=spotter).inspect("honest words " + "cut and " * times, Stage.PROMPT).text

    assert left_of(3) == "honest words - and - and - and "
    assert {left_of(times) for times in (4, 5, 50)} == {"[removed]"}


def test_what_comes_to_light_by_cutting_counts() -> None:
    passage = inspector(CUT, STOP, spotter=Spotter(words={"cut": 1.0, "st-op": 1.0})).inspect("stcutop", Stage.PROMPT)
    stopping = rule("STOP", {"st-op": 0.5})
    stopped = inspector(CUT, stopping, spotter=Spotter(words={"cut": 1.0, "st-op": 1.0})).inspect(
        "stcutop", Stage.PROMPT
    )

    assert passage.verdict.disposition is Disposition.SANITIZE
    assert stopped.verdict.disposition is Disposition.BLOCK


def test_what_cannot_be_cut_goes_with_all_of_the_text() -> None:
    class Blanks(Spotter):
        """Flags the blanks around a word, where there is nothing to cut."""

        def examine(self, view: View) -> Reading:
            return Reading((Finding(hazard="cut", confidence=1.0, span=Span(0, 2)),) if view.text[:2] == "  " else ())

    passage = inspector(CUT, spotter=Blanks(words={"cut": 1.0})).inspect("  word", Stage.PROMPT)

    assert (passage.text, [edit.kind.value for edit in passage.edits]) == ("[removed]", ["replaced"])


async def test_a_text_that_was_cut_before_is_cut_again() -> None:
    looking = inspector(CUT)
    first = looking.inspect("please cut this", Stage.PROMPT, "a")
    again = await looking.inspect_async("please cut this", Stage.PROMPT, "b")

    assert (again.text, again.is_changed) == (first.text, True) == ("please - this", True)
    assert [f.part for f in again.verdict.firings] == ["b"]


async def test_a_slow_look_at_an_image_keeps_no_other_exchange_waiting() -> None:
    may_end = threading.Event()

    class Slow(Anything):
        def examine(self, view: View) -> Reading:
            assert may_end.wait(PATIENCE_SECONDS)
            return super().examine(view)

    asked = rule("STOP", {"stop": 0.5}, stages=(Stage.IMAGE,))
    looking = inspector(asked, spotter=Slow(words={"stop": 1.0}, placement=Placement.THREAD))
    waiting = asyncio.create_task(looking.judge_image(b"known", "p"))
    await asyncio.sleep(0)
    assert not waiting.done()
    may_end.set()

    assert (await waiting).rules == ("STOP",)


class Agreeing(Spotter):
    """Finds a `yes` that answers a question about zebras."""

    def __init__(self) -> None:
        super().__init__(words={"stop": 1.0})
        self.contexts: list[str] = []

    def examine(self, view: View) -> Reading:
        self.contexts.append(view.context)
        is_bad = "yes" in view.text and "zebra" in view.context
        return Reading((Finding(hazard="stop", confidence=1.0),) if is_bad else ())


async def test_a_text_is_judged_with_what_was_said_before_it() -> None:
    looking = inspector(STOP, spotter=Agreeing())
    innocent = looking.inspect("yes", Stage.REPLY, context="a horse?")
    now = looking.inspect("yes", Stage.REPLY, context="a zebra?")
    later = await looking.inspect_async("yes", Stage.REPLY, context="a zebra?")

    assert [p.verdict.rules for p in (innocent, now, later)] == [(), ("STOP",), ("STOP",)]
    assert (await looking.hazards("yes", Stage.REPLY, context="a zebra?")).scores == {"stop": 1.0}
    assert (await looking.hazards("yes", Stage.REPLY)).scores == {}


def test_what_is_remembered_of_a_text_holds_in_the_same_context_only() -> None:
    spotter = Agreeing()
    looking = inspector(STOP, spotter=spotter)
    for context in ("", "a", "b", "a", "", "b"):
        looking.inspect("fine", Stage.PROMPT, context=context)

    assert spotter.contexts == ["", "a", "b"]


def test_every_view_is_given_the_last_of_the_context() -> None:
    spotter = Agreeing()
    code = rule("CODE", {"stop": 0.5}, stages=(Stage.CODE,))
    text = "Run:\n```python\neval(x)\n```\n" + "and on it goes " * 60
    inspector(STOP, code, spotter=spotter).inspect(text, Stage.REPLY, context="a" * 700 + "b")

    assert len(spotter.contexts) > 3
    assert set(spotter.contexts) == {"a" * (CONTEXT_CHARS - 1) + "b"}
