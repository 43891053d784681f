"""Every hazard that a rule names can be given by its detector."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem, unknown


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:
    """Yield a problem for each hazard that would never come."""
    for rule, key, when in draft.whens():
        info = known.get(when.detector or "")
        for hazard in when.thresholds if info else ():
            if info and not gives(info, hazard):
                text = f"{info.id}: {unknown('hazard', hazard, info.hazards)}"
                yield Problem(source=draft.source, where=rule.where, key=f"{key}.thresholds", text=text)


def gives(info: DetectorInfo, hazard: str) -> bool:
    """Whether the detector can give `hazard`, or one of its family when it ends in `*`."""
    if hazard.endswith("*"):
        return any(given.startswith(hazard[:-1]) for given in info.hazards)
    return any(given == hazard or (given.endswith("*") and hazard.startswith(given[:-1])) for given in info.hazards)
