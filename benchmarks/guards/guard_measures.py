"""Measures of a guard's scores, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
FALSE_ALARM_RATES = (0.01, 0.02, 0.05)
_RESAMPLES = 1_000
_SEED = 20_261_124
_Z = 1.959964  # standard normal, 97.5 %


@dataclass(frozen=True, slots=True)
class Measured:
    """A value in [0, 1] and its interval; NaN where it cannot be told."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return "–" if np.isnan(self.value) else f"{self.value:.3f} ({self.low:.3f}–{self.high:.3f})"


UNKNOWN = Measured(float("nan"), 0.0, 1.0)


def wilson(hits: int, trials: int) -> Measured:
    """Return a proportion with its Wilson score interval.

    Source:
        Wilson (1927), JASA 22:209-212.
    """
    if not trials:
        return UNKNOWN
    share, spread = hits / trials, _Z * _Z / trials
    middle = (share + spread / 2) / (1 + spread)
    half = _Z * ((share * (1 - share) / trials + spread / (4 * trials)) ** 0.5) / (1 + spread)
    return Measured(share, max(0.0, middle - half), min(1.0, middle + half))


def auc(harmful: F64, harmless: F64) -> Measured:
    """Return the chance that a harmful text scores above a harmless one, ties half; bootstrap interval.

    Args:
        harmful, harmless: Scores, [N] and [M] float64.
    """
    return _bootstrapped(_auc, harmful, harmless)


def f1(harmful: F64, harmless: F64, threshold: float) -> Measured:
    """Return F1 of the harmful class where a score of `threshold` or more counts; bootstrap interval."""
    return _bootstrapped(lambda bad, good: _f1(bad, good, threshold), harmful, harmless)


def recall_at(rate: float, harmful: F64, harmless: F64) -> Measured:
    """Return the share of harmful texts above the lowest threshold that at most `rate` of the harmless ones exceed.

    The interval is that of the share alone: the threshold is taken as given.
    """
    if not len(harmful) or not len(harmless):
        return UNKNOWN
    allowed = int(rate * len(harmless) + 1e-9)
    threshold = np.sort(harmless)[::-1][allowed] if allowed < len(harmless) else -np.inf
    return wilson(int((harmful > threshold).sum()), len(harmful))


def _auc(harmful: F64, harmless: F64) -> float:
    ordered = np.sort(harmless)
    below, upto = np.searchsorted(ordered, harmful, "left"), np.searchsorted(ordered, harmful, "right")
    return float((below + upto).sum() / 2 / (len(harmful) * len(harmless)))


def _f1(harmful: F64, harmless: F64, threshold: float) -> float:
    hits, alarms = int((harmful >= threshold).sum()), int((harmless >= threshold).sum())
    return 2 * hits / (hits + alarms + len(harmful)) if len(harmful) else float("nan")


def _bootstrapped(measure: Callable[[F64, F64], float], harmful: F64, harmless: F64) -> Measured:
    if not len(harmful) or not len(harmless):
        return UNKNOWN
    chance = np.random.default_rng(_SEED)
    values = [
        measure(chance.choice(harmful, len(harmful)), chance.choice(harmless, len(harmless))) for _ in range(_RESAMPLES)
    ]
    low, high = np.quantile(values, (0.025, 0.975))
    return Measured(measure(harmful, harmless), float(low), float(high))
