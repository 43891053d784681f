"""Platt scaling of a score, with the share of a hazard held equal in every language."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

F64 = npt.NDArray[np.float64]
FLATTEST, STEEPEST = 0.3, 6.0  # slopes
FEWEST = 25  # positives and negatives that a calibration of its own needs


def share_of(weight: F64, truth: F64) -> float:
    """Return the weighed share of positives among what is known."""
    known = ~np.isnan(truth)
    return float((weight[known] * truth[known]).sum() / weight[known].sum())


def at_share(weight: F64, truth: F64, share: float) -> F64:
    """Return weights under which the hazard is as frequent as `share` says: in no language more than in another."""
    yes, no = truth == 1, truth == 0
    if not yes.any() or not no.any():
        return weight
    return np.where(yes, weight * (share / (1 - share) * weight[no].sum() / weight[yes].sum()), weight)


def platt(logits: F64, truth: F64, weight: F64, fallback: F64 | None) -> F64:
    """Return slope and shift by Newton's method, drawn towards `fallback`; the fallback itself when rows are few.

    Source:
        Platt (1999), with the smoothed targets of Lin, Lin, Weng (2007), Machine Learning 68:267-276.
    """
    known = ~np.isnan(truth) & ~np.isnan(logits)
    score, goal, weight = logits[known], truth[known], weight[known]
    positives, negatives = float(goal.sum()), float((1 - goal).sum())
    if min(positives, negatives) < FEWEST:
        return np.array([1.0, -1.0]) if fallback is None else fallback
    start = np.array([1.0, 0.0]) if fallback is None else fallback
    soft = np.where(goal > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    found, pull = start.copy(), np.array([4.0, 1.0]) if fallback is not None else np.array([0.1, 0.01])
    design = np.stack((score, np.ones_like(score)), axis=1)

    def cost(at: F64) -> float:
        z = design @ at
        return float((weight * (np.logaddexp(0, z) - soft * z)).sum() + 0.5 * (pull * (at - start) ** 2).sum())

    for _ in range(60):
        chance = 1 / (1 + np.exp(-np.clip(design @ found, -60, 60)))
        slope = design.T @ (weight * (chance - soft)) + pull * (found - start)
        curve = (design * (weight * chance * (1 - chance))[:, None]).T @ design + np.diag(pull)
        step, before = np.linalg.solve(curve, slope), cost(found)
        while cost(found - step) > before and np.abs(step).max() > 1e-7:
            step /= 2
        found = found - step
        if np.abs(step).max() < 1e-6:
            break
    slope = min(max(found[0], FLATTEST), STEEPEST)
    if slope != found[0]:
        found = np.array([slope, _shift(slope * score, soft, weight)])
    return found


def _shift(score: F64, soft: F64, weight: F64) -> float:
    """Return the shift at which the mean of the probabilities is that of the targets, by bisection."""
    low, high = -60.0, 60.0
    for _ in range(60):
        middle = (low + high) / 2
        chance = 1 / (1 + np.exp(-np.clip(score + middle, -60, 60)))
        low, high = (low, middle) if (weight * (chance - soft)).sum() > 0 else (middle, high)
    return (low + high) / 2
