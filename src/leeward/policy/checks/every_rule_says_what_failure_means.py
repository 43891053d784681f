"""Every rule says what it means when a detector could not look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each rule without `on_failure`."""
    for rule in draft.rules:
        if rule.table.on_failure is None:
            text = 'missing; say what happens when a detector could not look, e.g. on_failure = "block"'
            yield Problem(source=draft.source, where=rule.where, key="on_failure", text=text)
