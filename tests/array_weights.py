"""Matrices in memory, for tests of what compares them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leeward.licences.lineage.names import place_of
from leeward.licences.lineage.sampling import Weight


@dataclass(frozen=True)
class ArrayMatrix:
    """Rows of an array."""

    name: str
    array: np.ndarray

    @property
    def rows(self) -> int:
        return len(self.array)

    @property
    def columns(self) -> int:
        return self.array.shape[1]

    def read_rows(self, indices: np.ndarray) -> np.ndarray:
        return self.array[indices].astype(np.float32)


def weight(name: str, array: np.ndarray) -> Weight:
    return Weight(ArrayMatrix(name, array), place_of(name))
