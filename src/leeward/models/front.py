"""Front classifier: scores a text for each hazard in about a tenth of a millisecond, on one thread."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from leeward.errors import DetectorError
from leeward.models.front_features import Features, features, places

WEIGHTS = Path(__file__).parent / "weights"
WIDTH = 64
VOICE, VOICE_MOST = 0.3, 8.0  # share of its logits that join the encoder's, and how far they may reach
WHOLE_CHARS = 100  # longest text that is scored in one piece only
STRIDE_CHARS = 50  # longer ones are also scored in windows of two strides
# Products smaller than this stay on one thread in OpenBLAS: 50 features x 64, 10 windows x 128 x 200.
_WINDOWS_AT_ONCE = 10

UNREADABLE = (OSError, KeyError, ValueError, IndexError, EOFError, BadZipFile, zlib.error)
"""What numpy raises for files that are missing, cut short or damaged."""
_REMEDY = "Reinstall leeward, or write the weights anew with training/front/export.py."

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
_ONES = np.ones(4 * WHOLE_CHARS, np.float32)


def arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Return what an `.npz` file holds, by name.

    Raises:
        UNREADABLE: Any of them, if it is missing or damaged.
    """
    with path.open("rb") as file, np.load(file) as saved:  # numpy alone leaves a damaged file open
        return dict(saved)


def mapped(path: Path) -> npt.NDArray[Any]:
    """Return what an `.npy` file holds, read from disk page by page; raises as `arrays` does."""
    return np.lib.format.open_memmap(path, mode="r").view(np.ndarray)


def refused(whose: str, folder: Path, error: Exception, remedy: str) -> DetectorError:
    """Return the error for weights in `folder` that cannot be used."""
    return DetectorError(
        f"The {whose}'s weights in {folder} cannot be read: {error}",
        meaning="Text would pass without being judged by its meaning.",
        remedy=remedy,
    )


@dataclass(frozen=True, slots=True)
class Calibration:
    """Turns logits into probabilities: `sigmoid(slope * logit + shift)`, each of shape [hazards]."""

    slope: F32
    shift: F32


