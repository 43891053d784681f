from __future__ import annotations

from leeward.detectors.runner import glance, run
from leeward.domain.finding import Examined, Failed, Finding, Reading
from leeward.domain.view import Span, Stage, View
from tiny_rules import Spotter


def test_what_a_detector_saw_is_reported_under_its_name() -> None:
    seen = Finding(hazard="bad", confidence=0.9, span=Span(2, 5), replacement="-")

    assert run(Spotter(words={"bad": 0.9}), View("a bad", Stage.PROMPT)) == Examined("spotter", Reading((seen,), {}))


def test_whatever_a_detector_raises_means_that_it_could_not_look_and_is_not_quoted() -> None:
    assert run(Spotter(), View("boom secret", Stage.PROMPT)) == Failed("spotter", "exception:RuntimeError")


def test_orders_to_stop_the_process_are_not_swallowed() -> None:
    class Interrupted(Spotter):
        def examine(self, view: View) -> Reading:
            raise KeyboardInterrupt

    try:
        run(Interrupted(), View("", Stage.PROMPT))
    except KeyboardInterrupt:
        return
    raise AssertionError("the interrupt was swallowed")


class Glancer(Spotter):
    def glance(self, view: View) -> Reading | None:
        return None if "?" in view.text else super().examine(view)


def test_a_glance_is_reported_like_a_look_and_may_tell_nothing() -> None:
    glancer = Glancer(scores={"bad": 0.1})

    assert glance("g", glancer, View("fine", Stage.PROMPT)) == Examined("g", Reading((), {"bad": 0.1}))
    assert glance("g", glancer, View("fine?", Stage.PROMPT)) is None
    assert glance("g", glancer, View("boom secret", Stage.PROMPT)) == Failed("g", "exception:RuntimeError")
