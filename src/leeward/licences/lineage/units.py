"""Whether hidden units of one model are found among those of another, in whatever order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leeward.licences.lineage.sampling import AxisMap, Weight, piece, spread_over
from leeward.licences.weights.formats import Floats
from leeward.licences.weights.tensor import Indices

_MOST_SECOND: Final = 256
_MOST_FIRST: Final = 4_096
_MOST_FEATURES: Final = 1_024
_SHUFFLES: Final = 2
_SEED: Final = 19_950_203


@dataclass(frozen=True)
class Side:
    """A matrix and which of its axes counts units; the other is the residual stream."""

    weight: Weight
    is_by_row: bool

    @property
    def units(self) -> int:
        """How many units it has."""
        return self.weight.shape[0 if self.is_by_row else 1]

    def features(self, units: Indices, positions: Indices) -> Floats:
        """Return what each unit has at positions of the stream, [units, positions]."""
        if self.is_by_row:
            return piece(self.weight.matrix, units, positions)
        return piece(self.weight.matrix, positions, units).T


@dataclass(frozen=True)
class Group:
    """Matrices of one layer whose units go together: an order of units is an order of all of them."""

    parts: tuple[str, ...]
    first: tuple[Side, ...]
    second: tuple[Side, ...]


def groups(
    first: dict[str, Weight], second: dict[str, Weight], hidden: tuple[int, int]
) -> Iterator[Group]:
    """Yield what can be matched between two layers.

    Args:
        first, second: Matrices of one layer of each model, by part.
        hidden: Width of the residual stream in the first and in the second model.
    """
    together: dict[tuple[int, int], list[tuple[str, Side, Side]]] = {}
    for part in sorted(first.keys() & second.keys()):
        ours, theirs = list(_sides(first[part], hidden[0])), list(_sides(second[part], hidden[1]))
        if len(ours) == 1 and len(theirs) == 1:
            together.setdefault((ours[0].units, theirs[0].units), []).append((part, ours[0], theirs[0]))
            continue
        # A square matrix does not tell which of its axes is the stream.
        for one in ours:
            for other in theirs:
                yield Group((part,), (one,), (other,))
    for members in together.values():
        yield Group(tuple(m[0] for m in members), tuple(m[1] for m in members), tuple(m[2] for m in members))


def _sides(weight: Weight, hidden: int) -> Iterator[Side]:
    rows, columns = weight.shape
    if columns == hidden:
        yield Side(weight, is_by_row=True)
    if rows == hidden:
        yield Side(weight, is_by_row=False)


def units_found(group: Group, hidden: tuple[int, int], axis: AxisMap | None) -> float:
    """Return how well the second model's units are found in the first, in [0, 1]; about 0 for unrelated models.

    The best of many chance agreements is high in small models. So the same is done with the stream positions of
    one model shuffled, which keeps all statistics and destroys all kinship, and only what goes beyond counts.
    """
    positions = spread_over(hidden[1], max(8, _MOST_FEATURES // len(group.parts)))
    mapped = positions if axis is None else axis.index[positions]
    ours_at = spread_over(group.first[0].units, _MOST_FIRST)
    theirs_at = spread_over(group.second[0].units, _MOST_SECOND)
    sign = None if axis is None else axis.sign
    ours = np.concatenate([_tidied(side.features(ours_at, mapped)) for side in group.first], axis=1)
    theirs = np.concatenate(
        [_tidied(_signed(side.features(theirs_at, positions), sign, positions)) for side in group.second], axis=1
    )
    ours, theirs = _unit(ours), _unit(theirs)
    share = len(ours_at) / group.first[0].units
    best, distinct = _best(ours, theirs, share)
    rng = np.random.default_rng(_SEED)
    chance = [_best(ours, theirs[:, rng.permutation(theirs.shape[1])], share)[0] for _ in range(_SHUFFLES)]
    by_chance = sum(chance) / len(chance)
    return max(0.0, (best - by_chance) / max(1e-6, 1 - by_chance)) * distinct


def _signed(features: Floats, sign: Floats | None, positions: Indices) -> Floats:
    return features if sign is None else features * sign[positions]


def _tidied(features: Floats) -> Floats:
    """Return features without what all units share, each unit of the same weight."""
    return _unit(features - features.mean(axis=0, keepdims=True))


def _unit(block: Floats) -> Floats:
    length = np.linalg.norm(block, axis=1, keepdims=True)
    unit: Floats = np.divide(block, length, out=np.zeros_like(block), where=length > 1e-12)
    return unit


def _best(ours: Floats, theirs: Floats, share: float) -> tuple[float, float]:
    """Return the mean agreement of units with their best partners, and the share of partners that are distinct.

    When only a share of the first model's units was read, only that share of partners can be found.
    """
    product = theirs @ ours.T
    best = product.max(axis=1)
    kept = np.argsort(best)[len(best) - max(1, round(share * len(best))) :]
    partners = product.argmax(axis=1)[kept]
    possible = min(len(kept), len(ours))
    return float(best[kept].mean()), len(np.unique(partners)) / possible


def across(
    first: Sequence[dict[str, Weight]], second: dict[str, Weight], hidden: tuple[int, int], axis: AxisMap | None
) -> int:
    """Return which layer of the first model holds most of the units of one layer of the second."""
    found = [
        max((units_found(group, hidden, axis) for group in groups(layer, second, hidden)), default=0.0)
        for layer in first
    ]
    return int(np.argmax(found))
