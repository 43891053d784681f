"""Relaxing names what it relaxes and says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.domain.rule import Rule
from leeward.policy.draft import Draft, RelaxTable
from leeward.policy.limits import least_of, watching
from leeward.policy.problems import Problem, unknown


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each that does not."""
    for name, table in draft.relax.items():
        rule = draft.base_rules.get(name)
        if rule is None:
            continue
        for key, text in (*_form(table), *_hazards(rule, table), *_thresholds(rule, table)):
            yield Problem(source=draft.source, where=f"relax.{name}", key=key, text=text)


def _form(table: RelaxTable) -> Iterator[tuple[str, str]]:
    if not table.reason.strip():
        yield "reason", "missing; say why, it stands in reports"
    if table.hazards and not table.dry_run:
        yield "dry_run", "hazards are tried out only in a dry run; write dry_run = true"
    if not table.dry_run and not table.thresholds:
        yield "", "it relaxes nothing; write dry_run = true or thresholds"


def _hazards(rule: Rule, table: RelaxTable) -> Iterator[tuple[str, str]]:
    named = {hazard for condition in rule.conditions for hazard in condition.hazards}
    for hazard in table.hazards:
        if hazard not in named:
            yield "hazards", f"{rule.name}: {unknown('hazard', hazard, named)}"


def _thresholds(rule: Rule, table: RelaxTable) -> Iterator[tuple[str, str]]:
    for detector, limits in table.thresholds.items():
        for hazard, limit in limits.items():
            key = f"thresholds.{detector}.{hazard}"
            conditions = [c for c in watching(rule, detector, hazard) if hazard in c.hazards]
            if not conditions:
                yield key, f"{rule.name} does not name {hazard} of {detector}; only a hazard named there can be relaxed"
            for language, new in least_of(limit).items():
                lowest = min((c.least(language) for c in conditions), default=0.0)
                if new < lowest:
                    yield key, f"{new:g} is stricter than {lowest:g}; use [tighten.{rule.id}]"
