"""Finds known PDQ hashes near a given one: exact, and fast among millions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from leeward.detectors.images.pdq import LIKENESS_BITS, WORDS, Words

_VALUES: Final = 1 << 16
# Below this many hashes comparing all of them is faster than looking up neighbours.
_FEW: Final = 500
# Two hashes at most 31 bits apart differ by at most one bit in at least one of their 16 words.
_NEIGHBOURS: Final = np.array([0, *(1 << bit for bit in range(16))], dtype=np.uint16)


@dataclass(frozen=True, slots=True)
class Near:
    """The nearest known hash.

    Attributes:
        row: Its row among the known hashes.
        distance: Bits that differ, 0 to 31.
        variant: Which of the asked hashes it is near to.
    """

    row: int
    distance: int
    variant: int


class NearIndex:
    """Known hashes, sorted by each of their 16 words (multi-index hashing).

    Args:
        hashes: [N, 16] uint16.

    Source:
        Norouzi, Punjani, Fleet: Fast Exact Search in Hamming Space with Multi-Index Hashing, 2014.
    """

    def __init__(self, hashes: Words) -> None:
        self._hashes = np.ascontiguousarray(hashes, dtype=np.uint16)
        self._packed = self._hashes.view(np.uint64)
        self._rows: list[NDArray[np.uint32]] = []
        self._starts: list[NDArray[np.uint32]] = []
        if len(hashes) > _FEW:
            for word in range(WORDS):
                column = np.ascontiguousarray(self._hashes[:, word])
                self._rows.append(np.argsort(column, kind="stable").astype(np.uint32))
                counts = np.bincount(column, minlength=_VALUES)
                self._starts.append(np.concatenate(([0], np.cumsum(counts))).astype(np.uint32))

    def __len__(self) -> int:
        return len(self._hashes)

    def nearest(self, asked: Words, within: int = LIKENESS_BITS) -> Near | None:
        """Return the known hash nearest to any of `asked` [V, 16], or None when none is near.

        Args:
            within: Most bits that may differ, 0 to 31.
        """
        if not len(self):
            return None
        packed = np.ascontiguousarray(asked, dtype=np.uint16).view(np.uint64)
        rows, variants = self._candidates(asked) if self._rows else self._all(len(asked))
        if not len(rows):
            return None
        distances = np.bitwise_count(self._packed[rows] ^ packed[variants]).sum(axis=1, dtype=np.uint16)
        best = int(distances.argmin())
        if distances[best] > within:
            return None
        return Near(int(rows[best]), int(distances[best]), int(variants[best]))

    def _all(self, variants: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        rows = np.tile(np.arange(len(self)), variants)
        return rows, np.repeat(np.arange(variants), len(self))

    def _candidates(self, asked: Words) -> tuple[NDArray[np.uint32], NDArray[np.intp]]:
        """Return the rows that agree with a variant in one word but for one bit, and which variant."""
        rows, variants = [], []
        for word in range(WORDS):
            values = asked[:, word, None] ^ _NEIGHBOURS
            starts = self._starts[word][values].ravel().astype(np.intp)
            lengths = self._starts[word][values.ravel().astype(np.intp) + 1] - starts
            first = np.cumsum(lengths) - lengths
            at = np.arange(lengths.sum()) + np.repeat(starts - first, lengths)
            rows.append(self._rows[word][at])
            variants.append(np.repeat(np.repeat(np.arange(len(asked)), len(_NEIGHBOURS)), lengths))
        return np.concatenate(rows), np.concatenate(variants)
