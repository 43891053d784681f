"""Named patterns over one automaton: terms that must stand near each other, and vetoes."""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

import ahocorasick_rs
import re2

from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Layer, Span, Stage, View
from leeward.errors import DetectorError

# Text between two terms of one pattern must not hold the end of a sentence.
# Every repetition is bounded, so a search is linear.
_SENTENCE_END = re.compile(r"[.!?…][\"'”’»)]{0,2}(?=\s|$)|[。！？।\n]")
_LOOK_BACK = 1_000


def _fold_table() -> dict[int, str]:
    """Return a one-to-one map of Latin, Greek and Arabic letters to their bare forms."""
    table = {0x0130: "i", 0x0131: "i", 0x0142: "l", 0x00F8: "o", 0x0111: "d", 0x0451: "е", 0x2019: "'", 0x02BC: "'"}
    for block in (range(0xC0, 0x250), range(0x1E00, 0x2000), range(0x370, 0x400)):
        for code in block:
            bare = unicodedata.normalize("NFD", chr(code).lower())[0]
            if code not in table and bare != chr(code):
                table[code] = bare
    table.update(dict.fromkeys((0x622, 0x623, 0x625), "ا") | {0x629: "ه", 0x649: "ي", 0x3C2: "σ", 0xA0: " "})
    return table


_FOLD = _fold_table()


def fold(text: str) -> str:
    """Return `text` in lower case without diacritics, character for character."""
    if text.isascii():
        return text.lower()
    return text.replace("İ", "i").lower().translate(_FOLD)


