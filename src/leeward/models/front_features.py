"""Hashed words, word pairs and character n-grams of a text, computed without a loop over characters."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

U32 = npt.NDArray[np.uint32]
I64 = npt.NDArray[np.int64]

TABLE_BITS = 18
KNOWN_CODE_POINTS = 0x20000  # planes 0 and 1; every sign beyond stands for itself, as ideographs do
MAX_CHARS = 16_384  # longest text that is hashed; what lies behind it is not looked at

GAP, LETTER, SIGN, DIGIT = 0, 1, 2, 3
_SPACE, _ZERO = np.uint32(32), np.uint32(48)

# Odd multipliers, so that each is invertible modulo 2**32. Changing one makes the trained table worthless.
_STEP = 0x9E3779B1
_TRIGRAM = np.array([0x85EBCA6B, 0xC2B2AE35, 0x27D4EB2F], np.uint32)
_FIVEGRAM = np.array([0x165667B1, 0xD3A2646D, 0xFD7046C5, 0xB55A4F09, 0x68E31DA5], np.uint32)
_PAIR = np.array([0x2545F491, 0x4F6CDD1D], np.uint32)
_SPREAD, _SPREAD_AGAIN = np.uint32(0x7FEB352D), np.uint32(0x846CA68B)
_SHIFT = np.uint32(32 - TABLE_BITS)


def _powers(of: int) -> U32:
    powers = np.empty(MAX_CHARS + 2, np.uint32)
    power = 1
    for at in range(len(powers)):
        powers[at] = power
        power = power * of & 0xFFFFFFFF
    return powers


_UP = _powers(_STEP)
_DOWN = _powers(pow(_STEP, -1, 2**32))


@dataclass(frozen=True, slots=True)
class Features:
    """Rows of the embedding table that a text asks for.

    Attributes:
        rows: Row numbers [N]: words, then word pairs, then character trigrams, then character fivegrams.
        kinds: Lengths of the four kinds; they sum to N.
        word_at: Where each word begins, in compacted characters: runs of gaps are one. An n-gram begins where its
            number in its kind says.
    """

    rows: I64
    kinds: tuple[int, int, int, int]
    word_at: I64

    @property
    def words(self) -> int:
        """How many of `rows` are words or word pairs."""
        return self.kinds[0] + self.kinds[1]


def character_classes() -> npt.NDArray[np.uint8]:
    """Return for each known code point whether it is a gap, a letter, a sign that is a word of its own, or a digit.

    Ideographs, kana, Hangul syllables and symbols such as emoji are words of their own.
    """
    classes = np.zeros(KNOWN_CODE_POINTS, np.uint8)
    for code in range(KNOWN_CODE_POINTS):
        match unicodedata.category(chr(code)):
            case "Lo" if _stands_alone(code):
                classes[code] = SIGN
            case "Lu" | "Ll" | "Lt" | "Lm" | "Lo" | "Mn" | "Mc":
                classes[code] = LETTER
            case "Nd":
                classes[code] = DIGIT
            case "So" if code >= 0x2600:
                classes[code] = SIGN
            case _:
                pass
    return classes


def _stands_alone(code: int) -> bool:
    kana, ideographs, hangul = 0x3040 <= code < 0x3100, 0x3400 <= code < 0xA000, 0xAC00 <= code < 0xD7A4
    return kana or ideographs or hangul or 0xF900 <= code < 0xFB00


def features(text: str, classes: npt.NDArray[np.uint8]) -> Features:
    """Return the features of `text`, which should be folded; digits count alike, punctuation as gaps.

    Args:
        text: Any text; only its first `MAX_CHARS` characters count.
        classes: What `character_classes` gives, as trained with.
    """
    codes, kind, keep = _kept(text, classes)
    if not len(keep):
        return Features(np.empty(0, np.int64), (0, 0, 0, 0), np.empty(0, np.int64))
    at = _compacted(keep)
    chars = np.full(int(at[-1]) + 2, _SPACE, np.uint32)
    alone = np.zeros(len(chars), np.bool_)
    kept = kind[keep]
    chars[at] = np.where(kept == DIGIT, _ZERO, codes[keep])
    alone[at] = kept == SIGN
    word_hash, word_at = _words(chars, alone)
    pairs = word_hash[:-1] * _PAIR[0] + word_hash[1:] * _PAIR[1]
    trigrams, fivegrams = _grams(chars, _TRIGRAM), _grams(chars, _FIVEGRAM)
    rows = _spread(np.concatenate((word_hash, pairs, trigrams, fivegrams)))
    return Features(rows, (len(word_hash), len(pairs), len(trigrams), len(fivegrams)), word_at)


def places(text: str, classes: npt.NDArray[np.uint8]) -> I64:
    """Return for each compacted character of `text` its place in `text`; a gap has the place of what stands before."""
    _, _, keep = _kept(text, classes)
    if not len(keep):
        return np.zeros(0, np.int64)
    at = _compacted(keep)
    found = np.zeros(int(at[-1]) + 2, np.int64)
    found[at] = keep
    return np.maximum.accumulate(found)


def _kept(text: str, classes: npt.NDArray[np.uint8]) -> tuple[U32, npt.NDArray[np.uint8], I64]:
    codes = np.frombuffer(text[:MAX_CHARS].encode("utf-32-le", "surrogatepass"), np.uint32)
    kind = classes.take(codes, mode="clip")
    return codes, kind, kind.nonzero()[0]


def _compacted(keep: I64) -> I64:
    """Return where each kept character lies once every run of gaps is one space, with one at either end."""
    steps = np.empty(len(keep), np.int64)
    steps[0] = 1
    np.minimum(keep[1:] - keep[:-1], 2, out=steps[1:])
    return steps.cumsum()


def _words(chars: U32, alone: npt.NDArray[np.bool_]) -> tuple[U32, I64]:
    """Return a hash of each word and where it begins."""
    inside = chars != _SPACE
    begins = inside[1:] & (~inside[:-1] | alone[1:] | alone[:-1])
    at = begins.nonzero()[0] + 1
    weighed = chars * _SPREAD_AGAIN
    weighed ^= weighed >> np.uint32(13)
    weighed *= _UP[: len(chars)]
    weighed *= inside
    return np.add.reduceat(weighed, at, dtype=np.uint32) * _DOWN[at], at


def _grams(chars: U32, multipliers: U32) -> U32:
    count = max(0, len(chars) - len(multipliers) + 1)
    sums: U32 = chars[:count] * multipliers[0]
    for shift in range(1, len(multipliers)):
        sums += chars[shift : shift + count] * multipliers[shift]
    return sums


def _spread(values: U32) -> I64:
    values ^= values >> np.uint32(16)
    values *= _SPREAD
    values ^= values >> np.uint32(15)
    values *= _SPREAD_AGAIN
    return (values >> _SHIFT).astype(np.int64)
