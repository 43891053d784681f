"""One tensor of a file, read some rows at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from leeward.errors import CheckpointError
from leeward.licences.weights.formats import Floats, Format

Indices = NDArray[np.intp]
MOST_BYTES_AT_ONCE = 8 << 20


class ByteFile:
    """A file that is read at places.

    It is read and not mapped: pages of a map count as memory of the process for as long as it is open, and a file that
    shrinks under a map ends the process.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._file = path.open("rb")
        except OSError as error:
            why = f"{path}: {error.strerror}"
            raise CheckpointError(why, remedy="Check the path and your right to read.") from None
        self.path = path
        self.size = os.fstat(self._file.fileno()).st_size

    def read(self, offset: int, size: int) -> bytes:
        """Return exactly `size` bytes from `offset`.

        Raises:
            CheckpointError: If the file ends before.
        """
        parts = []
        while size:
            part = os.pread(self._file.fileno(), size, offset)
            if not part:
                raise CheckpointError(f"{self.path}: the file is cut off", remedy="Fetch it again.")
            parts.append(part)
            offset, size = offset + len(part), size - len(part)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class Matrix(Protocol):
    """Numbers in rows, wherever they come from."""

    @property
    def name(self) -> str:
        """Name in the checkpoint."""

    @property
    def rows(self) -> int:
        """Rows; leading dimensions of a tensor are taken together."""

    @property
    def columns(self) -> int:
        """Columns: the last dimension."""

    def read_rows(self, indices: Indices) -> Floats:
        """Return rows as float32 [len(indices), columns]; values that are not finite read as 0."""


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file.

    Attributes:
        shape: As in the header, outermost dimension first.
        kind: Name of the number format, e.g. `BF16`, `Q4_0`.
        offset: Of its first byte in the file.
    """

    name: str
    shape: tuple[int, ...]
    kind: str
    format: Format
    file: ByteFile
    offset: int

    @cached_property
    def count(self) -> int:
        """Numbers in the tensor."""
        return prod(self.shape)

    @property
    def columns(self) -> int:
        """Columns: the last dimension."""
        return self.shape[-1] if self.shape else 1

    @property
    def rows(self) -> int:
        """Rows; leading dimensions are taken together."""
        return self.count // self.columns if self.columns else 0

    @property
    def row_bytes(self) -> int:
        """Bytes of one row."""
        return self.columns // self.format.values * self.format.size

    def read_rows(self, indices: Indices) -> Floats:
        """Return rows as float32 [len(indices), columns]; values that are not finite read as 0."""
        out = np.empty((len(indices), self.columns), np.float32)
        for start, run in _runs(indices, max(1, MOST_BYTES_AT_ONCE // max(1, self.row_bytes))):
            raw = self.file.read(self.offset + int(run[0]) * self.row_bytes, len(run) * self.row_bytes)
            blocks = np.frombuffer(raw, np.uint8).reshape(-1, self.format.size)
            # Hostile scales overflow; what is not finite counts as 0 below.
            with np.errstate(all="ignore"):
                out[start : start + len(run)] = self.format.decode(blocks).reshape(len(run), self.columns)
        return np.nan_to_num(out, copy=False, nan=0, posinf=0, neginf=0)

    def read_bytes(self, start: int, size: int) -> NDArray[np.uint8]:
        """Return `size` raw bytes from `start`, counted from the tensor's first."""
        return np.frombuffer(self.file.read(self.offset + start, size), np.uint8)


def _runs(indices: Indices, longest: int) -> Iterator[tuple[int, Indices]]:
    """Yield stretches of indices that follow one another, with the place of each stretch."""
    if len(indices) == 0:
        return
    cuts = np.flatnonzero(np.diff(indices) != 1) + 1
    place = 0
    for run in np.split(indices, cuts):
        for start in range(0, len(run), longest):
            yield place + start, run[start : start + longest]
        place += len(run)
