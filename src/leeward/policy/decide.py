"""Reports to verdict."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Examined, Failed, Finding, Reading, Report
from leeward.domain.rule import Condition, Rule, StagePlan
from leeward.domain.verdict import Cause, Firing, Verdict

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
    checked: set[str] = set()
    unchecked: set[str] = set()
    for rule, conditions in plan.asked:
        score, failed = 0.0, False
        for condition in conditions:
            report = by_detector.get(condition.detector)
            if isinstance(report, Examined):
                best = _best(condition.hazards, report.reading)
                score = max(score, best)
                if best >= condition.least(language):
                    firings.extend(_fire(rule, condition, report, language, part, start))
            else:
                failed = True
                cause = report.cause if isinstance(report, Failed) else "not_asked"
                firings.append(_unchecked(rule, condition, cause, part))
        scores[rule.id] = score
        (unchecked if failed else checked).add(rule.id)
    return _verdict(firings, scores, checked, unchecked, language)


def _verdict(
    firings: list[Firing], scores: Mapping[str, float], checked: set[str], unchecked: set[str], language: str
) -> Verdict:
    if not firings:
        return Verdict(scores=scores, checked=frozenset(checked), language=language)
    return Verdict(
        disposition=max(f.disposition for f in firings),
        duties=frozenset[Duty]().union(*(f.duties for f in firings)),
        firings=tuple(dict.fromkeys(firings)),
        scores=scores,
        checked=frozenset(checked),
        unchecked=frozenset(unchecked),
        language=language,
    )


def matches(hazard: str, wanted: tuple[str, ...]) -> bool:
    """Whether `hazard` is one of `wanted`, where a trailing `*` matches any ending."""
    return any(hazard == w or (w[-1:] == "*" and hazard.startswith(w[:-1])) for w in wanted)


def _best(hazards: tuple[str, ...], reading: Reading) -> float:
    best = 0.0
    for hazard, score in reading.scores.items():
        if score > best and matches(hazard, hazards):
            best = score
    for finding in reading.findings:
        if finding.confidence > best and matches(finding.hazard, hazards):
            best = finding.confidence
    return best


def _fire(
    rule: Rule, condition: Condition, report: Examined, language: str, part: str, start: int
) -> Iterator[Firing]:
    least = condition.least(language)
    seen = [
        finding
        for finding in report.reading.findings
        if finding.confidence >= least and matches(finding.hazard, condition.hazards)
    ]
    if not seen:
        hazard, score = max(
            ((h, s) for h, s in report.reading.scores.items() if matches(h, condition.hazards)), key=lambda hs: hs[1]
        )
        seen = [Finding(hazard=hazard, confidence=score)]
    for finding in seen:
        yield Firing(
            rule=rule.id,
            name=rule.name,
            disposition=Disposition.PASS if rule.dry_run else rule.disposition,
            duties=_LOG if rule.dry_run else rule.duties,
            level=rule.level,
            cause=Cause.FINDING,
            detector=report.detector,
            counts=condition.counts,
            part=part,
            finding=_in_part(finding, start),
            dry_run=rule.dry_run,
        )


def _in_part(finding: Finding, start: int) -> Finding:
    if finding.span is None or not start:
        return finding
    return replace(finding, span=finding.span.shifted(start))


def _unchecked(rule: Rule, condition: Condition, cause: str, part: str) -> Firing:
    return Firing(
        rule=rule.id,
        name=rule.name,
        disposition=Disposition.PASS if rule.dry_run else rule.on_failure,
        duties=_LOG,
        level=rule.level,
        cause=Cause.UNCHECKED,
        detector=condition.detector,
        counts=False,
        part=part,
        failure=cause,
        dry_run=rule.dry_run,
    )
