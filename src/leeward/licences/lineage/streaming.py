"""Reads every number of matrices that lie on each other, some megabytes at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from leeward.licences.lineage.layers import OUTSIDE, Alignment, Layers
from leeward.licences.lineage.sampling import Weight

_NUMBERS_AT_ONCE: Final = 4 << 20


@dataclass(frozen=True)
class Whole:
    """What reading everything gave.

    Attributes:
        correlation: Mean Pearson correlation over pairs of matrices, in [0, 1].
        equal: Share of all numbers that are the same in both.
        pairs: Pairs of matrices of the same shape that were read.
        numbers: Numbers read of each model.
    """

    correlation: float
    equal: float
    pairs: int
    numbers: int

    @property
    def is_identical(self) -> bool:
        """Whether every number is the same in both."""
        return self.pairs > 0 and self.equal == 1.0


def read_whole(first: Layers, second: Layers, alignment: Alignment, progress: Callable[[float], None]) -> Whole:
    """Read all pairs of matrices of the same shape in aligned layers."""
    pairs = list(_pairs(first, second, alignment))
    total = max(1, sum(one.shape[0] * one.shape[1] for one, _ in pairs))
    done, equal, correlations = 0, 0, []
    for one, other in pairs:
        sums = np.zeros(5)
        for ours, theirs in _blocks(one, other):
            equal += int(np.count_nonzero(ours == theirs))
            x, y = ours.astype(np.float64), theirs.astype(np.float64)
            sums += (x.sum(), y.sum(), np.vdot(x, x), np.vdot(y, y), np.vdot(x, y))
            done += ours.size
            progress(done / total)
        correlations.append(max(0.0, _pearson(sums, one.shape[0] * one.shape[1])))
    mean = float(np.mean(correlations)) if correlations else 0.0
    return Whole(mean, equal / total, len(pairs), done)


def _pairs(first: Layers, second: Layers, alignment: Alignment) -> Iterator[tuple[Weight, Weight]]:
    for theirs, ours in {OUTSIDE: OUTSIDE, **alignment.layers}.items():
        for part, other in second.get(theirs, {}).items():
            one = first.get(ours, {}).get(part)
            if one is not None and one.shape == other.shape:
                yield one, other


def _blocks(one: Weight, other: Weight) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    rows, columns = one.shape
    step = max(1, _NUMBERS_AT_ONCE // columns)
    for start in range(0, rows, step):
        at = np.arange(start, min(rows, start + step))
        yield one.matrix.read_rows(at), other.matrix.read_rows(at)


def _pearson(sums: np.ndarray, count: int) -> float:
    x, y, xx, yy, xy = sums / count
    spread = (xx - x * x) * (yy - y * y)
    return float((xy - x * y) / np.sqrt(spread)) if spread > 1e-30 else 0.0
