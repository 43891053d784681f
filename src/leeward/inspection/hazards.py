"""Scores of every hazard, for those who ask for scores rather than a verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from leeward.domain.finding import Examined, Report
from leeward.domain.verdict import Verdict
from leeward.domain.view import View
from leeward.inspection.judge import Judge

_LOOKED = Verdict(checked=frozenset({"hazards"}))


@dataclass(slots=True)
class HazardScores:
    """Runs the detectors of a judge and keeps the highest score of each hazard; stops at nothing.

    Drive a machine with it in place of the judge.

    Attributes:
        scores: Highest calibrated probability seen, by hazard.
        failed: Detectors that could not look; with any, the scores are not complete.
    """

    looking: Judge
    scores: dict[str, float] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)

    def judge(self, view: View) -> Verdict:
        """Look at `view`."""
        return self._keep(self.looking.reports(view))

    async def judge_async(self, view: View) -> Verdict:
        """Look at `view` without blocking the event loop."""
        return self._keep(await self.looking.reports_async(view))

    def is_inline(self, view: View) -> bool:
        """Whether looking at `view` needs no thread."""
        return self.looking.is_inline(view)

    def _keep(self, reports: list[Report]) -> Verdict:
        for report in reports:
            if not isinstance(report, Examined):
                self.failed.add(report.detector)
                continue
            for hazard, score in report.reading.scores.items():
                self.scores[hazard] = max(score, self.scores.get(hazard, 0.0))
            for finding in report.reading.findings:
                self.scores[finding.hazard] = max(finding.confidence, self.scores.get(finding.hazard, 0.0))
        return _LOOKED
