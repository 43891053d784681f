"""The words of prompt injection: one automaton over all languages, and the part that each word plays."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag
from functools import cache
from importlib.resources import files
from typing import NamedTuple
from unicodedata import combining, normalize

from ahocorasick_rs import AhoCorasick, MatchKind


class Part(IntFlag):
    """The part that a word plays; the lexicon says more of each."""

    OVERRIDE = 1
    PRIOR = 2
    RULES = 4
    OWN = 8
    SECRET = 16
    REVEAL = 32
    AI = 64
    HELPER = 128
    ORDER = 256
    USER = 512
    PERSONA = 1024
    NOLIMIT = 2048
    NOREFUSE = 4096
    VOID = 8192
    MODE = 16384
    JAILBREAK = 32768
    QUOTE = 65536
    HARMLESS = 131072
    CONTROL = 262144
    TURN = 524288
    HIDDEN = 2097152
    ASK = 4194304
    ADDRESSED = 1048576  # set by the detector: a word for a model that is spoken to


# Without one of these no rule can hold, so a text is searched for them first.
_TELLING = (
    Part.OVERRIDE | Part.SECRET | Part.HIDDEN | Part.NOLIMIT | Part.NOREFUSE | Part.VOID | Part.MODE
    | Part.JAILBREAK | Part.CONTROL | Part.TURN
)  # fmt: skip
# Masks are plain numbers where texts are looked at: operations of an IntFlag cost thirty times as much.
MODEL = int(Part.AI | Part.HELPER)
_TELLING_IN_DATA = _TELLING | MODEL | Part.USER


@dataclass(frozen=True, slots=True)
class Entry:
    """One word or stem.

    Attributes:
        roles: The part it plays in each language that has it.
        starts_word: Whether it counts only at the start of a word.
        ends_word: Whether it counts only up to the end of a word.
        ascii_edges: Whether only ASCII letters and digits make a word go on.
        names_model: Whether it stands for a model in some language.
        is_harmless: Whether it is harmless in some language, with all that it holds.
    """

    text: str
    roles: tuple[tuple[str, int], ...]
    starts_word: bool
    ends_word: bool
    ascii_edges: bool
    names_model: bool
    is_harmless: bool

    @classmethod
    def of(cls, text: str, roles: dict[str, int], *, starts: bool, ends: bool, ascii_edges: bool) -> Entry:
        """Return the entry with what its roles say."""
        mask = 0
        for role in roles.values():
            mask |= role
        return cls(
            text, tuple(roles.items()), starts, ends, ascii_edges, bool(mask & MODEL), bool(mask & int(Part.HARMLESS))
        )


class Hit(NamedTuple):
    """An entry found at `text[start:stop]`."""

    start: int
    stop: int
    entry: Entry


class WordSet:
    """Finds the entries of a lexicon in folded text."""

    def __init__(self, entries: tuple[Entry, ...]) -> None:
        self.entries = entries
        self._automaton = AhoCorasick([entry.text for entry in entries], matchkind=MatchKind.Standard)

    def touches(self, text: str) -> bool:
        """Whether any entry occurs in `text`."""
        entries = self.entries
        return any(
            _stands(text, start, stop, entries[number])
            for number, start, stop in self._automaton.find_matches_as_indexes(text, overlapping=True)
        )

    def hits(self, text: str, *, loose: bool = False) -> list[Hit]:
        """Return all entries in `text` in order of their ends; `loose` ignores the edges of words."""
        return [
            Hit(start, stop, self.entries[number])
            for number, start, stop in self._automaton.find_matches_as_indexes(text, overlapping=True)
            if loose or _stands(text, start, stop, self.entries[number])
        ]


@dataclass(frozen=True, slots=True)
class Lexicon:
    """All words, and the few that are looked for first: in what a person writes, and in data."""

    words: WordSet
    telling: WordSet
    telling_in_data: WordSet


@cache
def lexicon() -> Lexicon:
    """Return the lexicon that comes with the package; read once."""
    raw = files("leeward.detectors").joinpath("injection_data/lexicon.toml").read_text("utf-8")
    merged: dict[tuple[str, bool, bool, bool], dict[str, int]] = {}
    for language, table in tomllib.loads(raw).items():
        anywhere = bool(table.pop("anywhere", False))
        for part, words in table.items():
            for word in words:
                for key in _keys(word, anywhere):
                    roles = merged.setdefault(key, {})
                    roles[language] = roles.get(language, 0) | int(Part[part.upper()])
    entries = tuple(
        Entry.of(text, roles, starts=starts, ends=ends, ascii_edges=ascii_edges)
        for (text, starts, ends, ascii_edges), roles in merged.items()
    )
    return Lexicon(
        WordSet(entries), WordSet(_with(entries, int(_TELLING))), WordSet(_with(entries, int(_TELLING_IN_DATA)))
    )


def _with(entries: tuple[Entry, ...], parts: int) -> tuple[Entry, ...]:
    return tuple(entry for entry in entries if any(mask & parts for _, mask in entry.roles))


def _keys(word: str, anywhere: bool) -> Iterator[tuple[str, bool, bool, bool]]:
    starts, ends = not word.startswith("~"), word.endswith("|")
    text = normalize("NFKC", word.removeprefix("~").removesuffix("|"))
    latin = text.isascii()
    free = anywhere and (not latin or not text[0].isalnum())
    yield text, starts and not free, ends, anywhere
    bare = "".join(char for char in normalize("NFD", text) if not combining(char))
    if not anywhere and bare != text and bare.isascii() and len(bare) >= 6:
        yield bare, starts, ends, anywhere  # people leave accents out


def _stands(text: str, start: int, stop: int, entry: Entry) -> bool:
    if entry.starts_word and start and _goes_on(text[start - 1], entry.ascii_edges):
        return False
    return not (entry.ends_word and stop < len(text) and _goes_on(text[stop], entry.ascii_edges))


def _goes_on(char: str, ascii_only: bool) -> bool:
    return char.isalnum() and (not ascii_only or char.isascii())
