from __future__ import annotations

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Reading
from leeward.domain.ports import Placement
from leeward.domain.view import Stage, View
from leeward.inspection.drive import drive, drive_async
from leeward.inspection.hazards import HazardScores
from leeward.inspection.judge import Judge
from leeward.inspection.machine import PartPlan, StreamMachine
from leeward.inspection.steps import Done
from leeward.inspection.windows import WindowPlan
from tiny_rules import Spotter, by_id, rule, ruleset, threads

PLAN = PartPlan(stage=Stage.PROMPT, windows=WindowPlan(stride_chars=20, reach_chars=4, size_chars=24, least_chars=4))


def looking(*detectors: Spotter) -> HazardScores:
    rules = [rule(d.info.id, {"bad": 0.5}, detector=d.info.id) for d in detectors]
    return HazardScores(Judge(ruleset(*rules), by_id(*detectors), threads()))


def machine(text: str) -> StreamMachine:
    made = StreamMachine(PLAN, lambda _: "en", lambda _: ())
    made.feed(text)
    made.end()
    return made


def test_the_highest_score_of_each_hazard_remains_over_all_windows() -> None:
    scores = looking(
        Spotter(words={"bad": 0.9, "odd": 0.3}, scores={"bad": 0.2, "calm": 0.1}),
        Spotter("other", scores={"calm": 0.4}),
    )
    drive(machine("nothing to see here at all, then something odd and something bad"), scores)

    assert scores.scores == {"bad": 0.9, "odd": 0.3, "calm": 0.4}
    assert scores.failed == set()


def test_it_stops_at_nothing() -> None:
    scores = looking(Spotter(words={"bad": 1.0}))

    (*_, last) = drive(machine("bad " * 30), scores)

    assert isinstance(last, Done)
    assert last.verdict.disposition is Disposition.PASS


async def test_detectors_that_could_not_look_are_named_and_the_others_are_heard() -> None:
    scores = looking(Spotter(words={"bad": 0.9}), Spotter("calm", scores={"calm": 0.4}))
    await drive_async(machine("bad, then boom"), scores)
    await scores.judge_async(View("still bad", Stage.PROMPT))

    assert scores.failed == {"spotter", "calm"}
    assert scores.scores == {"bad": 0.9, "calm": 0.4}
    assert scores.is_inline(View("", Stage.PROMPT))


async def test_scores_that_are_told_at_a_glance_are_kept_too() -> None:
    class Glancer(Spotter):
        def glance(self, view: View) -> Reading | None:
            return None if "?" in view.text else Reading(scores={"calm": 0.1})

    scores = looking(Glancer(words={"bad": 0.9}, scores={"calm": 0.0}, placement=Placement.THREAD))
    await scores.judge_async(View("all is well", Stage.PROMPT))
    scores.judge(View("bad?", Stage.PROMPT))

    assert scores.scores == {"calm": 0.1, "bad": 0.9}
