"""Every rule says what it means when a detector could not look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.disposition import Disposition
from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each rule without `on_failure`, or whose `on_failure` was meant for a milder rule."""
    for rule in draft.rules:
        if rule.table.on_failure is None:
            text = 'missing; say what happens when a detector could not look, e.g. on_failure = "block"'
            yield Problem(source=draft.source, where=rule.where, key="on_failure", text=text)
    stops = {d.word for d in Disposition if d.stops}
    for name, table in draft.tighten.items():
        base = draft.base_rules.get(name)
        if base and not base.disposition.stops and table.disposition in stops and table.on_failure is None:
            was = base.on_failure.word
            text = f'it now stops text, and was written to {was} on failure; say e.g. on_failure = "block"'
            yield Problem(source=draft.source, where=f"tighten.{name}", key="on_failure", text=text)
