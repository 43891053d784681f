"""Every rule can fire."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage
from leeward.policy.draft import Draft, RuleDraft
from leeward.policy.inline import STAGES
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each rule, or stage of one, in which nothing is asked."""
    for rule in draft.rules:
        stages = rule.table.stages or ()
        if not stages:
            text = 'missing; where it is asked, e.g. stages = ["prompt", "reply"]'
            yield Problem(source=draft.source, where=rule.where, key="stages", text=text)
        if not rule.when and rule.patterns is None:
            text = "missing; write [[rule.when]] with a detector, or patterns"
            yield Problem(source=draft.source, where=rule.where, key="when", text=text)
        elif idle := sorted({*stages} & {*Stage} - _asked(rule)):
            text = (
                f"nothing is asked in {', '.join(idle)}; patterns see text alone, and every `when` names other stages"
            )
            yield Problem(source=draft.source, where=rule.where, key="stages", text=text)
    for rule, key, when in draft.whens():
        if not when.thresholds:
            text = "missing; write the least confidence of each hazard, e.g. { hate = 0.5 }"
            yield Problem(source=draft.source, where=rule.where, key=f"{key}.thresholds", text=text)
        if strange := sorted({*when.stages} - {*(rule.table.stages or ())}):
            text = f"{', '.join(strange)} is not among the stages of the rule"
            yield Problem(source=draft.source, where=rule.where, key=f"{key}.stages", text=text)


def _asked(rule: RuleDraft) -> set[str]:
    stages = rule.table.stages or ()
    asked = {stage for when in rule.when for stage in when.stages or stages}
    return asked if rule.patterns is None else asked | STAGES
