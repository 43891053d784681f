"""Every chosen region is known, and there is a rule to fire under."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem, unknown
from leeward.policy.regional import RULE, enforced_entries, optional_entries, regions, unknown_region


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each region or entry that is not known, or could not be enforced."""
    chosen, opted_in = draft.top.regions, draft.top.region_opt_in
    for code in chosen:
        if code not in regions():
            yield Problem(source=draft.source, key="regions", text=unknown_region(code))
    for entry in opted_in:
        if entry in enforced_entries():
            text = f'{entry} needs no opting in; write regions = ["{entry.partition(".")[0]}"]'
            yield Problem(source=draft.source, key="region_opt_in", text=text)
        elif entry not in optional_entries():
            yield Problem(source=draft.source, key="region_opt_in", text=unknown("entry", entry, optional_entries()))
    if (chosen or opted_in) and RULE not in draft.base_rules:
        text = f'the entries of regions fire under {RULE}, which is not inherited; write extends = "mistral-v1"'
        yield Problem(source=draft.source, key="regions" if chosen else "region_opt_in", text=text)
