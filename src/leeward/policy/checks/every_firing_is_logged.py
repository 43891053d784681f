"""Every firing is logged."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each rule whose duties leave out `log`."""
    for rule in draft.rules:
        if "log" not in (rule.table.duties or ()):
            text = 'must name "log": a rule that fires unseen cannot be audited'
            yield Problem(source=draft.source, where=rule.where, key="duties", text=text)
