"""The plain words of `minor-lexicon`: terms for minors, excuses and negations, by language."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import Final

import ahocorasick_rs
import msgspec

from leeward.detectors.patterns import Terms

_DATA: Final = "leeward.detectors.minor_lexicon_data"
_FILE: Final = "terms.toml"
_UNSPACED: Final = frozenset({"zh", "ja", "th", "ko"})
_WITH_PREFIXES: Final = frozenset({"ar", "he"})
_ADULT: Final = 18
_NUMBER: Final = re.compile(r"(?<![\d.,])(\d{1,2})[\s\-‐‑–]{0,2}$")  # what stands before a unit of age
_NUMBER_CHARS: Final = 5
_STRONG: Final = 1.0
_WEAK: Final = 0.6
_WEIGHTS: Final[Mapping[str, float]] = {"strong": _STRONG, "weak": _WEAK, "age": _STRONG, "years": _WEAK}
_UNITS: Final = frozenset({"age", "years"})  # only behind a number


class _Lists(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"not_": "not"}):
    """Lists of one language; see terms.toml."""

    strong: str
    weak: str
    age: str
    years: str
    excuse: str
    not_: str


@dataclass(frozen=True, slots=True, order=True)
class Age:
    """A term for a minor at `start..stop` of the text; `weight` 1 when it is surely one, else less."""

    start: int
    stop: int
    weight: float


@dataclass(frozen=True, slots=True)
class Spot:
    """An excuse or a negation at `start..stop`; `word` tells different ones apart."""

    start: int
    stop: int
    word: str


@dataclass(frozen=True, slots=True)
class _Use:
    """How one list uses a literal.

    Attributes:
        name: `strong`, `weak`, `age`, `years`, `excuse` or `not`.
        only: Language that the text must be in, or empty.
        is_open_left: Whether letters may stand right before it; likewise `is_open_right`.
    """

    name: str
    only: str
    is_open_left: bool = False
    is_open_right: bool = False


class _Automaton:
    """Literals and how lists use them; much lighter than a `PatternSet`, for texts that are full of such words."""

    def __init__(self, uses: Iterable[tuple[Terms, _Use]]) -> None:
        by_literal: dict[str, list[_Use]] = defaultdict(list)
        for terms, use in uses:
            for literal, left, right in terms.literals():
                by_literal[literal].append(_Use(use.name, use.only, left, right))
        self._uses = list(by_literal.values())
        self._automaton = ahocorasick_rs.AhoCorasick(
            list(by_literal), implementation=ahocorasick_rs.Implementation.ContiguousNFA
        )

    def find(self, folded: str, language: str) -> Iterator[tuple[str, int, int]]:
        """Yield name of the list and place of each word that counts in `language`."""
        size = len(folded)
        for number, start, stop in self._automaton.find_matches_as_indexes(folded, overlapping=True):
            is_left = start == 0 or not folded[start - 1].isalnum()
            is_right = stop == size or not folded[stop].isalnum()
            for use in self._uses[number]:
                if (
                    (is_left or use.is_open_left)
                    and (is_right or use.is_open_right)
                    and (not use.only or language in (use.only, "und"))
                ):
                    yield use.name, start, stop


class PlainWords:
    """Finds terms for minors in all languages at once, excuses and negations in the language of the text."""

    def __init__(self) -> None:
        lists = msgspec.toml.decode(files(_DATA).joinpath(_FILE).read_bytes(), type=dict[str, _Lists])
        self.languages = tuple(sorted(lists))
        self._ages = _Automaton(use for language in lists for use in _age_uses(language, lists[language]))
        self._around = {name: _Automaton(_around_uses(dict.fromkeys((name, "en")), lists)) for name in lists}
        self._around_any = _Automaton(_around_uses(lists, lists))

    def ages(self, folded: str, language: str) -> list[Age]:
        """Return the terms for minors in `folded`, sorted; numbers of 18 and above before a unit are no such term."""
        found: list[Age] = []
        for name, start, stop in self._ages.find(folded, language):
            begin = _number_before(folded, start) if name in _UNITS else start
            if begin is not None:
                found.append(Age(begin, stop, _WEIGHTS[name]))
        return sorted(found)

    def around(self, folded: str, language: str) -> tuple[list[Spot], list[Spot]]:
        """Return excuses and negations in `folded`, each sorted by place."""
        excuses: list[Spot] = []
        negations: list[Spot] = []
        for name, start, stop in self._around.get(language, self._around_any).find(folded, language):
            some = excuses if name == "excuse" else negations
            some.append(Spot(start, stop, folded[start:stop]))
        return sorted(excuses, key=_start), sorted(negations, key=_start)


def _start(spot: Spot) -> int:
    return spot.start


def _number_before(text: str, at: int) -> int | None:
    """Return where a number below 18 begins that stands right before `at`."""
    begin = max(0, at - _NUMBER_CHARS)
    match = _NUMBER.search(text[begin:at])
    if match is None or not 0 < int(match[1]) < _ADULT:
        return None
    return begin + match.start(1)


def _age_uses(language: str, lists: _Lists) -> Iterator[tuple[Terms, _Use]]:
    for name in _WEIGHTS:
        words = _split(getattr(lists, name))
        shared = [word for word in words if not word.startswith("!")]
        own = [word[1:] for word in words if word.startswith("!")]
        yield _terms(name, shared, language), _Use(name, "")
        yield _terms(name, own, language), _Use(name, language)


def _around_uses(languages: Iterable[str], lists: Mapping[str, _Lists]) -> Iterator[tuple[Terms, _Use]]:
    """Yield excuses and negations of `languages`; English is among them, for it is quoted everywhere."""
    for language in languages:
        for name, words in (("excuse", lists[language].excuse), ("not", lists[language].not_)):
            yield _terms(name, _split(words), language), _Use(name, "")


def _split(words: str) -> list[str]:
    return [word for part in words.split(",") if (word := part.strip())]


def _terms(name: str, words: Iterable[str], language: str) -> Terms:
    is_unspaced = language in _UNSPACED
    is_open_left = is_unspaced or name in _UNITS or language in _WITH_PREFIXES
    return Terms(name, tuple(words), open_left=is_open_left, open_right=is_unspaced)
