"""Measures of a classifier, with intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Share:
    """A proportion with its 95 % Wilson interval.

    Source:
        Wilson (1927), JASA 22:209-212.
    """

    hits: int
    trials: int

    @classmethod
    def of(cls, hits: npt.NDArray[np.bool_]) -> Share:
        """Return the share of true values."""
        return cls(int(hits.sum()), len(hits))

    @property
    def value(self) -> float:
        """The proportion; NaN of nothing."""
        return self.hits / self.trials if self.trials else float("nan")

    @property
    def bounds(self) -> tuple[float, float]:
        """Lower and upper bound in [0, 1]."""
        if not self.trials:
            return 0.0, 1.0
        z, n, p = 1.959964, self.trials, self.value
        middle, spread = p + z * z / (2 * n), z * ((p * (1 - p) + z * z / (4 * n)) / n) ** 0.5
        return max(0.0, (middle - spread) / (1 + z * z / n)), min(1.0, (middle + spread) / (1 + z * z / n))

    def __str__(self) -> str:
        """The proportion in percent, with bounds and number of trials."""
        if not self.trials:
            return "–"
        low, high = self.bounds
        return f"{100 * self.value:.1f} [{100 * low:.0f}, {100 * high:.0f}] n={self.trials}"


def area(scores: F64, truth: F64) -> float:
    """Return the area under the ROC curve; NaN when one class is missing."""
    positives, negatives = int(truth.sum()), int((1 - truth).sum())
    if not positives or not negatives:
        return float("nan")
    order = scores.argsort(kind="stable")
    ranks = np.empty(len(scores))
    ranks[order] = np.arange(1, len(scores) + 1)
    _, group, counts = np.unique(scores, return_inverse=True, return_counts=True)
    sums = np.bincount(group, ranks)
    ranks = (sums / counts)[group]
    return float((ranks[truth > 0].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(scores: F64, truth: F64, bins: int = 10) -> float:
    """Return the expected calibration error over equally wide bins, in [0, 1]; NaN of nothing."""
    if not len(scores):
        return float("nan")
    at = np.minimum((scores * bins).astype(int), bins - 1)
    gaps = [
        abs(scores[at == b].mean() - truth[at == b].mean()) * (at == b).mean() for b in range(bins) if (at == b).any()
    ]
    return float(sum(gaps))
