"""Readings of a text: plain, folded, and what is hidden in encodings, each with a map back to the source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from unicodedata import combining, is_normalized, normalize

import re2

from leeward.domain.view import Layer
from leeward.inspection.normalise_decode import CUES, decodings, tags_in
from leeward.inspection.normalise_tables import (
    ALPHABET_TO_LATIN,
    CYRILLIC_LOOKALIKES,
    FULL_WIDTH_TO_ASCII,
    GREEK_LOOKALIKES,
    INVISIBLE_CLASS,
    JOINING_STARTERS,
    LATIN_LOOKALIKES,
    LEET,
    MARK_CLASS,
    SURROGATE_CLASS,
)

# One pass over ordinary ASCII tells whether there is anything to resolve in it.
_LEET_CUE = r"(?i:[a-z][01345@$7][a-z0-9@$]|\b[01345@$7][a-z][a-z0-9]*[01345@$7])"
_PREFILTER = re2.compile(rf"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|{_LEET_CUE}|{CUES}")
_LEET_PREFILTER = re2.compile(_LEET_CUE)

_UNSEEN = re.compile(f"[{INVISIBLE_CLASS}{SURROGATE_CLASS}]")
_MARK = re.compile(f"[{MARK_CLASS}]")
_SURROGATE = re.compile(f"[{SURROGATE_CLASS}]")
_FOREIGN = "\u0370-\u052f\u0531-\u058f\u13a0-\u13ffʀʏɡ"
_MIXED = re.compile(f"[a-z][{_FOREIGN}]|[{_FOREIGN}][a-z]")
_ALPHABETS = re.compile("[" + "".join(ALPHABET_TO_LATIN) + "]")
# The same pass for other text, over UTF-8: also invisible characters, decorating marks, mixed scripts, odd alphabets.
_WIDE_PREFILTER = re2.compile(
    "|".join(
        (f"[{INVISIBLE_CLASS}{MARK_CLASS}]", f"(?i:{_MIXED.pattern})", _ALPHABETS.pattern, _LEET_CUE, CUES)
    ).encode()
)
_ALPHABETS_TABLE = str.maketrans(ALPHABET_TO_LATIN)
_SPACED_WORD = re.compile(r"\s*\S+\s*|\s+")
_WORD = re.compile(r"[^\W\d_]+")
_LEET_WORD = re.compile(r"(?<![a-z0-9@$])[a-z0-9@$]{4,40}(?!\.?[a-z0-9@$])")
_ANY_WORD = re.compile(r"(?<![\w@$])[a-z0-9@$]{1,40}(?![\w@$])")
_LONE = ("1", "4")  # I, a
LEET_WORDS = 2  # clear cases that there must be before all words are read so
_BETWEEN_LETTERS = re.compile(r"[a-z][01345@$7]+[a-z]|^[01345@$7][a-z]+[01345@$7]")
_NO_LETTER = re.compile(r"[2689]")  # digits that stand for no letter: names and codes
_VOWELS = frozenset("aeiouy034@")


def layers_of(text: str) -> tuple[Layer, ...]:
    """Return the readings of `text`: `plain`, `folded`, then the decodings that it holds.

    Ordinary text costs one pass. The plain and folded readings hold no unpaired surrogates, so that they can always
    be encoded.
    """
    if _is_ordinary(text):
        return Layer("plain", text), Layer("folded", _lower(text))
    plain = plain_of(text)
    if _is_ordinary(plain.text):
        return plain, Layer("folded", _lower(plain.text), plain.offsets), *tags_in(text)
    return plain, folded_of(plain), *decodings(text, plain)


def _is_ordinary(text: str) -> bool:
    """Whether there is nothing to remove, compose, resolve or decode in `text`."""
    if text.isascii():
        return _PREFILTER.search(text) is None
    if not is_normalized("NFKC", text):
        return False
    try:
        return _WIDE_PREFILTER.search(text.encode()) is None
    except UnicodeEncodeError:
        return False


def plain_of(text: str) -> Layer:
    """Return `text` in compatibility composition (NFKC), without invisible characters; idempotent."""
    offsets: Sequence[int] | None = None
    if _UNSEEN.search(text) is not None:
        text, offsets = _without_unseen(text)
    if not is_normalized("NFKC", text):
        text = text.translate(FULL_WIDTH_TO_ASCII)
    if is_normalized("NFKC", text):
        return Layer("plain", text, offsets)
    text, own = _composed(text)
    return Layer("plain", text, own if offsets is None else [offsets[at] for at in own])


def _without_unseen(text: str) -> tuple[str, list[int]]:
    text = _SURROGATE.sub("\ufffd", text)
    offsets: list[int] = []
    pieces: list[str] = []
    last = 0
    for match in _UNSEEN.finditer(text):
        start = match.start()
        pieces.append(text[last:start])
        offsets.extend(range(last, start))
        last = match.end()
    pieces.append(text[last:])
    offsets.extend(range(last, len(text) + 1))
    return "".join(pieces), offsets


def _composed(text: str) -> tuple[str, list[int]]:
    """Return the NFKC form of `text` and, for each of its characters, where its cluster or character began.

    Nothing composes across white space, so only words that are not composed yet are taken apart.
    """
    pieces: list[str] = []
    offsets: list[int] = []
    for match in _SPACED_WORD.finditer(text):
        word, start, stop = match[0], match.start(), match.end()
        if is_normalized("NFKC", word):
            pieces.append(word)
            offsets.extend(range(start, stop))
        else:
            _compose(word, start, pieces, offsets)
    offsets.append(len(text))
    return "".join(pieces), offsets


def _compose(word: str, base: int, pieces: list[str], offsets: list[int]) -> None:
    """Add the NFKC form of `word`, cluster by cluster, to `pieces` and its places to `offsets`."""
    start, size = 0, len(word)
    while start < size:
        stop = start + 1
        while stop < size and not _begins(word[stop]):
            stop += 1
        form = normalize("NFKC", word[start:stop])
        pieces.append(form)
        if form == word[start:stop]:
            offsets.extend(range(base + start, base + stop))
        else:
            offsets.extend([base + start] * len(form))
        start = stop


@lru_cache(maxsize=8_192)
def _begins(char: str) -> bool:
    """Whether nothing before `char` can compose with it."""
    if char.isascii():
        return True
    first = normalize("NFKD", char)[0]
    return combining(first) == 0 and first not in JOINING_STARTERS


def folded_of(plain: Layer) -> Layer:
    """Return the plain reading in lower case, with look-alike letters, leetspeak and stacked marks resolved."""
    text, offsets = _lower(plain.text), plain.offsets
    if not text.isascii():
        if _MARK.search(text) is not None:
            text, offsets = _without_marks(text, offsets)
        text = _resolve_lookalikes(text)
    return Layer("folded", _resolve_leet(text), offsets)


def _lower(text: str) -> str:
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(char.lower()[0] for char in text)


def _without_marks(text: str, offsets: Sequence[int] | None) -> tuple[str, list[int]]:
    kept = [at for at, char in enumerate(text) if _MARK.match(char) is None]
    kept_text = "".join(text[at] for at in kept)
    kept.append(len(text))
    return kept_text, kept if offsets is None else [offsets[at] for at in kept]


def _resolve_lookalikes(text: str) -> str:
    if _ALPHABETS.search(text) is not None:
        text = text.translate(_ALPHABETS_TABLE)
    if _MIXED.search(text) is None:
        return text
    return _WORD.sub(lambda word: _unmixed(word[0]), text)


def _unmixed(word: str) -> str:
    """Return a word that mixes scripts in the one script that all of its letters allow; honest words stay."""
    if word.isascii() or _MIXED.search(word) is None:
        return word
    for table in (LATIN_LOOKALIKES, CYRILLIC_LOOKALIKES, GREEK_LOOKALIKES):
        form = "".join(table.get(char, char) for char in word)
        if _MIXED.search(form) is None:
            return form
    return word


def _resolve_leet(text: str) -> str:
    if _LEET_PREFILTER.search(text) is None:
        return text
    resolved = _LEET_WORD.sub(lambda word: _unleet(word[0]), text)
    if resolved == text or len(_LEET_WORD.findall(text)) < 2:
        return resolved
    changed = sum(old != new for old, new in zip(text.split(), resolved.split(), strict=False))
    return _ANY_WORD.sub(lambda word: _unleet_all(word[0]), resolved) if changed >= LEET_WORDS else resolved


def _unleet_all(word: str) -> str:
    """Return a word of a text that is written so throughout; by itself it might be a number, a name or a code."""
    if _NO_LETTER.search(word) is not None or (word.isdigit() and word not in _LONE):
        return word
    return "".join(_letter(word, at) for at in range(len(word)))


def _unleet(word: str) -> str:
    """Return `word` with digits read as letters, unless it is more likely a name, a number or a code."""
    if word.isalpha() or not _is_leet(word) or sum(char.isalpha() for char in word) * 3 < len(word):
        return word
    return "".join(_letter(word, at) for at in range(len(word)))


def _is_leet(word: str) -> bool:
    return _BETWEEN_LETTERS.search(word) is not None and _NO_LETTER.search(word) is None


def _letter(word: str, at: int) -> str:
    char = word[at]
    if char != "1":
        return LEET.get(char, char)
    before, after = word[at - 1 : at], word[at + 1 : at + 2]
    if "1" in (before, after) or (before in _VOWELS and (not after or after == "l" or after in _VOWELS)):
        return "l" if before else "i"
    return "i"
