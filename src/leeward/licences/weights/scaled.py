"""Integer codes with their scales, as quantisers keep them in safetensors."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from leeward.licences.weights.formats import Floats
from leeward.licences.weights.tensor import Indices, Matrix, Tensor

_VALUES: Final = re.compile(
    r"[._](?:q?weights?(?:[._](?:packed|q|int[48]|codes|data))?|quantized|codes|data|int[48]|values?)$"
)
_COMPANIONS: Final = re.compile(
    r"(?:[._](?:q?weights?|quant\w*|q|int[48]))*[._]?(?P<kind>scales?(?:_inv)?|scb|absmax|q?zeros?(?:_points?)?|zp)$",
    re.IGNORECASE,
)
_MOST_SCALES = 16 << 20


@dataclass(frozen=True)
class Scaled:
    """Codes times scales, after zero points.

    Attributes:
        codes: What holds the integers.
        scales: One number for all, one for each row or column, or one for each group or tile.
        zeros: Laid out like `scales`; None when codes are symmetric.
    """

    codes: Matrix
    scales: Tensor | None
    zeros: Tensor | None = None

    @property
    def name(self) -> str:
        """Name in the checkpoint."""
        return self.codes.name

    @property
    def rows(self) -> int:
        """Rows; leading dimensions are taken together."""
        return self.codes.rows

    @property
    def columns(self) -> int:
        """Columns: the last dimension."""
        return self.codes.columns

    def read_rows(self, indices: Indices) -> Floats:
        """Return rows as float32 [len(indices), columns]; values that are not finite read as 0."""
        values = self.codes.read_rows(indices)
        if self.zeros is not None and (zero := spread(self.zeros, indices, self.rows, self.columns)) is not None:
            values = values - zero
        if self.scales is not None and (scale := spread(self.scales, indices, self.rows, self.columns)) is not None:
            values = values * scale
        return values


def spread(scales: Tensor, indices: Indices, rows: int, columns: int) -> Floats | None:
    """Return the scales of some rows, in a shape that multiplies [len(indices), columns]; None if they fit nowhere."""
    count = scales.count
    # Scales that are themselves quantised are passed over: a correlation needs them only roughly.
    if (scales.format.is_integer and scales.format.size == 1) or not 0 < count <= _MOST_SCALES:
        return None
    if count == 1:
        return _all(scales).reshape(1, 1)
    if count == rows and scales.columns in (1, count):
        return _all(scales)[indices][:, None]
    if count == columns:
        return _all(scales)[None, :]
    if scales.rows > 1 and scales.rows <= rows and scales.columns <= columns and rows % scales.rows == 0:
        tile = -(-columns // scales.columns)
        wanted, place = np.unique(indices * scales.rows // rows, return_inverse=True)
        tiles: Floats = np.repeat(scales.read_rows(wanted)[place], tile, axis=1)[:, :columns]
        return tiles
    if rows * columns % count == 0:
        group = rows * columns // count
        first = indices * columns
        grouped: Floats = _all(scales)[(first[:, None] + np.arange(columns)) // group]
        return grouped
    return None


def _all(scales: Tensor) -> Floats:
    return scales.read_rows(np.arange(scales.rows)).ravel()


def stem(name: str) -> str:
    """Return a tensor's name without the word that says what it holds: `a.q_proj.qweight` -> `a.q_proj`."""
    return _VALUES.sub("", name)


def pair_up(tensors: Iterable[Tensor]) -> tuple[list[Tensor], Mapping[str, Tensor], Mapping[str, Tensor]]:
    """Sort scales and zero points out.

    Returns:
        The tensors that are no companions; scales and zero points by the stem of the codes they belong to.
    """
    tensors = list(tensors)
    stems = {stem(tensor.name) for tensor in tensors}
    own: list[Tensor] = []
    scales: dict[str, Tensor] = {}
    zeros: dict[str, Tensor] = {}
    for tensor in tensors:
        found = _COMPANIONS.search(tensor.name)
        root = tensor.name[: found.start()] if found else ""
        if found and root in stems:
            (zeros if found["kind"].lower().lstrip("q").startswith("z") else scales)[root] = tensor
        else:
            own.append(tensor)
    return own, scales, zeros
