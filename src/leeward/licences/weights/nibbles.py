"""Four-bit codes packed into bytes or 32-bit words, in the layouts that quantisers use."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from leeward.licences.weights.formats import Floats
from leeward.licences.weights.scaled import Scaled
from leeward.licences.weights.tensor import Indices, Matrix, Tensor

Order = Literal["low-first", "high-first", "halves", "awq"]
Codes = Literal["offset", "twos-complement", "nf4"]
BYTES_OF: Final = {"U8": 1, "I8": 1, "I32": 4, "U32": 4}
_TABLES: Final = {
    "offset": np.arange(16, dtype=np.float32) - 8,
    "twos-complement": np.where(np.arange(16) > 7, np.arange(16) - 16, np.arange(16)).astype(np.float32),
    # Source: Dettmers et al. (2023), QLoRA, appendix E.
    "nf4": np.array(
        [-1, -0.6961928, -0.5250731, -0.3949175, -0.2844414, -0.1847734, -0.0910500, 0,
         0.0795803, 0.1609302, 0.2461123, 0.3379152, 0.4407098, 0.5626170, 0.7229568, 1],
        np.float32,
    ),
}  # fmt: skip
# Place in a 32-bit word of each of eight columns; source: AutoAWQ, `packing_utils`.
_AWQ: Final = np.array([0, 4, 1, 5, 2, 6, 3, 7])


@dataclass(frozen=True)
class Nibbles:
    """Four-bit codes, row after row.

    Attributes:
        packed: The bytes; rows * columns / 2 of them.
        order: Which code comes first in a byte; `halves` keeps the first half of a row in the low halves.
        codes: What number a code stands for.
    """

    packed: Tensor
    rows: int
    columns: int
    order: Order
    codes: Codes

    @property
    def name(self) -> str:
        """Name in the checkpoint."""
        return self.packed.name

    def read_rows(self, indices: Indices) -> Floats:
        """Return rows as float32 [len(indices), columns]; values that are not finite read as 0."""
        size = self.columns // 2
        raw = np.stack([self.packed.read_bytes(int(row) * size, size) for row in indices])
        return _TABLES[self.codes][self._unpacked(raw)]

    def _unpacked(self, raw: NDArray[np.uint8]) -> NDArray[np.uint8]:
        low, high = raw & 15, raw >> 4
        if self.order == "halves":
            return np.concatenate([low, high], axis=1)
        pair = (high, low) if self.order == "high-first" else (low, high)
        flat = np.stack(pair, axis=2).reshape(len(raw), -1)
        if self.order == "awq":
            flat = flat.reshape(len(raw), -1, 8)[:, :, _AWQ].reshape(len(raw), -1)
        return flat


@dataclass(frozen=True)
class StackedNibbles:
    """Four-bit codes of neighbouring rows in one word: [rows / n, columns] words of n codes.

    Source:
        AutoGPTQ, `qlinear`: eight input rows a word.
    """

    packed: Tensor
    codes: Codes

    @property
    def name(self) -> str:
        """Name in the checkpoint."""
        return self.packed.name

    @property
    def columns(self) -> int:
        """Columns: the last dimension."""
        return self.packed.columns

    @property
    def rows(self) -> int:
        """Rows; leading dimensions are taken together."""
        return self.packed.rows * self._per_word

    @property
    def _per_word(self) -> int:
        return 2 * BYTES_OF[self.packed.kind]

    def read_rows(self, indices: Indices) -> Floats:
        """Return rows as float32 [len(indices), columns]; values that are not finite read as 0."""
        wanted, place = np.unique(indices // self._per_word, return_inverse=True)
        size = self.packed.row_bytes
        raw = np.stack([self.packed.read_bytes(int(row) * size, size) for row in wanted])
        words = raw.view("u1" if self._per_word == 2 else "<u4").astype(np.uint32)[place]
        shift = (indices % self._per_word * 4).astype(np.uint32)[:, None]
        values: Floats = _TABLES[self.codes][(words >> shift) & 15]
        return values


def readings(packed: Tensor, shape: tuple[int, int], scales: Tensor | None, zeros: Tensor | None) -> Iterator[Matrix]:
    """Yield every way to read packed codes as a matrix of `shape` [rows, columns], likeliest first."""
    width = BYTES_OF.get(packed.kind)
    rows, columns = shape
    if width is None or packed.count * width * 2 != rows * columns or columns % 2:
        return
    # Zero points of packed codes are packed as well; without them a group is off by a constant, which costs little.
    zeros = zeros if zeros is not None and scales is not None and zeros.count == scales.count else None
    is_stacked = packed.columns == columns and packed.rows * width * 2 == rows
    for codes in ("offset", "twos-complement", "nf4"):
        if is_stacked:
            yield Scaled(StackedNibbles(packed, codes), scales, zeros)
            continue
        orders: tuple[Order, ...] = ("low-first", "awq") if width == 4 else ("low-first", "high-first", "halves")
        for order in orders:
            if order != "awq" or columns % 8 == 0:
                yield Scaled(Nibbles(packed, rows, columns, order, codes), scales, zeros)
