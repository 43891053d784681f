from __future__ import annotations

from collections.abc import Collection, Mapping

from leeward.detectors.second_opinion import with_second_opinion
from leeward.domain.view import Stage, View
from leeward.models.judges.judge import JUDGED, UNJUDGED

VIEW = View("Hello.", Stage.REPLY, context="Hi.")
SCORES = {"hate": 0.1, "violence": 0.5, "stereotype": 0.6, "sexual": 0.9}


class Scripted:
    """Judges that say what they are told to."""

    timeout_seconds = 1.0

    def __init__(self, told: Mapping[str, float] | None) -> None:
        self._told = told
        self.asked: list[tuple[str, str, Stage, list[str]]] = []

    def is_unsure(self, score: float) -> bool:
        return 0.3 <= score <= 0.7

    def ask(self, text: str, context: str, stage: Stage, hazards: Collection[str] = ()) -> Mapping[str, float] | None:
        self.asked.append((text, context, stage, list(hazards)))
        return self._told


def test_only_unsure_hazards_are_asked_about_with_their_context() -> None:
    judges = Scripted({"violence": 0.05})
    with_second_opinion(judges, VIEW, SCORES)

    assert judges.asked == [("Hello.", "Hi.", Stage.REPLY, ["violence", "stereotype"])]


def test_the_judges_score_takes_the_place_of_the_unsure_one_and_the_finding_says_so() -> None:
    reading = with_second_opinion(Scripted({"violence": 0.05}), VIEW, SCORES)

    assert reading.scores == {**SCORES, "violence": 0.05}
    assert [(f.hazard, f.confidence, f.evidence) for f in reading.findings] == [("violence", 0.05, (JUDGED,))]


def test_judges_that_tell_nothing_leave_the_scores_and_every_unsure_finding_says_so() -> None:
    reading = with_second_opinion(Scripted(None), VIEW, SCORES)

    assert reading.scores == SCORES
    assert [(f.hazard, f.evidence) for f in reading.findings] == [
        ("violence", (UNJUDGED,)),
        ("stereotype", (UNJUDGED,)),
    ]


def test_a_sure_classifier_asks_nobody() -> None:
    judges = Scripted({})
    reading = with_second_opinion(judges, VIEW, {"hate": 0.99, "sexual": 0.01})

    assert (judges.asked, reading.findings) == ([], ())


def test_a_hazard_that_no_judge_gave_out_for_is_not_added() -> None:
    reading = with_second_opinion(Scripted({"malware": 0.99, "violence": 0.6}), VIEW, SCORES)

    assert set(reading.scores) == set(SCORES)
