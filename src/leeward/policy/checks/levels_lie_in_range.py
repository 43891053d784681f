"""Levels are those of the escalation matrix, and repetition never lowers one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each level that the matrix does not have."""
    levels = [(r.where, r.table.level, r.table.level_on_repeat) for r in draft.rules]
    levels += [(f"tighten.{name}", t.level or 1, t.level_on_repeat or 3) for name, t in draft.tighten.items()]
    for where, level, on_repeat in levels:
        for key, value in (("level", level), ("level_on_repeat", on_repeat)):
            if value not in (1, 2, 3):
                yield Problem(
                    source=draft.source, where=where, key=key, text=f"{value} is not a level; write 1, 2 or 3"
                )
        if on_repeat < level:
            text = f"{on_repeat} is below level {level}; repetition cannot make a violation lighter"
            yield Problem(source=draft.source, where=where, key="level_on_repeat", text=text)