@dataclass(frozen=True, slots=True)
class Terms:
    """A list of literal terms of which one must occur.

    Attributes:
        name: For evidence, e.g. `malware`.
        words: Terms; a `*` at either end leaves that end open, otherwise the term must end at a word boundary.
        open_left: Leave every term open on the left, for scripts that write prefixes or no spaces.
        open_right: Leave every term open on the right, for languages with many endings.
    """

    name: str
    words: tuple[str, ...]
    open_left: bool = False
    open_right: bool = False

    def literals(self) -> Iterable[tuple[str, bool, bool]]:
        """Yield each term folded, and whether its left and right ends are open."""
        for word in self.words:
            literal = fold(unicodedata.normalize("NFKC", word.strip("*")))
            if literal:
                yield literal, self.open_left or word.startswith("*"), self.open_right or word.endswith("*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """What must be found, and what must not stand near it.

    Attributes:
        id: Name that findings give as evidence.
        hazard: Hazard of a finding.
        confidence: Probability that a match is what it seems, in [0, 1].
        parts: One term of each must occur in one sentence; the first is the rarest.
        vetoes: A term of any of these near the match withdraws it.
        regexes: RE2 patterns over the folded text; alternatives to `parts`, never with a veto.
        within: Longest distance in characters from the first part to each other part.
        veto_within: How far around the match a veto counts, in characters.
        in_order: Whether the parts must follow each other as listed.
        across_sentences: Whether the parts may stand in different sentences.
        stages: Stages in which it is asked; empty means all.
        message: What was seen, for a person.
    """

    id: str
    hazard: str
    confidence: float
    parts: tuple[Terms, ...] = ()
    vetoes: tuple[Terms, ...] = ()
    regexes: tuple[str, ...] = ()
    within: int = 60
    veto_within: int = 60
    in_order: bool = False
    across_sentences: bool = False
    stages: frozenset[Stage] = frozenset()
    message: str = ""


@dataclass(frozen=True, slots=True)
class Hit:
    """A pattern found at `start..stop` of the text that was scanned."""

    pattern: Pattern
    start: int
    stop: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """A pattern with its parts and vetoes as numbers of term lists."""

    pattern: Pattern
    parts: tuple[int, ...]
    vetoes: tuple[int, ...]


_Places = Mapping[int, Sequence[tuple[int, int]]]


@dataclass(slots=True)
class _Lexicon:
    """Literals to the term lists they belong to, while a set is built."""

    numbers: dict[Terms, int] = field(default_factory=dict)
    uses: dict[str, list[tuple[int, bool, bool]]] = field(default_factory=lambda: defaultdict(list))

    def number(self, terms: Terms) -> int:
        """Return the number of `terms`, entering its literals when it is new."""
        if terms not in self.numbers:
            self.numbers[terms] = len(self.numbers)
            for literal, left, right in terms.literals():
                self.uses[literal].append((self.numbers[terms], left, right))
        return self.numbers[terms]


class PatternSet:
    """Patterns compiled to one Aho-Corasick automaton and one RE2 set; immutable once built.

    Raises:
        DetectorError: If a pattern has neither parts nor regexes, an empty part, or a regex that RE2 refuses.

    Source:
        Aho and Corasick (1975), CACM 18(6):333-340.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        lexicon = _Lexicon()
        self._by_key: dict[int, list[_Plan]] = defaultdict(list)
        self._regexes: list[tuple[Pattern, re2._Regexp]] = []
        for pattern in patterns:
            self._enter(pattern, lexicon)
        self._uses = list(lexicon.uses.values())
        self._automaton = ahocorasick_rs.AhoCorasick(
            list(lexicon.uses), implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )
        self._filter = _regex_filter([regex.pattern for _, regex in self._regexes])

    def _enter(self, pattern: Pattern, lexicon: _Lexicon) -> None:
        if not pattern.parts and not pattern.regexes:
            raise DetectorError(f"pattern {pattern.id!r} looks for nothing", remedy="Give it a literal or a regex.")
        for regex in pattern.regexes:
            self._regexes.append((pattern, _compile(pattern.id, regex)))
        if pattern.parts:
            if any(not list(terms.literals()) for terms in pattern.parts):
                raise DetectorError(f"pattern {pattern.id!r} has an empty list of terms", remedy="Give it a term.")
            parts = tuple(lexicon.number(terms) for terms in pattern.parts)
            vetoes = tuple(lexicon.number(terms) for terms in pattern.vetoes)
            self._by_key[parts[0]].append(_Plan(pattern, parts, vetoes))

    def scan(self, text: str, stage: Stage | None = None, *, every: bool = False) -> list[Hit]:
        """Return the first place of each pattern in `text`; linear in its length.

        Args:
            text: Any text; it is folded here, and offsets of hits count its characters.
            stage: When given, patterns for other stages are left out.
            every: Return all places, for what is to be removed.
        """
        return self.scan_folded(fold(text), stage, every=every)

    def scan_folded(self, folded: str, stage: Stage | None = None, *, every: bool = False) -> list[Hit]:
        """Return what `scan` returns, for text that `fold` gave."""
        most = None if every else 1
        hits: list[Hit] = []
        if found := self._automaton.find_matches_as_indexes(folded, overlapping=True):
            places = self._places(folded, found)
            for key in places.keys() & self._by_key.keys():
                for plan in self._by_key[key]:
                    if _is_asked(plan.pattern, stage):
                        hits.extend(islice(_hits(plan, places, folded), most))
        if self._filter is not None:
            for number in self._filter.Match(folded):
                pattern, regex = self._regexes[number]
                if _is_asked(pattern, stage):
                    found_all = (
                        Hit(pattern, m.start(), m.end()) for m in regex.finditer(folded) if m.end() > m.start()
                    )
                    hits.extend(islice(found_all, most))
        return hits

    def _places(self, text: str, found: Sequence[tuple[int, int, int]]) -> dict[int, list[tuple[int, int]]]:
        places: dict[int, list[tuple[int, int]]] = {}
        for literal, start, stop in found:
            is_left = start == 0 or not text[start - 1].isalnum()
            is_right = stop == len(text) or not text[stop].isalnum()
            for terms, left, right in self._uses[literal]:
                if (left or is_left) and (right or is_right):
                    places.setdefault(terms, []).append((start, stop))
        for some in places.values():
            some.sort()  # the automaton gives them by their ends
        return places


def _is_asked(pattern: Pattern, stage: Stage | None) -> bool:
    return stage is None or not pattern.stages or stage in pattern.stages


def _compile(pattern_id: str, regex: str) -> re2._Regexp:
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(regex, options)
    except re2.error as error:
        raise DetectorError(
            f"pattern {pattern_id!r}: RE2 refuses {regex!r}: {error}",
            remedy="Write it without look-around and back-references; RE2 runs in linear time and has neither.",
        ) from error


def _regex_filter(regexes: Sequence[str]) -> re2.Set | None:
    if not regexes:
        return None
    some = re2.Set.SearchSet()
    for regex in regexes:
        some.Add(regex)
    some.Compile()
    return some


def _hits(plan: _Plan, places: _Places, text: str) -> Iterator[Hit]:
    """Yield each place where all parts of the plan stand together and no veto is near."""
    if any(part not in places for part in plan.parts):
        return
    for anchor in places[plan.parts[0]]:
        start, stop = anchor
        last = anchor
        for part in plan.parts[1:]:
            near = _nearest(places[part], anchor, last, plan.pattern, text)
            if near is None:
                break
            start, stop, last = min(start, near[0]), max(stop, near[1]), near
        else:
            if not _is_vetoed(plan, places, start, stop):
                yield Hit(plan.pattern, start, stop)


def _nearest(
    places: Sequence[tuple[int, int]], anchor: tuple[int, int], last: tuple[int, int], pattern: Pattern, text: str
) -> tuple[int, int] | None:
    """Return the place nearest to `anchor` that lies within reach and in its sentence."""
    at = bisect_left(places, anchor)
    best: tuple[int, int] | None = None
    best_gap = pattern.within + 1
    for start, stop in places[max(0, at - 3) : at + 3]:
        if pattern.in_order and start < last[1]:
            continue
        gap = max(start - anchor[1], anchor[0] - stop, 0)
        is_same = start < anchor[1] and anchor[0] < stop
        if gap >= best_gap or is_same:
            continue
        # One character more than the gap, or its end would pass for the end of the text.
        if pattern.across_sentences or not _SENTENCE_END.search(text, min(stop, anchor[1]), max(start, anchor[0]) + 1):
            best, best_gap = (start, stop), gap
    return best


def _is_vetoed(plan: _Plan, places: _Places, start: int, stop: int) -> bool:
    reach = plan.pattern.veto_within
    for veto in plan.vetoes:
        some = places.get(veto)
        # Places are sorted by start and none is longer than its literal, so the ones before `at` suffice.
        if (
            some
            and (at := bisect_left(some, (stop + reach, 0)))
            and max(p[1] for p in some[max(0, at - 3) : at]) > start - reach
        ):
            return True
    return False


def sentence_around(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the bounds of the sentence or sentences that `text[start:stop]` stands in."""
    begin = max(0, start - _LOOK_BACK)
    for end in _SENTENCE_END.finditer(text, begin, start):
        begin = end.end()
    after = _SENTENCE_END.search(text, max(start, stop - 1), min(len(text), stop + _LOOK_BACK))
    return begin, after.end() if after else min(len(text), stop + _LOOK_BACK)


class InlineSource(Protocol):
    """Patterns of an operator's own rule, however the ruleset holds them."""

    @property
    def id(self) -> str:
        """Id of the rule or of its detector."""

    @property
    def literals(self) -> Sequence[str]:
        """Terms, matched as whole words unless they end in `*`."""

    @property
    def regexes(self) -> Sequence[str]:
        """RE2 patterns over text in lower case and without diacritics."""

    @property
    def hazard(self) -> str:
        """Hazard that a match stands for."""


_REGEX_REACH_CHARS = 256
_SPREAD = 3  # a literal may be written with something between its letters


def _reach_of(source: InlineSource) -> int:
    """Return the longest text that one match needs: a stream waits for so much."""
    if source.regexes:
        return _REGEX_REACH_CHARS
    return min(_REGEX_REACH_CHARS, _SPREAD * max(map(len, source.literals), default=1))


class InlinePatternDetector:
    """Finds an operator's own literals and regexes.

    Args:
        source: What to look for.
        confidence: Given to every match; the operator wrote the words, so a match is a match.
    """

    def __init__(self, source: InlineSource, *, confidence: float = 1.0) -> None:
        self._source = source
        self._confidence = confidence
        self._set: PatternSet | None = None
        self.info = DetectorInfo(
            id=source.id,
            hazards=(source.hazard,),
            stages=(Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY, Stage.CODE),
            reach_chars=_reach_of(source),
            budget_seconds=0.05,
        )

    def open(self) -> None:
        """Compile the patterns."""
        self._set = PatternSet(self._patterns())

    def _patterns(self) -> Iterable[Pattern]:
        source = self._source
        if not source.literals and not source.regexes:
            raise DetectorError(f"rule {source.id!r} has no literals and no regexes", remedy="Give it at least one.")
        if source.literals:
            terms = Terms(source.id, tuple(source.literals))
            yield Pattern(id=f"{source.id}.literal", hazard=source.hazard, confidence=self._confidence, parts=(terms,))
        for number, regex in enumerate(source.regexes):
            yield Pattern(
                id=f"{source.id}.regex{number}", hazard=source.hazard, confidence=self._confidence, regexes=(regex,)
            )

    def examine(self, view: View) -> Reading:
        """Return a finding for each place of each pattern, in every reading of the text."""
        if self._set is None:
            raise DetectorError(f"detector {self.info.id!r} was not opened", remedy="Call open() first.")
        return reading_of(hits_of_layers(self._set, view, every=True))


def hits_of_layers(patterns: PatternSet, view: View, *, every: bool = False) -> list[tuple[Layer, Hit]]:
    """Return the hits of each distinct reading of the view, the plain one first.

    Args:
        every: Return all places of a pattern, not the first alone.
    """
    seen: set[str] = set()
    found: list[tuple[Layer, Hit]] = []
    for layer in (view.plain, view.folded, *view.layers[2:]):
        text = fold(layer.text)
        if text not in seen:
            seen.add(text)
            found.extend((layer, hit) for hit in patterns.scan_folded(text, view.stage, every=every))
    return found


def reading_of(found: Iterable[tuple[Layer, Hit]]) -> Reading:
    """Return findings with spans of the source text, one for each pattern and span."""
    findings: dict[tuple[str, Span], Finding] = {}
    for layer, hit in found:
        span = layer.source(hit.start, hit.stop)
        findings.setdefault(
            (hit.pattern.id, span),
            Finding(
                hazard=hit.pattern.hazard,
                confidence=hit.pattern.confidence,
                span=span,
                message=hit.pattern.message or "Matches a pattern of this rule.",
                evidence=(hit.pattern.id,) if layer.kind in ("plain", "folded") else (hit.pattern.id, layer.kind),
            ),
        )
    return Reading(tuple(findings.values())) if findings else NOTHING
