"""Only rules that are inherited are tightened or relaxed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem, unknown


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each table that changes nothing."""
    inherited = draft.base_rules
    own = {rule.table.id for rule in draft.rules}
    for word, names in (("tighten", draft.tighten), ("relax", draft.relax)):
        for name in names:
            if name in inherited:
                continue
            if name in own:
                text = "it is a rule of this file; change the rule itself"
            elif inherited:
                text = unknown("rule", name, inherited)
            else:
                text = 'nothing is inherited; write extends = "mistral-v1"'
            yield Problem(source=draft.source, where=f"{word}.{name}", text=text)
