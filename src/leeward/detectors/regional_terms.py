"""Finds what the law or culture of a region treats otherwise; the ruleset says which regions count."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

import ahocorasick_rs
import msgspec

from leeward.detectors.patterns import Hit, Pattern, PatternSet, Terms, hits_of_layers, reading_of
from leeward.detectors.word_marks import MarkedWords
from leeward.domain.finding import Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.region import ANY_LANGUAGE, FAMILY, Region, RegionEntry, Wording
from leeward.domain.view import Stage, View
from leeward.errors import DetectorError

# Scripts that write no spaces or glue prefixes to words: a term may begin inside a run of letters.
_OPEN_LEFT: Final = frozenset({"zh", "ja", "th", "ar", "he", "ko"})
# Languages with many endings: a term is a stem.
_OPEN_RIGHT: Final = frozenset({"zh", "ja", "th", "ko", "hu", "tr", "pl", "cs", "hi", "ta", "ar", "he", "id"})
_EXCUSED_WITHIN_CHARS: Final = 120
# Precise wording, but its precision was not measured on a labelled set: no probability near 1 is claimed.
_CONFIDENCE: Final = 0.8

_Contexts = Mapping[str, Mapping[str, str]]


class RegionalTerms:
    """Finds denial of crimes, banned slogans and regional insults, with the contexts that excuse them.

    Reports every region's findings, each under a hazard of its own such as `region.de.holocaust-denial`; a ruleset
    that chooses no region does not ask at all.

    Source:
        Each entry names its own; see docs/regions.md.
    """

    def __init__(self) -> None:
        self.info = DetectorInfo(
            id="regional-terms",
            hazards=(f"{FAMILY}*",),
            stages=(Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY),
            reach_chars=128,
            budget_seconds=0.05,
        )
        self._set: _RareSet | None = None

    def open(self) -> None:
        """Compile the wordings of all regions.

        Raises:
            DetectorError: If a file of a region cannot be read, or names a list or context that is not there.
        """
        try:
            self._set = _RareSet(_patterns(), _marked())
        except (msgspec.ValidationError, msgspec.DecodeError, KeyError) as error:
            raise DetectorError(
                f"the regions cannot be read: {error}",
                meaning="A ruleset that chooses a region cannot be enforced.",
                remedy="Correct the file in leeward/policy/regions that the message speaks of.",
            ) from error

    def examine(self, view: View) -> Reading:
        """Return what any region's entries say about `view`."""
        if self._set is None:
            raise DetectorError("detector 'regional-terms' was not opened", remedy="Call open() first.")
        return reading_of(hits_of_layers(self._set, view))


class _RareSet(PatternSet):
    """A pattern set that is asked only when a rare term of it occurs, and marked words beside it.

    Contexts are made of everyday words, so finding all of them in every text would cost more than all the rest.

    Args:
        patterns: As for `PatternSet`.
        marked: Patterns without parts, by the mark of the word that they stand for.
    """

    def __init__(self, patterns: Iterable[Pattern], marked: Mapping[str, tuple[Pattern, ...]]) -> None:
        some = tuple(patterns)
        super().__init__(some)
        rare = dict.fromkeys(literal for pattern in some for literal, _, _ in pattern.parts[0].literals())
        self._rare = ahocorasick_rs.AhoCorasick(list(rare), implementation=ahocorasick_rs.Implementation.DFA)
        self._marked = marked
        self._words = MarkedWords(marked)
        vetoes = dict.fromkeys(veto for found in marked.values() for pattern in found for veto in pattern.vetoes)
        self._excuses = PatternSet(Pattern(id=v.name, hazard="", confidence=0.0, parts=(v,)) for v in vetoes)

    def scan_folded(self, folded: str, stage: Stage | None = None, *, every: bool = False) -> list[Hit]:
        """Return what `PatternSet.scan_folded` returns, and marked words that nothing excuses."""
        hits = super().scan_folded(folded, stage, every=every) if self._rare.find_matches_as_indexes(folded) else []
        places = list(self._words.places(folded))
        if places:
            excuses = self._excuses.scan_folded(folded, every=True)
            for word, start, stop in places:
                near = {e.pattern.id for e in excuses if _distance(e, start, stop) <= _EXCUSED_WITHIN_CHARS}
                hits += [Hit(p, start, stop) for p in self._marked[word] if near.isdisjoint(v.name for v in p.vetoes)]
        return hits


def _distance(hit: Hit, start: int, stop: int) -> int:
    return max(hit.start - stop, start - hit.stop, 0)


def _patterns() -> Iterator[Pattern]:
    for region in _regions():
        for entry in region.entry:
            shared = (wording for name in entry.lists for wording in _list(name))
            for number, wording in enumerate((*shared, *entry.wording)):
                yield _pattern(region, entry, wording, f"{wording.language}.{number}")


def _marked() -> Mapping[str, tuple[Pattern, ...]]:
    found: dict[str, tuple[Pattern, ...]] = defaultdict(tuple)
    for region in _regions():
        for entry in region.entry:
            word = Wording(language=ANY_LANGUAGE, parts=("-",))
            for mark in entry.marks:
                found[mark] += (_pattern(region, entry, word, "mark"),)
    return dict(found)


def _pattern(region: Region, entry: RegionEntry, wording: Wording, suffix: str) -> Pattern:
    language = wording.language
    unless = (_terms(f"{language}:unless:{wording.unless}", language, wording.unless),) if wording.unless else ()
    return Pattern(
        id=f"{region.code}.{entry.id}.{suffix}",
        hazard=region.hazard(entry),
        confidence=_CONFIDENCE,
        parts=tuple(_terms(f"{language}:{part}", language, part) for part in wording.parts),
        vetoes=(*unless, *_excuses(entry.excused_by, language)),
        within=wording.within,
        veto_within=_EXCUSED_WITHIN_CHARS,
        message=f"{entry.title} ({region.name}: {entry.source}).",
    )


@cache
def _excuses(contexts: tuple[str, ...], language: str) -> tuple[Terms, ...]:
    """Return the terms of `contexts`; those of every language for a wording that has none of its own."""
    known = [_contexts()[name] for name in contexts]
    languages = dict.fromkeys(tag for one in known for tag in one) if language == ANY_LANGUAGE else (language,)
    return tuple(
        _terms(f"{tag}:{'|'.join(contexts)}", tag, words)
        for tag in languages
        if (words := ", ".join(one[tag] for one in known if tag in one))
    )


def _terms(name: str, language: str, words: str) -> Terms:
    each = dict.fromkeys(word.strip() for word in words.split(",") if word.strip())
    return Terms(name, tuple(each), open_left=language in _OPEN_LEFT, open_right=language in _OPEN_RIGHT)


# The files belong to the policy, which chooses among them; what they look for is read here.
def _folder() -> Traversable:
    return files("leeward.policy")


def _regions() -> Iterator[Region]:
    entries = sorted(_folder().joinpath("regions").iterdir(), key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.endswith(".toml"):
            yield msgspec.toml.decode(entry.read_bytes(), type=Region)


@cache
def _contexts() -> _Contexts:
    kind = dict[str, dict[str, str]]
    return msgspec.toml.decode(_folder().joinpath("region_lists", "contexts.toml").read_bytes(), type=kind)


@cache
def _list(name: str) -> tuple[Wording, ...]:
    try:
        raw = _folder().joinpath("region_lists", f"{name}.toml").read_bytes()
    except FileNotFoundError:
        raise KeyError(f"no list is called {name!r}") from None
    return msgspec.toml.decode(raw, type=dict[str, tuple[Wording, ...]])["wording"]
