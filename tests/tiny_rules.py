"""Small rules and detectors of the tests' own: what a ruleset may ask, without any weights."""

from __future__ import annotations

import re
from collections.abc import Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import cache

from leeward.domain.disposition import Disposition, Duty, Release
from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import Detector, DetectorInfo, Placement
from leeward.domain.rule import Condition, Rule, Ruleset
from leeward.domain.verdict import Cause, Firing, Verdict
from leeward.domain.view import Span, Stage, View
from patience import PATIENCE_SECONDS

TEXT = (Stage.PROMPT, Stage.TOOL_RESULT, Stage.REPLY, Stage.CODE)


class Spotter:
    """Finds words, each of which is a hazard of its own; breaks on the word `boom`."""

    def __init__(
        self,
        name: str = "spotter",
        words: Mapping[str, float] | None = None,
        *,
        placement: Placement = Placement.INLINE,
        budget: float = PATIENCE_SECONDS,
        reach: int = 8,
        scores: Mapping[str, float] | None = None,
    ) -> None:
        self.words = words or {}
        self.scores = scores or {}
        self.looks = 0
        self.info = DetectorInfo(
            id=name, hazards=(*self.words, *self.scores), stages=TEXT, reach_chars=reach, budget_seconds=budget,
            placement=placement,
        )  # fmt: skip

    def open(self) -> None:
        pass

    def examine(self, view: View) -> Reading:
        self.looks += 1
        if "boom" in view.text:
            raise RuntimeError(f"cannot stand {view.text}")
        findings = tuple(
            Finding(hazard=word, confidence=sure, span=Span(m.start(), m.end()), replacement="-")
            for word, sure in self.words.items()
            for m in re.finditer(word, view.text)
        )
        return Reading(findings, self.scores)


def rule(
    name: str,
    hazards: Mapping[str, float],
    *,
    detector: str = "spotter",
    stages: tuple[Stage, ...] = TEXT,
    disposition: Disposition = Disposition.BLOCK,
    duties: tuple[Duty, ...] = (Duty.LOG,),
    on_failure: Disposition = Disposition.BLOCK,
    dry_run: bool = False,
    release: Release = Release.AS_EXAMINED,
    counts: bool = True,
) -> Rule:
    conditions = tuple(
        Condition(detector=detector, hazards=(hazard,), threshold=least, counts=counts)
        for hazard, least in hazards.items()
    )
    return Rule(
        id=name, name=name, trigger="", action="", clause="", stages=frozenset(stages), conditions=conditions,
        disposition=disposition, duties=frozenset(duties), level=1, on_failure=on_failure, dry_run=dry_run,
        release=release,
    )  # fmt: skip


def ruleset(*rules: Rule) -> Ruleset:
    return Ruleset("tiny", "1.0.0", f"sha256:{'1' * 64}", rules)


def by_id(*detectors: Detector) -> dict[str, Detector]:
    return {detector.info.id: detector for detector in detectors}


@cache
def threads() -> Executor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="tiny-detector")


def firing(
    rule: str = "R",
    disposition: Disposition = Disposition.BLOCK,
    *,
    hazard: str = "h",
    span: Span | None = None,
    cause: Cause = Cause.FINDING,
    counts: bool = True,
    duties: tuple[Duty, ...] = (Duty.LOG,),
    evidence: tuple[str, ...] = (),
) -> Firing:
    finding = Finding(hazard=hazard, confidence=0.9, span=span, evidence=evidence) if cause is Cause.FINDING else None
    return Firing(
        rule=rule, name=rule, disposition=disposition, duties=frozenset(duties), level=1, cause=cause,
        detector="spotter", counts=counts, finding=finding,
    )  # fmt: skip


def verdict_of(*firings: Firing, language: str = "en", checked: tuple[str, ...] = ()) -> Verdict:
    unchecked = frozenset(f.rule for f in firings if f.cause is Cause.UNCHECKED)
    return Verdict(
        disposition=max((f.disposition for f in firings), default=Disposition.PASS),
        duties=frozenset[Duty]().union(*(f.duties for f in firings)),
        firings=firings,
        scores={f.rule: f.finding.confidence for f in firings if f.finding},
        checked=(frozenset(checked) | {f.rule for f in firings}) - unchecked,
        unchecked=unchecked,
        language=language,
    )
