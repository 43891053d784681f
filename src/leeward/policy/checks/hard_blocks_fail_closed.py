"""A hard block also stops what could not be examined."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.disposition import Disposition
from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem

_HARD = Disposition.HARD_BLOCK.word
_PASSING = frozenset(d.word for d in Disposition if not d.stops)


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each hard block that would let the unexamined pass."""
    for rule in draft.rules:
        if rule.table.disposition == _HARD and rule.table.on_failure in _PASSING:
            text = 'a hard block must stop what could not be examined; write on_failure = "block"'
            yield Problem(source=draft.source, where=rule.where, key="on_failure", text=text)
    for name, table in draft.tighten.items():
        base = draft.base_rules.get(name)
        on_failure = table.on_failure or (base.on_failure.word if base else "")
        if table.disposition == _HARD and on_failure in _PASSING:
            text = 'a hard block must stop what could not be examined; add on_failure = "block"'
            yield Problem(source=draft.source, where=f"tighten.{name}", key="on_failure", text=text)
