"""The ways in which two matrices of one part can lie on each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from leeward.licences.lineage.sampling import (
    MOST_COLUMNS,
    MOST_ROWS,
    AxisMap,
    Weight,
    fingerprint,
    piece,
    spread_over,
)
from leeward.licences.weights.formats import Floats
from leeward.licences.weights.tensor import Indices


@dataclass(frozen=True)
class View:
    """Places in the first model's matrix for places in the second's.

    Attributes:
        rows, columns: Positions read in the second model.
        first_rows, first_columns: Those of the first that should hold the same numbers.
        row_sign, column_sign: What to multiply the first model's numbers with; None for nothing.
        is_transposed: Whether the first model keeps the matrix on its side.
    """

    rows: Indices
    columns: Indices
    first_rows: Indices
    first_columns: Indices
    row_sign: Floats | None = None
    column_sign: Floats | None = None
    is_transposed: bool = False

    def of_second(self, weight: Weight) -> Floats:
        """Return the fingerprint of a matrix of the second model."""
        return fingerprint(piece(weight.matrix, self.rows, self.columns))

    def of_first(self, weight: Weight) -> Floats:
        """Return the fingerprint of a matrix of the first model, laid out as the second's."""
        if self.is_transposed:
            block = piece(weight.matrix, self.first_columns, self.first_rows).T
        else:
            block = piece(weight.matrix, self.first_rows, self.first_columns)
        if self.row_sign is not None:
            block = block * self.row_sign[:, None]
        if self.column_sign is not None:
            block = block * self.column_sign[None, :]
        return fingerprint(block)


def views(
    first: tuple[int, int], second: tuple[int, int], hidden: tuple[int, int], axis: AxisMap | None, elements: int
) -> Iterator[View]:
    """Yield the ways in which a matrix of shape `second` can lie on one of shape `first`.

    Args:
        hidden: Width of the residual stream in the first and in the second model.
        axis: How the streams lie on each other; None when position by position.
        elements: How many numbers to read at most.
    """
    share = min(1.0, elements / (MOST_ROWS * MOST_COLUMNS)) ** 0.5
    rows = spread_over(second[0], max(8, int(MOST_ROWS * share)))
    columns = spread_over(second[1], max(8, int(MOST_COLUMNS * share)))
    if axis is None:
        if first == second:
            yield View(rows, columns, rows, columns)
        if first == second[::-1]:
            yield View(rows, columns, rows, columns, is_transposed=True)
        return
    for is_transposed in (False, True) if first[0] == first[1] else (_is_crossed(first, second, hidden),):
        laid = first[::-1] if is_transposed else first
        if second[1] == hidden[1] and laid[1] == hidden[0] and laid[0] == second[0]:
            sign = None if axis.sign is None else axis.sign[columns]
            yield View(rows, columns, rows, axis.index[columns], None, sign, is_transposed)
        if second[0] == hidden[1] and laid[0] == hidden[0] and laid[1] == second[1]:
            sign = None if axis.sign is None else axis.sign[rows]
            yield View(rows, columns, axis.index[rows], columns, sign, None, is_transposed)


def _is_crossed(first: tuple[int, int], second: tuple[int, int], hidden: tuple[int, int]) -> bool:
    """Whether the width of the stream lies on another side in each."""
    return (first[0] == hidden[0]) != (second[0] == hidden[1])


def similarities(first: list[Weight], second: list[Weight], view: View) -> Floats:
    """Return the correlation of each matrix of the second model with each of the first, [second, first]."""
    ours = np.stack([view.of_first(weight) for weight in first])
    theirs = np.stack([view.of_second(weight) for weight in second])
    return theirs @ ours.T
