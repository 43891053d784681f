"""Texts as hashed features, kept flat so that a batch is a few slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from leeward.models.front_features import character_classes, features


@dataclass(frozen=True, slots=True)
class Corpus:
    """Features of many texts.

    Attributes:
        rows: All row numbers one after another, words of a text before its n-grams [total] int32.
        bounds: Where each text begins in `rows` [texts + 1].
        words: How many of each text's rows are words or word pairs [texts].
    """

    rows: npt.NDArray[np.int32]
    bounds: npt.NDArray[np.int64]
    words: npt.NDArray[np.int64]

    def batch(
        self, of: npt.NDArray[np.int64], keep: float, random: np.random.Generator
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], npt.NDArray[np.float32]]:
        """Return rows, bag bounds and weights of two bags a text: words, then n-grams.

        Args:
            keep: Share of features that stay; the rest is dropped at random, so that no single one decides.
        """
        begins, ends = self.bounds[of], self.bounds[of + 1]
        lengths = ends - begins
        total = int(lengths.sum())
        first = np.zeros(len(of), np.int64)
        np.cumsum(lengths[:-1], out=first[1:])
        at = np.arange(total) - np.repeat(first - begins, lengths)
        bags = np.empty(2 * len(of), np.int64)
        bags[0::2] = first
        bags[1::2] = first + self.words[of]
        sizes = np.empty(2 * len(of), np.int64)
        sizes[0::2] = self.words[of]
        sizes[1::2] = lengths - self.words[of]
        weights = np.repeat(1.0 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
        if keep < 1.0:
            weights *= (random.random(total, np.float32) < keep) / np.float32(keep)
        return self.rows[at].astype(np.int64), bags, weights


def corpus_of(texts: Sequence[str]) -> Corpus:
    """Return the features of `texts`."""
    classes = character_classes()
    parts: list[npt.NDArray[np.int32]] = []
    bounds, words = np.zeros(len(texts) + 1, np.int64), np.zeros(len(texts), np.int64)
    for at, text in enumerate(texts):
        found = features(text, classes)
        parts.append(found.rows.astype(np.int32))
        bounds[at + 1] = bounds[at] + len(found.rows)
        words[at] = found.words
    return Corpus(np.concatenate(parts) if parts else np.empty(0, np.int32), bounds, words)
