"""Judges views: runs the detectors that a ruleset names and lets the policy decide."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeout
from dataclasses import replace

from leeward.detectors.runner import run
from leeward.domain.disposition import Disposition
from leeward.domain.finding import Failed, Report
from leeward.domain.ports import Detector, Explains, MayBeBlind, Placement
from leeward.domain.rule import Ruleset
from leeward.domain.verdict import CLEAR, Firing, Verdict
from leeward.domain.view import Stage, View
from leeward.policy.decide import decide


class Judge:
    """Runs the detectors of one ruleset on views.

    Args:
        ruleset: What is asked in each stage.
        detectors: Opened detectors by id; one that the ruleset names and that is missing counts as failed.
        threads: Where detectors with placement THREAD run.
    """

    def __init__(self, ruleset: Ruleset, detectors: Mapping[str, Detector], threads: Executor) -> None:
        self.ruleset = ruleset
        self._threads = threads
        self._plans = ruleset.plans
        self._explainers = {name: d for name, d in detectors.items() if isinstance(d, Explains)}
        self._blind: dict[Stage, frozenset[str]] = {}  # rules of which nothing can be told
        self._inline: dict[Stage, tuple[Detector, ...]] = {}
        self._threaded: dict[Stage, tuple[Detector, ...]] = {}
        self._missing: dict[Stage, tuple[Report, ...]] = {}
        for stage, plan in ruleset.plans.items():
            found = [detectors[d] for d in plan.detectors if d in detectors]
            blind = {d.info.id for d in found if isinstance(d, MayBeBlind) and d.is_blind}
            self._blind[stage] = frozenset(r.id for r, cs in plan.asked if any(c.detector in blind for c in cs))
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
        return self._decide(view, self.reports(view))

    async def judge_async(self, view: View) -> Verdict:
        """Return the verdict on `view` without blocking the event loop."""
        return self._decide(view, await self.reports_async(view))

    def reports(self, view: View) -> list[Report]:
        """Return what every detector asked in the view's stage reports."""
        waiting = [(d, self._threads.submit(run, d, view)) for d in self._threaded[view.stage]]
        reports = self._look(view)
        reports.extend(_await(detector, future) for detector, future in waiting)
        return reports

    async def reports_async(self, view: View) -> list[Report]:
        """Do as `reports` does without blocking the event loop."""
        waiting = [(d, asyncio.wrap_future(self._threads.submit(run, d, view))) for d in self._threaded[view.stage]]
        reports = self._look(view)
        for detector, future in waiting:
            try:
                reports.append(await asyncio.wait_for(future, detector.info.budget_seconds))
            except TimeoutError:
                reports.append(Failed(detector.info.id, "timeout"))
        return reports

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
        if verdict.firings and self._explainers:
            return replace(verdict, firings=tuple(self._explained(view, firing) for firing in verdict.firings))
        return verdict

    def _explained(self, view: View, firing: Firing) -> Firing:
        """Ask the detector why, where a score alone fired; spans count from the start of the part."""
        explainer = self._explainers.get(firing.detector)
        finding = firing.finding
        if explainer is None or finding is None or finding.span is not None:
            return firing
        told = explainer.explain(view, finding.hazard, finding.confidence)
        if told.span is not None:
            told = replace(told, span=told.span.shifted(view.start))
        return replace(firing, finding=told)


def _await(detector: Detector, future: Future[Report]) -> Report:
    try:
        return future.result(timeout=detector.info.budget_seconds)
    except FutureTimeout:
        return Failed(detector.info.id, "timeout")
