"""Every detector that a rule names is installed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem, unknown


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:
    """Yield a problem for each unknown or missing detector."""
    for rule, key, when in draft.whens():
        if when.detector is None:
            text = f"missing; one of {', '.join(sorted(known))}"
            yield Problem(source=draft.source, where=rule.where, key=f"{key}.detector", text=text)
        elif when.detector not in known:
            text = unknown("detector", when.detector, known)
            yield Problem(source=draft.source, where=rule.where, key=f"{key}.detector", text=text)
