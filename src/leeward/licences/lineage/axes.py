"""How the residual streams of two models lie on each other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from leeward.licences.lineage.sampling import AxisMap, Weight, piece, spread_over, unit_rows
from leeward.licences.weights.formats import Floats
from leeward.licences.weights.tensor import Indices

_MOST_TOKENS: Final = 1_024
_BLOCK: Final = 1_024
_LEAST_AGREEMENT: Final = 0.1
_SEED: Final = 20_240_917


def axis_map(first: Sequence[Weight], second: Sequence[Weight], hidden: tuple[int, int]) -> AxisMap | None:
    """Return where the second model's stream positions lie in the first, told by how they weigh the same tokens.

    Args:
        first, second: Token tables of the two models, `[tokens, width]` or on their side.
        hidden: Width of the stream in the first and in the second model.

    Returns:
        None when there are no tables to tell it by, or nothing in them agrees.
    """
    for part in ("embed", "head"):
        ours = next((w for w in first if w.place.part == part and hidden[0] in w.shape), None)
        theirs = next((w for w in second if w.place.part == part and hidden[1] in w.shape), None)
        if ours and theirs and (found := _match(ours, theirs, hidden)):
            return found
    return None


def _match(first: Weight, second: Weight, hidden: tuple[int, int]) -> AxisMap | None:
    count = min(_tokens(first, hidden[0]), _tokens(second, hidden[1]))
    tokens = spread_over(count, _MOST_TOKENS)
    if len(tokens) < 8:
        return None
    ours = unit_rows(_token_rows(first, hidden[0], tokens).T)
    theirs = unit_rows(_token_rows(second, hidden[1], tokens).T)
    index, best = _best(ours, theirs)
    shuffled = np.random.default_rng(_SEED).permutation(len(tokens))
    by_chance = float(np.abs(_best(ours, theirs[:, shuffled])[1]).mean())
    agreement = (float(np.abs(best).mean()) - by_chance) / max(1e-6, 1 - by_chance)
    if agreement < _LEAST_AGREEMENT:
        return None
    if hidden[0] == hidden[1] and np.array_equal(index, np.arange(hidden[1])) and bool((best > 0).all()):
        return None  # position by position, which is looked at anyway
    return AxisMap(index, np.where(best < 0, -1, 1).astype(np.float32))


def _tokens(weight: Weight, width: int) -> int:
    return weight.shape[0] if weight.shape[1] == width else weight.shape[1]


def _token_rows(weight: Weight, width: int, tokens: Indices) -> Floats:
    """Return rows of a token table, [tokens, width]."""
    if weight.shape[1] == width:
        return piece(weight.matrix, tokens, np.arange(width))
    return piece(weight.matrix, np.arange(width), tokens).T


def _best(ours: Floats, theirs: Floats) -> tuple[Indices, Floats]:
    """Return, for each row of `theirs`, the row of `ours` that it agrees with most in size, and how much, signed."""
    index = np.empty(len(theirs), np.intp)
    value = np.empty(len(theirs), np.float32)
    for start in range(0, len(theirs), _BLOCK):
        product = theirs[start : start + _BLOCK] @ ours.T
        at = np.abs(product).argmax(axis=1)
        index[start : start + _BLOCK] = at
        value[start : start + _BLOCK] = product[np.arange(len(at)), at]
    return index, value
