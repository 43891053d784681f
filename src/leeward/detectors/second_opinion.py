"""Asks judges about the hazards of which a classifier is unsure."""

from __future__ import annotations

from collections.abc import Mapping

from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import Judges
from leeward.domain.view import View
from leeward.models.judges.judge import JUDGED, UNJUDGED


def with_second_opinion(judges: Judges, view: View, scores: Mapping[str, float]) -> Reading:
    """Return `scores` with the judges' in place of the unsure ones, and a finding for each of those that says so.

    A hazard that the judges know nothing of keeps its score, without a finding.

    Args:
        scores: Calibrated probability in [0, 1] of each hazard.

    Raises:
        DetectorError: If the judges could not be asked and the operator wants that to count as "could not look".
    """
    unsure = [hazard for hazard, score in scores.items() if judges.is_unsure(score)]
    if not unsure:
        return Reading(scores=scores)
    told = judges.ask(view.text, view.context, view.stage, unsure)
    if told is None:
        return Reading(tuple(_finding(hazard, scores[hazard], UNJUDGED) for hazard in unsure), scores)
    judged = {hazard: told[hazard] for hazard in unsure if hazard in told}
    findings = tuple(_finding(hazard, score, JUDGED) for hazard, score in judged.items())
    return Reading(findings, {**scores, **judged})


def _finding(hazard: str, score: float, note: str) -> Finding:
    return Finding(hazard=hazard, confidence=score, evidence=(note,))
