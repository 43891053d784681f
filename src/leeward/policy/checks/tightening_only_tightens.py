"""Tightening only makes stricter."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.disposition import Disposition, Release
from leeward.domain.ports import DetectorInfo
from leeward.domain.rule import Rule
from leeward.policy.draft import Draft, TightenTable
from leeward.policy.limits import least_of, watching
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each key that would loosen."""
    for name, table in draft.tighten.items():
        rule = draft.base_rules.get(name)
        if rule is None:
            continue
        for key, text in (*_graded(rule, table), *_enforced(rule, table), *_thresholds(rule, table)):
            yield Problem(source=draft.source, where=f"tighten.{name}", key=key, text=text)


def _graded(rule: Rule, table: TightenTable) -> Iterator[tuple[str, str]]:
    for key, was, word in (
        ("disposition", rule.disposition, table.disposition),
        ("on_failure", rule.on_failure, table.on_failure),
    ):
        if word in {d.word for d in Disposition if d < was}:
            yield key, f"{word} is weaker than {was.word}"
    for key, level, new in (
        ("level", rule.level, table.level),
        ("level_on_repeat", rule.level_on_repeat, table.level_on_repeat),
    ):
        if new is not None and new < level:
            yield key, f"{new} is below level {level}"
    if table.release == Release.AS_EXAMINED.value and rule.release is Release.AT_END:
        yield "release", "as_examined releases earlier than at_end"


def _enforced(rule: Rule, table: TightenTable) -> Iterator[tuple[str, str]]:
    tried = {hazard for condition in rule.conditions if condition.dry_run for hazard in condition.hazards}
    for hazard in table.enforce:
        if hazard not in tried:
            yield (
                "enforce",
                f"{hazard} is not in a dry run in {rule.name}; in one: {', '.join(sorted(tried)) or 'none'}",
            )


def _thresholds(rule: Rule, table: TightenTable) -> Iterator[tuple[str, str]]:
    for detector, limits in table.thresholds.items():
        for hazard, limit in limits.items():
            key = f"thresholds.{detector}.{hazard}"
            conditions = watching(rule, detector, hazard)
            if not conditions:
                yield key, f"{rule.name} does not ask {detector} about {hazard}"
            for language, new in least_of(limit).items():
                highest = max((c.least(language) for c in conditions), default=1.0)
                if new > highest:
                    yield key, f"{new:g} is looser than {highest:g}"
