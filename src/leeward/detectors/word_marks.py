"""Finds single words that are not spelled out anywhere: their marks are kept in their place."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from typing import Final
from zlib import crc32

from leeward.detectors.patterns import fold

# Not a secret: a mark spares readers the word, it does not hide it from who already knows it.
_SALT: Final = b"leeward.word-marks.1:"
_WORD: Final = re.compile(r"[^\W_]+")
_MARKABLE: Final = re.compile(r"[a-z0-9]+")
_SPACED: Final = bytes(c if c < 0x80 and chr(c).isalnum() else 0x20 for c in range(256))


def mark(word: str) -> str:
    """Return the mark that stands for `word`: CRC-32 and a salted SHA-256, cut to 64 bits, of the folded word.

    Raises:
        ValueError: If it is not one word that folds to the letters a to z and digits.
    """
    folded = fold(word)
    if not _MARKABLE.fullmatch(folded):
        raise ValueError("a mark stands for one word of the letters a to z and digits, once accents are gone")
    return _mark(folded.encode())


def _mark(word: bytes) -> str:
    return f"{crc32(word):08x}-{hashlib.sha256(_SALT + word).hexdigest()[:16]}"


class MarkedWords:
    """Words known by their marks alone; immutable.

    Args:
        marks: As `mark` gives them.
    """

    def __init__(self, marks: Iterable[str]) -> None:
        self._marks = frozenset(marks)
        self._sums = frozenset(int(some[:8], 16) for some in self._marks)

    def places(self, folded: str) -> Iterator[tuple[str, int, int]]:
        """Yield mark, start and stop of each marked word in text that `fold` gave; linear in its length."""
        words = folded.encode("ascii", "replace").translate(_SPACED).split()
        if self._sums.isdisjoint(map(crc32, words)):
            return
        for word in _WORD.finditer(folded):
            spelled = word[0].encode("ascii", "replace")
            if crc32(spelled) in self._sums and (found := _mark(spelled)) in self._marks:
                yield found, word.start(), word.end()