@dataclass(frozen=True, slots=True)
class Reasons:
    """What spoke most for a hazard, in characters of the text.

    Attributes:
        words: First characters of the words that weighed most, heaviest first.
        weights: What each added to the logit.
        positions: What each character's features added to the logit [characters].
    """

    words: tuple[int, ...]
    weights: tuple[float, ...]
    positions: npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Front:
    """The classifier with its weights.

    Attributes:
        hazards: Names of the scores, in their order.
        table: Embeddings [rows, WIDTH] int8, mapped from disk; pages are read as texts ask for them.
        first: Hidden layer beside the direct way [2 * WIDTH, hidden + hazards], with the table's scale in it.
        first_bias: [hidden + hazards].
        out: Hidden layer to hazards [hazards, hidden].
        calibrations: By language; `und` is there for all others.
    """

    hazards: tuple[str, ...]
    classes: npt.NDArray[np.uint8]
    table: npt.NDArray[np.int8]
    first: F32
    first_bias: F32
    out: F32
    calibrations: dict[str, Calibration]

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Front:
        """Return the classifier whose weights lie in `folder`.

        Raises:
            DetectorError: If they are missing or do not fit together.
        """
        try:
            table = mapped(folder / "front_table.npy")
            head = arrays(folder / "front_head.npz")
            languages = [str(name) for name in head["languages"]]
            calibrations = {
                name: Calibration(head["slopes"][at], head["shifts"][at]) for at, name in enumerate(languages)
            }
            hazards = tuple(str(name) for name in head["hazards"])
            return cls(hazards, head["classes"], table, head["first"], head["first_bias"], head["out"], calibrations)
        except UNREADABLE as error:
            raise refused("front classifier", folder, error, _REMEDY) from error

    def probabilities(self, text: str, language: str = "und") -> F32:
        """Return the calibrated probability of each hazard [hazards]; zeros when `text` has nothing to read."""
        found = features(text, self.classes)
        if not len(found.rows):
            return np.zeros(len(self.hazards), np.float32)
        return self.calibrated(self.logits_of(found), language)

    def calibrated(self, logits: F32, language: str) -> F32:
        """Return `logits` as probabilities for texts of `language`."""
        by = self.calibrations.get(language) or self.calibrations["und"]
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * (by.slope * logits + by.shift)), np.float32)  # never overflows

    def logits(self, text: str) -> F32 | None:
        """Return the raw score of each hazard [hazards], None when `text` has no letter, digit or sign."""
        found = features(text, self.classes)
        return self.logits_of(found) if len(found.rows) else None

    def logits_of(self, found: Features) -> F32:
        """Return the raw score of each hazard; of a long text the highest that any part of it gives."""
        return np.asarray(self._head(self._parts(found))[1].max(axis=0), np.float32)

    def voice(self, text: str, hazards: Sequence[str]) -> F32:
        """Return what the words of `text` add to the encoder's raw scores of `hazards` [hazards], 0 where unknown here.

        The encoder knows what is meant, this classifier which words stand there. A small share of its scores halves
        what the encoder alone gets wrong on ordinary text.
        """
        logits = self.logits(text)
        if logits is None:
            return np.zeros(len(hazards), np.float32)
        own = dict(zip(self.hazards, (VOICE * np.clip(logits, -VOICE_MOST, VOICE_MOST)).tolist(), strict=True))
        return np.array([own.get(hazard, 0.0) for hazard in hazards], np.float32)

    @property
    def activity(self) -> int:
        """How many activations a part has."""
        return int(self.first.shape[0] + sum(self.out.shape))

    def activations(self, text: str) -> F32 | None:
        """Return pooled embeddings, hidden layer and logits of each part, the whole first [parts, activity].

        None as `logits` does.
        """
        found = features(text, self.classes)
        if not len(found.rows):
            return None
        pooled = self._parts(found)
        return np.concatenate((pooled, *self._head(pooled)), axis=1)

    def _parts(self, found: Features) -> F32:
        """Return the whole text and, of a long one, its windows, pooled [parts, 2 * WIDTH]."""
        vectors = self.table.take(found.rows, axis=0).astype(np.float32)  # `take` is four times faster than an index
        if -(-(found.kinds[2] + 2) // STRIDE_CHARS) * STRIDE_CHARS <= WHOLE_CHARS:
            return _whole(vectors, found.words)
        sums, sizes = _strides(vectors, found)
        whole = _pooled(sums.sum(axis=1, keepdims=True), sizes.sum(axis=1, keepdims=True))
        windows = _pooled(sums[:, :-1] + sums[:, 1:], sizes[:, :-1] + sizes[:, 1:])
        return np.concatenate((whole, windows))

    def _head(self, pooled: F32) -> tuple[F32, F32]:
        """Return hidden layer [parts, hidden] and logits [parts, hazards]."""
        if len(pooled) > _WINDOWS_AT_ONCE:
            starts = range(0, len(pooled), _WINDOWS_AT_ONCE)
            done = [self._head(pooled[at : at + _WINDOWS_AT_ONCE]) for at in starts]
            return np.concatenate([part[0] for part in done]), np.concatenate([part[1] for part in done])
        width = self.out.shape[1]
        # A single row would become a product of matrix and vector, which OpenBLAS spreads over threads much sooner.
        rows: F32 = np.repeat(pooled, 2, axis=0) if len(pooled) == 1 else pooled
        both: F32 = rows @ self.first + self.first_bias
        hidden = np.maximum(both[:, :width], 0.0)
        logits = both[:, width:] + hidden @ self.out.T
        return hidden[: len(pooled)], np.asarray(logits[: len(pooled)], np.float32)

    def reasons(self, text: str, hazard: str, most: int = 3) -> Reasons:
        """Return which places of `text` speak for `hazard`, to first order around the whole text's score."""
        found = features(text, self.classes)
        if not len(found.rows):
            return Reasons((), (), np.zeros(len(text)))
        vectors = self.table[found.rows].astype(np.float32)
        sums, sizes = _strides(vectors, found)
        whole = _pooled(sums.sum(axis=1, keepdims=True), sizes.sum(axis=1, keepdims=True))
        slope = self._slope(whole, self.hazards.index(hazard))
        words, grams = vectors[: found.words], vectors[found.words :]
        of_words = np.einsum("ij,j->i", words, slope[:WIDTH]) / max(found.words, 1) ** 0.5
        of_grams = np.einsum("ij,j->i", grams, slope[WIDTH:]) / max(len(grams), 1) ** 0.5
        place = places(text, self.classes)
        starts = np.concatenate((found.word_at, found.word_at[:-1], *(np.arange(count) for count in found.kinds[2:])))
        positions: npt.NDArray[np.float64] = np.bincount(
            place[starts], np.concatenate((of_words, of_grams)), len(text)
        ).astype(np.float64)
        single = of_words[: found.kinds[0]]
        best = [int(at) for at in np.argsort(-single)[:most] if single[at] > 0]
        begins = place[found.word_at[best]].tolist()
        return Reasons(tuple(begins), tuple(float(single[at]) for at in best), positions)

    def _slope(self, pooled: F32, hazard: int) -> F32:
        hidden = self.out.shape[1]
        active = (pooled[0] @ self.first[:, :hidden] + self.first_bias[:hidden]) > 0
        return np.asarray(
            self.first[:, hidden + hazard] + self.first[:, :hidden] @ (self.out[hazard] * active), np.float32
        )


def _whole(vectors: F32, words: int) -> F32:
    """Return what `_pooled` gives for a text in one piece [1, 2 * WIDTH]."""
    pooled = np.empty((1, 2 * WIDTH), np.float32)
    for half, part in enumerate((vectors[:words], vectors[words:])):
        total = _ONES[: len(part)] @ part
        total *= 1.0 / max(len(part), 1) ** 0.5
        pooled[0, half * WIDTH : (half + 1) * WIDTH] = total
    return pooled


def _strides(vectors: F32, found: Features) -> tuple[F32, I64]:
    """Return sums and numbers of features of each half, words and n-grams, in each stride of the text.

    Returns:
        Sums [2, strides, WIDTH] and numbers [2, strides].
    """
    strides = max(1, -(-(found.kinds[2] + 2) // STRIDE_CHARS))
    sums, sizes = np.zeros((2, strides, WIDTH), np.float32), np.zeros((2, strides), np.int64)
    cuts = found.word_at.searchsorted(np.arange(strides) * STRIDE_CHARS)
    begin = 0
    for kind, size in enumerate(found.kinds):
        if size:
            part, half = vectors[begin : begin + size], kind // 2
            if half == 0:
                _add_words(part, cuts, sums[half], sizes[half])
            else:
                _add_grams(part, sums[half], sizes[half])
        begin += size
    return sums, sizes


def _add_words(vectors: F32, cuts: I64, sums: F32, sizes: I64) -> None:
    """Add words or pairs, which begin at odd places: `cuts` says where in them each stride begins."""
    cuts = cuts[cuts < len(vectors)]
    counts = np.empty(len(cuts), np.int64)
    np.subtract(cuts[1:], cuts[:-1], out=counts[:-1])
    counts[-1] = len(vectors) - cuts[-1]
    totals = np.add.reduceat(vectors, cuts, axis=0)
    totals[counts == 0] = 0.0  # reduceat gives one row where it should give none
    sums[: len(cuts)] += totals
    sizes[: len(cuts)] += counts


def _add_grams(vectors: F32, sums: F32, sizes: I64) -> None:
    """Add n-grams, of which one begins at every character."""
    full, rest = divmod(len(vectors), STRIDE_CHARS)
    cut = full * STRIDE_CHARS
    if full:
        sums[:full] += np.matmul(_ONES[:STRIDE_CHARS], vectors[:cut].reshape(full, STRIDE_CHARS, WIDTH))
        sizes[:full] += STRIDE_CHARS
    if rest:
        sums[full] += _ONES[:rest] @ vectors[cut:]
        sizes[full] += rest


def _pooled(sums: F32, sizes: I64) -> F32:
    """Return both halves side by side, each divided by the root of its size [parts, 2 * WIDTH]."""
    roots = np.sqrt(np.maximum(sizes, 1)).astype(np.float32)
    return np.concatenate((sums[0] / roots[0][:, None], sums[1] / roots[1][:, None]), axis=1)
