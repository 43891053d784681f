"""The ten rules of the protocol are complete in every ruleset that judges."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem
from leeward.policy.protocol import PROTOCOL_RULES


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem when some are missing."""
    if draft.top.addition:
        return
    present = {*draft.base_rules, *(rule.table.id for rule in draft.rules)}
    missing = [rule_id for rule_id in PROTOCOL_RULES if rule_id not in present]
    if not missing:
        return
    text = f'{", ".join(missing)} would not be enforced; write extends = "mistral-v1"'
    if draft.is_builtin:
        text = f"{', '.join(missing)} missing"
    elif draft.extends:
        text += f', or both: extends = ["mistral-v1", "{draft.extends[0]}"]'
    yield Problem(source=draft.source, key="extends", text=text)
