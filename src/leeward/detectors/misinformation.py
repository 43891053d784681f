"""Finds claims that are known or can be computed to be false, offline and with their correction."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import ahocorasick_rs

from leeward.detectors import misinformation_dates, misinformation_sums, misinformation_units
from leeward.detectors.misinformation_claims import (
    AFTER_CHARS,
    BEFORE_CHARS,
    CLAIM_CHARS,
    Claim,
    Hedges,
    by_literal,
    load_claims,
    load_hedges,
    places_of,
)
from leeward.detectors.misinformation_sums import Slip
from leeward.detectors.patterns import fold
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage, View
from leeward.errors import DetectorError

HAZARD = "misinformation"
_KNOWN_FALSE = 0.9
_COMPUTED_FALSE = 0.95

_DIGIT = re.compile(r"[0-9]")

_Check = Callable[[str], Iterator[Slip]]
_CHECKS: tuple[tuple[_Check, Sequence[str]], ...] = (
    (misinformation_sums.slips_of_sums, misinformation_sums.TRIGGERS),
    (misinformation_dates.slips_of_dates, misinformation_dates.TRIGGERS),
    (misinformation_units.slips_of_units, misinformation_units.TRIGGERS),
)


@dataclass(frozen=True, slots=True)
class _Known:
    """What is loaded: literal number `n` opens the search for `claims[n]` and the checks `checks[n]`."""

    automaton: ahocorasick_rs.AhoCorasick
    claims: Sequence[Sequence[Claim]]
    checks: Sequence[frozenset[int]]
    hedges: Mapping[str, Hedges]


@dataclass(slots=True)
class _Cues:
    """What the literals of one text ask for."""

    places: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))
    claims: dict[str, Claim] = field(default_factory=dict)
    checks: set[int] = field(default_factory=set)


class Misinformation:
    """Finds confident statements that are verifiably false.

    It knows a curated list of well-known false claims and works out sums, percentages, conversions and dates.
    Whatever it does not know, it says nothing about: a reply without a finding has not been found true.

    Source:
        RULE-MIST-008; each claim names its own source in `misinformation_data/en.toml`.
    """

    info = DetectorInfo(
        id="misinformation",
        hazards=(HAZARD,),
        stages=(Stage.REPLY,),
        reach_chars=BEFORE_CHARS + CLAIM_CHARS + AFTER_CHARS,
        budget_seconds=0.02,
    )

    def __init__(self) -> None:
        self._known: _Known | None = None

    def open(self) -> None:
        """Load and compile the claims."""
        hedges = load_hedges()
        literals = by_literal(load_claims(hedges))
        checks: dict[str, set[int]] = defaultdict(set)
        for number, (_, triggers) in enumerate(_CHECKS):
            for trigger in triggers:
                checks[trigger].add(number)
        words = list(dict.fromkeys((*literals, *checks)))
        self._known = _Known(
            automaton=ahocorasick_rs.AhoCorasick(words, implementation=ahocorasick_rs.Implementation.DFA),
            claims=[literals.get(word, ()) for word in words],
            checks=[frozenset(checks.get(word, ())) for word in words],
            hedges=hedges,
        )

    def examine(self, view: View) -> Reading:
        """Return a finding for each false claim that the view makes in earnest."""
        if self._known is None:
            raise DetectorError("detector 'misinformation' was not opened", remedy="Call open() first.")
        layer = view.plain
        text = fold(layer.text)
        found = self._known.automaton.find_matches_as_indexes(text, overlapping=True)
        if not found:
            return NOTHING
        cues = self._cues(found)
        findings = [
            Finding(hazard=HAZARD, confidence=sure, span=layer.source(start, stop), message=message, evidence=(id,))
            for start, stop, sure, id, message in (*self._claims(text, cues), *self._slips(text, cues, view))
            if _is_seen_whole(view, start, stop, len(text))
        ]
        return Reading(tuple(findings)) if findings else NOTHING

    def _cues(self, found: Sequence[tuple[int, int, int]]) -> _Cues:
        assert self._known is not None
        cues = _Cues()
        for literal, start, _ in found:
            cues.checks |= self._known.checks[literal]
            for claim in self._known.claims[literal]:
                key = f"{claim.language}:{claim.id}"
                cues.claims[key] = claim
                cues.places[key].append(start)
        return cues

    def _claims(self, text: str, cues: _Cues) -> Iterator[tuple[int, int, float, str, str]]:
        assert self._known is not None
        told: set[str] = set()
        for key, claim in cues.claims.items():
            if claim.id in told:
                continue
            for start, stop in places_of(claim, text, sorted(cues.places[key])):
                if self._known.hedges[claim.language].is_asserted(text, start, stop, is_denial=claim.is_denial):
                    told.add(claim.id)
                    yield start, stop, _KNOWN_FALSE, f"claim:{claim.id}", f"{claim.correction} Source: {claim.source}."

    def _slips(self, text: str, cues: _Cues, view: View) -> Iterator[tuple[int, int, float, str, str]]:
        assert self._known is not None
        hedges = self._known.hedges.get(view.language, self._known.hedges["en"])
        for number in sorted(cues.checks) if _DIGIT.search(text) else ():
            for slip in _CHECKS[number][0](text):
                span = view.plain.source(slip.start, slip.stop)
                # A superscript or fraction was made a plain digit by the plain reading: "10²" is not 102.
                is_plain = all(c.isdecimal() or not c.isnumeric() for c in view.text[span.start : span.stop + 1])
                if is_plain and hedges.is_asserted(text, slip.start, slip.stop):
                    message = f"{slip.right} Source: {slip.source}."
                    yield slip.start, slip.stop, _COMPUTED_FALSE, f"computed:{slip.id}", message


def _is_seen_whole(view: View, start: int, stop: int, length: int) -> bool:
    """Whether all context is in view; if not, another window of the same part has it."""
    return (view.start == 0 or start >= BEFORE_CHARS) and (view.is_final or stop + AFTER_CHARS <= length)
