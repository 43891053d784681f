"""No two rules share an id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each id used twice."""
    own = Counter(rule.table.id for rule in draft.rules if rule.table.id)
    for rule_id, times in own.items():
        if times > 1:
            yield Problem(source=draft.source, where=rule_id, key="id", text=f"{times} rules have this id")
        if rule_id in draft.base_rules:
            text = f"{', '.join(draft.extends)} has this rule already; change it with [tighten.{rule_id}]"
            yield Problem(source=draft.source, where=rule_id, key="id", text=text)
    inherited = ((rule.id, rule) for base in draft.bases for rule in base.ruleset.rules)
    versions = Counter(rule_id for rule_id, _ in {(rule_id, repr(rule)) for rule_id, rule in inherited})
    for rule_id in sorted(rule_id for rule_id, count in versions.items() if count > 1):
        text = f"the rulesets it extends disagree about {rule_id}; extend only one that changes it"
        yield Problem(source=draft.source, key="extends", text=text)
