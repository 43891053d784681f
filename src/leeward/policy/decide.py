"""Reports to verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Examined, Failed, Finding, Reading, Report
from leeward.domain.rule import Condition, Rule, StagePlan
from leeward.domain.verdict import Cause, Firing, Verdict

# A score says how likely the rule is broken. Distress fires the rule about self-harm without breaking it.
EXCUSED_WEIGHT = 0.6
_LOG = frozenset({Duty.LOG})


def decide(
    plan: StagePlan, reports: Iterable[Report], *, language: str = "und", part: str = "", start: int = 0
) -> Verdict:
    """Return the strictest disposition and all duties that any rule of the stage asks for.

    Args:
        plan: What the ruleset asks in this stage.
        reports: One for each detector that was asked; a missing one counts as "could not look".
        language: Language of the view; picks the thresholds.
        part: JSON path of the part, for the firings.
        start: Position of the view in its part, in characters; spans of firings count from the part's start.
    """
    by_detector = {report.detector: report for report in reports}
    firings: list[Firing] = []
    scores: dict[str, float] = {}
    unchecked: set[str] = set()
    for rule, conditions in plan.asked:
        score, blames = 0.0, any(condition.counts for condition in conditions)
        for condition in conditions:
            report = by_detector.get(condition.detector)
            if isinstance(report, Examined):
                best = _best(condition, report.reading)
                weight = 1.0 if condition.counts or not blames else EXCUSED_WEIGHT
                score = max(score, weight * best)
                if best and best >= condition.least(language):
                    firings.extend(_fire(rule, condition, report, language, part, start))
            else:
                unchecked.add(rule.id)
                cause = report.cause if isinstance(report, Failed) else "not_asked"
                firings.append(_unchecked(rule, condition, cause, part))
        scores[rule.id] = score
    if any(not f.counts and f.cause is Cause.FINDING for f in firings):
        firings = _without_blame(firings)
    return _verdict(firings, scores, unchecked, language)


def _without_blame(firings: list[Firing]) -> list[Firing]:
    """Count nothing of a rule against a caller where one of its firings excuses them.

    A person at risk is not a violator: who speaks of their distress may use words that promote self-harm as well.
    """
    excused = {f.rule for f in firings if not f.counts and f.cause is Cause.FINDING}
    return [replace(f, counts=False) if f.rule in excused else f for f in firings]


@lru_cache(maxsize=256)
def _all_of(rules: tuple[str, ...]) -> frozenset[str]:
    # One set for all verdicts on which the same rules were checked: thousands of them are remembered.
    return frozenset(rules)


def _verdict(firings: list[Firing], scores: Mapping[str, float], unchecked: set[str], language: str) -> Verdict:
    if not firings:
        return Verdict(scores=scores, checked=_all_of(tuple(scores)), language=language)
    return Verdict(
        disposition=max(f.disposition for f in firings),
        duties=frozenset[Duty]().union(*(f.duties for f in firings)),
        firings=tuple(dict.fromkeys(firings)),
        scores=scores,
        checked=frozenset(scores) - unchecked,
        unchecked=frozenset(unchecked),
        language=language,
    )


def _best(condition: Condition, reading: Reading) -> float:
    best = 0.0
    scores = reading.scores
    if scores:
        for hazard in condition.exact:
            score = scores.get(hazard, 0.0)
            if score > best:
                best = score
        if condition.families:
            best = max(best, *(s for h, s in scores.items() if h.startswith(condition.families)), 0.0)
    for finding in reading.findings:
        if finding.confidence > best and condition.matches(finding.hazard):
            best = finding.confidence
    return best


def _fire(rule: Rule, condition: Condition, report: Examined, language: str, part: str, start: int) -> Iterator[Firing]:
    least = condition.least(language)
    is_dry = rule.dry_run or condition.dry_run
    seen = [
        finding
        for finding in report.reading.findings
        if finding.confidence >= least and condition.matches(finding.hazard)
    ]
    if not seen:
        hazard, score = max(
            ((h, s) for h, s in report.reading.scores.items() if condition.matches(h)), key=lambda hs: hs[1]
        )
        seen = [Finding(hazard=hazard, confidence=score)]
    for finding in seen:
        yield Firing(
            rule=rule.id,
            name=rule.name,
            disposition=Disposition.PASS if is_dry else rule.disposition,
            duties=_LOG if is_dry else rule.duties,
            level=rule.level,
            cause=Cause.FINDING,
            detector=report.detector,
            counts=condition.counts,
            part=part,
            finding=_in_part(finding, start),
            dry_run=is_dry,
        )


def _in_part(finding: Finding, start: int) -> Finding:
    if finding.span is None or not start:
        return finding
    return replace(finding, span=finding.span.shifted(start))


def _unchecked(rule: Rule, condition: Condition, cause: str, part: str) -> Firing:
    is_dry = rule.dry_run or condition.dry_run
    return Firing(
        rule=rule.id,
        name=rule.name,
        disposition=Disposition.PASS if is_dry else rule.on_failure,
        duties=_LOG,
        level=rule.level,
        cause=Cause.UNCHECKED,
        detector=condition.detector,
        counts=False,
        part=part,
        failure=cause,
        dry_run=is_dry,
    )
