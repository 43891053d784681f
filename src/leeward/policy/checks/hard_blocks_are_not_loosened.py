"""A hard block, and RULE-MIST-005, are never loosened."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.disposition import Disposition
from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem
from leeward.policy.protocol import CHILD_SAFETY, PROTOCOL_PREFIX

_HARD = Disposition.HARD_BLOCK.word


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each attempt."""
    for name in draft.relax:
        rule = draft.base_rules.get(name)
        if rule is None:
            continue
        tighten = draft.tighten.get(name)
        if rule.disposition is Disposition.HARD_BLOCK or (tighten and tighten.disposition == _HARD):
            text = f"{rule.name} is a hard block, which no ruleset may relax; remove this table"
            yield Problem(source=draft.source, where=f"relax.{name}", text=text)
        elif name == CHILD_SAFETY:
            text = f"{rule.name} may never be relaxed; remove this table"
            yield Problem(source=draft.source, where=f"relax.{name}", text=text)
    for own in draft.rules:
        table = own.table
        is_tried = table.dry_run or any(when.dry_run for when in own.when)
        if is_tried and table.disposition == _HARD and (table.id or "").startswith(PROTOCOL_PREFIX):
            text = "a hard block of the protocol is never a dry run"
            yield Problem(source=draft.source, where=own.where, key="dry_run", text=text)
