"""An empty ruleset is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem when no rule would be asked."""
    if not draft.rules and not draft.base_rules:
        text = "it has no rules, so it would let everything pass; extend 'mistral-v1' or write a [[rule]]"
        yield Problem(source=draft.source, key="rule", text=text)
