"""Ids of the protocol are reserved for the rulesets that ship with Leeward."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem
from leeward.policy.protocol import PROTOCOL_PREFIX


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each rule of the operator that takes one."""
    if draft.is_builtin:
        return
    for rule in draft.rules:
        if (rule.table.id or "").upper().startswith(PROTOCOL_PREFIX):
            text = f"ids beginning with {PROTOCOL_PREFIX} belong to the protocol; use a prefix of your own"
            yield Problem(source=draft.source, where=rule.where, key="id", text=text)
