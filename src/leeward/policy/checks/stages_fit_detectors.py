"""Every detector is asked only in stages that it understands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:
    """Yield a problem for each `when` that its detector would not understand."""
    for rule, key, when in draft.whens():
        info = known.get(when.detector or "")
        if info is None:
            continue
        asked = {*(when.stages or rule.table.stages or ())} & {*Stage}
        if strange := sorted(asked - {*info.stages}):
            text = (
                f"{info.id} does not understand {', '.join(strange)}; it understands {', '.join(sorted(info.stages))}"
            )
            yield Problem(source=draft.source, where=rule.where, key=f"{key}.stages", text=text)
