"""The regions that ship with Leeward, and what choosing one adds to a rule."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Final

import msgspec

from leeward.domain.region import FAMILY, Region
from leeward.domain.rule import Condition, Rule
from leeward.policy.problems import unknown

RULE: Final = "RULE-MIST-001"
"""The rule under which the entries of regions fire."""
DETECTOR: Final = "regional-terms"
# Each entry has one confidence, so the threshold only says that a finding is enough.
_THRESHOLD: Final = 0.5


@cache
def regions() -> Mapping[str, Region]:
    """Return every region by its code, sorted."""
    folder = files("leeward.policy").joinpath("regions")
    names = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml"))
    found = (msgspec.toml.decode(folder.joinpath(name).read_bytes(), type=Region) for name in names)
    return MappingProxyType({region.code: region for region in found})


@cache
def optional_entries() -> frozenset[str]:
    """Return the entries that are enforced only where a ruleset names them, e.g. `th.lese-majeste`."""
    return frozenset(f"{r.code}.{e.id}" for r in regions().values() for e in r.entry if not e.enforce)


@cache
def enforced_entries() -> frozenset[str]:
    """Return the entries that choosing their region enforces."""
    return frozenset(f"{r.code}.{e.id}" for r in regions().values() for e in r.entry if e.enforce)


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionRow:
    """One entry, for a table of all."""

    region: str
    name: str
    entry: str
    title: str
    hazard: str
    enforce: bool
    source: str
    note: str


def region_rows() -> list[RegionRow]:
    """Return every entry of every region, by region and in file order."""
    return [
        RegionRow(
            region=region.code,
            name=region.name,
            entry=entry.id,
            title=entry.title,
            hazard=entry.hazard,
            enforce=entry.enforce,
            source=entry.source,
            note=entry.note,
        )
        for region in regions().values()
        for entry in region.entry
    ]


def unknown_region(code: str) -> str:
    """Return that `code` is no region, with the one that is likely meant: by its name, its case or a near code."""
    by_name = {region.name.lower(): region.code for region in regions().values()}
    meant = code.lower() if code.lower() in regions() else by_name.get(code.lower())
    if meant:
        return f"unknown region {code!r}; did you mean {meant!r}?"
    text = unknown("region", code, regions())
    return text if "; " in text else f"{text}; known: {', '.join(regions())}"


def with_regions(rule: Rule, codes: Iterable[str], opted_in: Iterable[str]) -> Rule:
    """Return `rule` with a condition for the entries of the chosen regions that it does not ask about yet.

    Every entry is named by itself, not as a family: an entry that nobody chose is not even recorded, and an entry
    that a later version adds changes the digest of the ruleset.

    Args:
        rule: Any rule; only RULE-MIST-001 changes.
        codes: Region codes; unknown ones are left to the checks.
        opted_in: Entries that are not enforced by themselves, e.g. `th.lese-majeste`.
    """
    if rule.id != RULE:
        return rule
    asked = {hazard for condition in rule.conditions if condition.detector == DETECTOR for hazard in condition.hazards}
    wanted = tuple(sorted({*_hazards(codes, opted_in)} - asked))
    if not wanted:
        return rule
    added = Condition(detector=DETECTOR, hazards=wanted, threshold=_THRESHOLD)
    return replace(rule, conditions=(*rule.conditions, added))


def _hazards(codes: Iterable[str], opted_in: Iterable[str]) -> Iterator[str]:
    chosen = {*codes}
    if chosen:
        yield from (FAMILY + name for name in enforced_entries() if name.partition(".")[0] in chosen)
    yield from (FAMILY + name for name in opted_in)
