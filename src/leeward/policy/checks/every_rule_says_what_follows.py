"""Every rule says what follows when it fires."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.disposition import Disposition
from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each rule without a disposition."""
    for rule in draft.rules:
        if rule.table.disposition is None:
            text = f"missing; one of {', '.join(d.word for d in Disposition)}"
            yield Problem(source=draft.source, where=rule.where, key="disposition", text=text)
