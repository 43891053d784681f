"""Every attachment names somewhere, and an addition none."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each attachment that is empty."""
    for number, table in enumerate(draft.attach):
        for key, globs in (("tenants", table.tenants), ("models", table.models), ("endpoints", table.endpoints)):
            if not globs or not all(glob.strip() for glob in globs):
                text = 'is empty; leave it out, or write "*", for all'
                yield Problem(source=draft.source, key=f"attach[{number}].{key}", text=text)
    if draft.top.addition and draft.attach:
        text = "an addition cannot judge alone; attach the ruleset that extends it"
        yield Problem(source=draft.source, key="attach", text=text)
