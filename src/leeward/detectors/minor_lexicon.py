"""Finds text that joins a minor and explicit sexual terms, by lexicons alone."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Final

from leeward.detectors.minor_lexicon_table import Place, TermKind, TermTable, unpacked
from leeward.detectors.minor_lexicon_words import Age, PlainWords, Spot
from leeward.detectors.patterns import fold
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Layer, Span, Stage, View
from leeward.errors import DetectorError

SETTING: Final = "LEEWARD_MINOR_TERMS"
_HAZARD: Final = "child-exploitation"
_TABLE: Final = "sexual_terms.bin"
WINDOW_CHARS: Final = 80  # from the term for a minor to a sexual term
_EXCUSE_CHARS: Final = 120  # around both
_NEGATION_CHARS: Final = 20  # before a sexual term
_QUOTES: Final = frozenset("\"'“”„‟«»‹›‘’「」『』《》")
_WEIGHTS: Final = {TermKind.EXPLICIT: 1.0, TermKind.VULGAR: 0.4}
_MENTION: Final = 0.5  # share of its weight that a quoted or negated term keeps
_MOST_WEIGHT: Final = 3.0
_EXCUSE: Final = 0.7
_MOST_EXCUSES: Final = 2
# Points to confidence. No text with what it looks for exists here, so these are set, not measured.
_LEVELS: Final = ((1.8, 0.9), (0.9, 0.8), (0.5, 0.3))


@dataclass(frozen=True, slots=True)
class _Pair:
    """A term for a minor and the sexual terms near it."""

    points: float
    start: int
    stop: int
    terms: int
    excuses: int


class MinorLexicon:
    """Finds a term for a minor and explicit sexual terms within 80 characters of each other, in 31 languages.

    Sexual terms are hashed; nothing here or in what it reports holds one. A term for a minor is looked for first, and
    text without one costs no more. Words of law, medicine, teaching and prevention nearby speak against a finding, as
    do quotation marks around a term and a negation before it.

    Args:
        extra: A further table made by `training/lexicon/build.py`; None takes the one that the environment variable
            `LEEWARD_MINOR_TERMS` names, if any.

    Source:
        Protocol, RULE-MIST-005.
    """

    info = DetectorInfo(
        id="minor-lexicon",
        hazards=(_HAZARD,),
        stages=(Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY),
        reach_chars=256,
        budget_seconds=0.05,
    )

    def __init__(self, extra: Path | None = None) -> None:
        self._extra = extra
        self._words: PlainWords | None = None
        self._tables: tuple[TermTable, ...] = ()

    def open(self) -> None:
        """Read the words and the hashed terms.

        Raises:
            DetectorError: If a table cannot be read.
        """
        named = os.environ.get(SETTING, "")
        extra = self._extra or (Path(named) if named else None)
        shipped = files("leeward.detectors.minor_lexicon_data").joinpath(_TABLE).read_bytes()
        tables = [unpacked(shipped, "The shipped table of terms")]
        if extra is not None:
            tables.append(unpacked(_bytes_of(extra), str(extra)))
        self._tables = tuple(tables)
        self._words = PlainWords()

    def examine(self, view: View) -> Reading:
        """Return at most one finding for each reading of `view`: where a minor and sexual terms stand closest.

        Raises:
            DetectorError: If it was not opened.
        """
        if self._words is None:
            raise DetectorError("minor-lexicon was not opened", remedy="Call open() before examine().")
        findings: dict[Span, Finding] = {}
        for layer in (view.folded, *view.layers[2:]):
            pair = self._strongest(fold(layer.text), view.language, self._words)
            if pair is not None and (finding := _finding(pair, layer, len(view.text))) is not None:
                assert finding.span is not None
                findings.setdefault(finding.span, finding)
        return Reading(tuple(findings.values())) if findings else NOTHING

    def _strongest(self, text: str, language: str, words: PlainWords) -> _Pair | None:
        ages = words.ages(text, language)
        if not ages:
            return None
        places = [place for start, stop in _windows(ages, len(text)) for place in self._terms(text, start, stop)]
        if not places:
            return None
        excuses, negations = words.around(text, language)
        weights = [_weight(text, place, negations) for place in places]
        pairs = (_pair(age, places, weights, excuses) for age in ages)
        return max(pairs, key=lambda pair: pair.points)

    def _terms(self, text: str, start: int, stop: int) -> list[Place]:
        found = [place for table in self._tables for place in table.find(text, start, stop)]
        return sorted(found, key=lambda place: place.start) if len(self._tables) > 1 else found


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DetectorError(
            f"The table of terms {path} cannot be read: {error.strerror}.",
            meaning="Text that concerns minors would not be looked at by it, so the gateway does not start.",
            remedy=f"Make it with training/lexicon/build.py, or unset {SETTING}.",
        ) from error


def _windows(ages: Sequence[Age], length: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges within reach of a term for a minor, joined where they touch."""
    begin = end = -1
    for age in ages:
        start, stop = max(0, age.start - WINDOW_CHARS), min(length, age.stop + WINDOW_CHARS)
        if start > end:
            if end >= 0:
                yield begin, end
            begin, end = start, stop
        end = max(end, stop)
    yield begin, end


def _weight(text: str, place: Place, negations: Sequence[Spot]) -> float:
    weight = _WEIGHTS[place.kind]
    is_quoted = text[place.start - 1 : place.start] in _QUOTES and text[place.stop : place.stop + 1] in _QUOTES
    is_negated = bool(_within(negations, place.start - _NEGATION_CHARS, place.start))
    return weight * _MENTION if is_quoted or is_negated else weight


def _pair(age: Age, places: Sequence[Place], weights: Sequence[float], excuses: Sequence[Spot]) -> _Pair:
    first = bisect_left(places, age.start - WINDOW_CHARS, key=lambda place: place.start)
    last = bisect_left(places, age.stop + WINDOW_CHARS, key=lambda place: place.start)
    best: dict[bytes, float] = {}
    start, stop = age.start, age.stop
    for place, weight in zip(places[first:last], weights[first:last], strict=True):
        if place.stop <= age.start or place.start >= age.stop:
            best[place.key] = max(weight, best.get(place.key, 0.0))
            start, stop = min(start, place.start), max(stop, place.stop)
    spots = _within(excuses, start - _EXCUSE_CHARS, stop + _EXCUSE_CHARS)
    count = min(_MOST_EXCUSES, len({spot.word for spot in spots}))
    points = age.weight * min(_MOST_WEIGHT, sum(best.values())) - _EXCUSE * count
    return _Pair(points, start, stop, len(best), count)


def _within(spots: Sequence[Spot], start: int, stop: int) -> Sequence[Spot]:
    """Return the spots that begin in `start..stop`."""
    first = bisect_left(spots, start, key=lambda spot: spot.start)
    return spots[first : bisect_left(spots, stop, key=lambda spot: spot.start)]


def _finding(pair: _Pair, layer: Layer, length: int) -> Finding | None:
    confidence = next((sure for least, sure in _LEVELS if pair.points >= least), None)
    if confidence is None:
        return None
    span = layer.source(pair.start, pair.stop)
    return Finding(
        hazard=_HAZARD,
        confidence=confidence,
        span=Span(min(span.start, length), min(span.stop, length)),
        message="A term for a minor and sexual terms stand close together.",
        evidence=(f"sexual terms: {pair.terms}", f"words that excuse: {pair.excuses}"),
    )
