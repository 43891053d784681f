"""Judges views: runs the detectors that a ruleset names and lets the policy decide."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace
from itertools import islice

from leeward.detectors.runner import glance, run
from leeward.domain.disposition import Disposition
from leeward.domain.finding import Failed, Report
from leeward.domain.ports import Detector, Explains, Glances, MayBeBlind, Placement
from leeward.domain.rule import Ruleset
from leeward.domain.verdict import CLEAR, Firing, Verdict
from leeward.domain.view import Stage, View
from leeward.inspection.language import UNKNOWN
from leeward.models.coverage import NO_CLASSIFIER, Coverage
from leeward.policy.decide import decide

# A text of unknown language is called unmeasured from so many letters on: a greeting, a number or a name says little.
_FEWEST_LETTERS = 21


class Judge:
    """Runs the detectors of one ruleset on views.

    Args:
        ruleset: What is asked in each stage.
        detectors: Opened detectors by id; one that the ruleset names and that is missing counts as failed.
        threads: Where detectors with placement THREAD run.
        coverage: In which languages classifiers were measured.
    """

    def __init__(
        self,
        ruleset: Ruleset,
        detectors: Mapping[str, Detector],
        threads: Executor,
        coverage: Coverage = NO_CLASSIFIER,
    ) -> None:
        self.ruleset = ruleset
        self._threads = threads
        self._coverage = coverage
        self._plans = ruleset.plans
        self._infos = {name: d.info for name, d in detectors.items()}
        self._explainers = {name: d for name, d in detectors.items() if isinstance(d, Explains)}
        self._glancing = {name: d for name, d in detectors.items() if isinstance(d, Glances)}
        self._classified: dict[Stage, tuple[str, ...]] = {}  # rules that ask a classifier
        self._blind: dict[Stage, frozenset[str]] = {}  # rules of which nothing can be told
        self._inline: dict[Stage, tuple[Detector, ...]] = {}
        self._threaded: dict[Stage, tuple[Detector, ...]] = {}
        self._missing: dict[Stage, tuple[Report, ...]] = {}
        for stage, plan in ruleset.plans.items():
            found = [detectors[d] for d in plan.detectors if d in detectors]
            blind = {d.info.id for d in found if isinstance(d, MayBeBlind) and d.is_blind}
            self._blind[stage] = frozenset(r.id for r, cs in plan.asked if any(c.detector in blind for c in cs))
            self._classified[stage] = tuple(
                r.id for r, cs in plan.asked if any(c.detector in coverage.classifiers for c in cs)
            )
            self._inline[stage] = tuple(d for d in found if d.info.placement is Placement.INLINE)
            self._threaded[stage] = tuple(d for d in found if d.info.placement is Placement.THREAD)
            self._missing[stage] = tuple(Failed(d, "unavailable") for d in plan.detectors if d not in detectors)

    def reach_chars(self, stage: Stage) -> int:
        """Return the longest reach of the detectors whose findings can stop or change text of `stage`.

        A finding that only adds a note may come after its text has left.
        """
        holding = {
            condition.detector
            for rule, conditions in self._plans[stage].asked
            if rule.disposition > Disposition.ANNOTATE and not rule.dry_run
            for condition in conditions
        }
        looking = self._inline[stage] + self._threaded[stage]
        return max((d.info.reach_chars for d in looking if d.info.id in holding), default=0)

    def is_inline(self, view: View) -> bool:
        """Whether judging `view` needs no thread."""
        return not self._threaded[view.stage]

    def judge(self, view: View) -> Verdict:
        """Return the verdict on `view`, waiting for detectors that run in threads."""
        return self._explained(view, self._decide(view, self.reports(view)))

    async def judge_async(self, view: View) -> Verdict:
        """Return the verdict on `view` without blocking the event loop."""
        verdict = self._decide(view, await self.reports_async(view))
        budget = max((self._seconds_to_explain(firing) for firing in verdict.firings), default=0.0)
        if not budget:
            return self._explained(view, verdict)
        explaining = asyncio.wrap_future(self._threads.submit(self._explained, view, verdict))
        try:
            return await asyncio.wait_for(explaining, budget)
        except TimeoutError:
            return verdict  # what was seen counts, even if nobody came to say why

    def reports(self, view: View) -> list[Report]:
        """Return what every detector asked in the view's stage reports."""
        reports, unsure = self._glance(view)
        waiting = [(d, self._threads.submit(run, d, view)) for d in unsure]
        reports += self._look(view)
        reports.extend(_await(detector, future) for detector, future in waiting)
        return reports

    async def reports_async(self, view: View) -> list[Report]:
        """Do as `reports` does without blocking the event loop."""
        reports, unsure = self._glance(view)
        waiting = [(d, asyncio.wrap_future(self._threads.submit(run, d, view))) for d in unsure]
        reports += self._look(view)
        for detector, future in waiting:
            try:
                reports.append(await asyncio.wait_for(future, detector.info.budget_seconds))
            except TimeoutError:
                reports.append(Failed(detector.info.id, "timeout"))
        return reports

    def _glance(self, view: View) -> tuple[list[Report], list[Detector]]:
        """Return what detectors for threads report at once, and those that need a whole look."""
        reports: list[Report] = []
        unsure: list[Detector] = []
        for detector in self._threaded[view.stage]:
            glancing = self._glancing.get(detector.info.id)
            report = glance(detector.info.id, glancing, view) if glancing is not None else None
            if report is None:
                unsure.append(detector)
            else:
                reports.append(report)
        return reports, unsure

    def _look(self, view: View) -> list[Report]:
        reports: list[Report] = [run(detector, view) for detector in self._inline[view.stage]]
        reports.extend(self._missing[view.stage])
        return reports

    def _decide(self, view: View, reports: list[Report]) -> Verdict:
        plan = self._plans[view.stage]
        if not plan.asked:
            return CLEAR
        verdict = decide(plan, reports, language=view.language, part=view.part, start=view.start)
        if blind := self._blind[view.stage]:
            verdict = replace(verdict, checked=verdict.checked - blind, unchecked=verdict.unchecked | blind)
        if unmeasured := self._unmeasured(view):
            verdict = replace(verdict, unmeasured=unmeasured)
        return verdict

    def _unmeasured(self, view: View) -> frozenset[str]:
        rules = self._coverage.unmeasured(self._classified[view.stage], view.language)
        if rules and view.language == UNKNOWN and not _has_letters(view.text, _FEWEST_LETTERS):
            return frozenset()
        return rules

    def _seconds_to_explain(self, firing: Firing) -> float:
        """Return the budget of the threaded detector that says why, 0 where none does."""
        if self._explainer_of(firing) is None:
            return 0.0
        info = self._infos[firing.detector]
        return info.budget_seconds if info.placement is Placement.THREAD else 0.0

    def _explainer_of(self, firing: Firing) -> Explains | None:
        finding = firing.finding
        is_told = finding is None or finding.span is not None
        return None if is_told else self._explainers.get(firing.detector)

    def _explained(self, view: View, verdict: Verdict) -> Verdict:
        if not verdict.firings or not self._explainers:
            return verdict
        return replace(verdict, firings=tuple(self._with_reasons(view, firing) for firing in verdict.firings))

    def _with_reasons(self, view: View, firing: Firing) -> Firing:
        """Ask the detector why, where a score alone fired; spans count from the start of the part."""
        explainer, finding = self._explainer_of(firing), firing.finding
        if explainer is None or finding is None:
            return firing
        told = explainer.explain(view, finding.hazard, finding.confidence)
        if told.span is not None:
            told = replace(told, span=told.span.shifted(view.start))
        return replace(firing, finding=replace(told, evidence=(*finding.evidence, *told.evidence)))


def _has_letters(text: str, count: int) -> bool:
    return next(islice(filter(str.isalpha, text), count - 1, None), None) is not None


def _await(detector: Detector, future: Future[Report]) -> Report:
    try:
        return future.result(timeout=detector.info.budget_seconds)
    except FutureTimeout:
        return Failed(detector.info.id, "timeout")
