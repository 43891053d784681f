"""Pieces of matrices, read where they lie and made comparable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from leeward.licences.lineage.names import Place, is_computed, place_of
from leeward.licences.weights.checkpoint import Checkpoint
from leeward.licences.weights.formats import Floats
from leeward.licences.weights.scaled import Scaled, stem
from leeward.licences.weights.tensor import Indices, Matrix

MOST_ROWS: Final = 64
MOST_COLUMNS: Final = 256
_MOST_MATRICES = 4_000
_SMALLEST_SIDE = 4
_SMALLEST_COUNT = 64
# Rows of a vocabulary of 200,000 tokens laid on their side would be read whole; fewer of them are enough.
_MOST_READ_AT_ONCE = 8 << 20


@dataclass(frozen=True)
class Weight:
    """A matrix and where in the model it belongs."""

    matrix: Matrix
    place: Place

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.matrix.rows, self.matrix.columns


@dataclass(frozen=True)
class AxisMap:
    """Where positions of one model's axis lie on the other's.

    Attributes:
        index: For each position of the second model, the one of the first.
        sign: 1 or -1 for each; None when no sign is turned.
    """

    index: Indices
    sign: Floats | None = None


def weights_of(checkpoint: Checkpoint) -> list[Weight]:
    """Return the matrices of a checkpoint that can tell whose it is; vectors and computed tables cannot."""
    found = []
    for tensor in checkpoint.tensors:
        root = stem(tensor.name)
        scales, zeros = checkpoint.scales.get(root), checkpoint.zeros.get(root)
        # Packed codes may be kept in one long row.
        is_flat = len(tensor.shape) < 2 and not (tensor.format.is_integer and scales)
        if is_flat or is_computed(tensor.name) or tensor.count < _SMALLEST_COUNT:
            continue
        matrix = Scaled(tensor, scales, zeros) if scales or zeros else tensor
        found.append(Weight(matrix, place_of(tensor.name)))
    if len(found) > _MOST_MATRICES:
        found = [found[int(at)] for at in np.linspace(0, len(found) - 1, _MOST_MATRICES)]
    return found


def can_be_sampled(weight: Weight) -> bool:
    """Whether both sides are long enough for a correlation to mean anything."""
    return min(weight.shape) >= _SMALLEST_SIDE


def spread_over(size: int, most: int) -> Indices:
    """Return at most `most` positions spread evenly over `size`."""
    if size <= most:
        return np.arange(size)
    return np.linspace(0, size - 1, most).astype(np.intp)


def piece(matrix: Matrix, rows: Indices, columns: Indices) -> Floats:
    """Return the crossings of `rows` and `columns`, float32 [len(rows), len(columns)]."""
    step = max(1, _MOST_READ_AT_ONCE // max(1, matrix.columns))
    if len(rows) <= step:
        return matrix.read_rows(rows)[:, columns]
    parts = [matrix.read_rows(rows[start : start + step])[:, columns] for start in range(0, len(rows), step)]
    return np.concatenate(parts)


def fingerprint(block: Floats) -> Floats:
    """Return a block as a unit vector, without the means and the scales of its rows and columns; zeros if empty.

    The product of two is a correlation. Means and scales are taken out because models that share nothing may share
    them, and because scaling a unit up here and down there changes nothing but the looks of a copy.
    """
    left = block
    for axis in (1, 0):
        largest = float(np.abs(left).max(initial=0))
        left = left - left.mean(axis=axis, keepdims=True)
        # What rounding leaves of a constant would be blown up to look like numbers.
        if float(np.abs(left).max(initial=0)) < 1e-5 * largest:
            return np.zeros(block.size, np.float32)
        length = np.linalg.norm(left, axis=axis, keepdims=True)
        left = np.divide(left, length, out=np.zeros_like(left), where=length > 1e-12)
    flat = left.ravel()
    length = float(np.linalg.norm(flat))
    return np.asarray(flat / length, np.float32) if length > 0 else flat


def unit_rows(block: Floats) -> Floats:
    """Return each row without its mean and of length 1; rows that are constant become zeros."""
    centred = block - block.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centred, axis=1, keepdims=True)
    unit: Floats = np.divide(centred, length, out=np.zeros_like(centred), where=length > 1e-12)
    return unit


def hidden_size(weights: Sequence[Weight]) -> int:
    """Return the length of the axis that most matrices share: the width of the residual stream; 0 without any."""
    counts: dict[int, int] = {}
    for weight in weights:
        if weight.place.layer is not None or weight.place.is_token_table:
            for size in set(weight.shape):
                counts[size] = counts.get(size, 0) + 1
    return max(counts, key=lambda size: (counts[size], -size), default=0)
