"""Headers of GGUF files, which may be hostile."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from math import prod
from typing import Final

from leeward.errors import CheckpointError
from leeward.licences.weights.formats import GGUF
from leeward.licences.weights.safetensors import Header
from leeward.licences.weights.tensor import ByteFile, Tensor

MAGIC: Final = b"GGUF"
_SCALARS: Final = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_LONGEST_HEADER_BYTES = 256 << 20
_LONGEST_KEPT_TEXT = 4_096
_MOST_DIMENSIONS = 4
_DEEPEST_ARRAY = 4


@dataclass(slots=True)
class _Cursor:
    """Reads forward through the header, a block at a time."""

    file: ByteFile
    place: int = 0
    _block: bytes = b""
    _start: int = 0

    def take(self, size: int) -> bytes:
        end = self.place + size
        if size < 0 or end > min(self.file.size, _LONGEST_HEADER_BYTES):
            raise _broken(self.file, "its header does not end where it should")
        if end > self._start + len(self._block):
            self._start = self.place
            self._block = self.file.read(self.place, min(max(size, 1 << 16), self.file.size - self.place))
        part = self._block[self.place - self._start : end - self._start]
        self.place = end
        return part

    def skip(self, size: int) -> None:
        if not 0 <= size <= min(self.file.size, _LONGEST_HEADER_BYTES) - self.place:
            raise _broken(self.file, "its header does not end where it should")
        self.place += size
        if self.place > self._start + len(self._block):
            self._start, self._block = self.place, b""

    def number(self, form: str) -> int:
        return int(struct.unpack(form, self.take(struct.calcsize(form)))[0])

    def text(self) -> str:
        size = self.number("<Q")
        kept = self.take(min(size, _LONGEST_KEPT_TEXT))
        self.skip(size - len(kept))
        return kept.decode("utf-8", "replace")


def read_header(file: ByteFile) -> Header:
    """Return what the header of a GGUF file says, versions 2 and 3, little endian.

    Long arrays, such as the tokens, are passed over; texts are kept up to 4,096 bytes.

    Raises:
        CheckpointError: If it is not such a file, or says what cannot be.

    Source:
        ggml, `docs/gguf.md`.
    """
    cursor = _Cursor(file)
    if file.size < 24 or cursor.take(4) != MAGIC:
        raise _broken(file, "it does not begin as one")
    if (version := cursor.number("<I")) not in (2, 3):
        raise _broken(file, f"version {version} is unknown; only 2 and 3, little endian, can be read")
    tensors, keys = cursor.number("<Q"), cursor.number("<Q")
    # A key takes 13 bytes at least and a tensor 32, so that counts larger than the file are refused at once.
    if keys * 13 + tensors * 32 > file.size:
        raise _broken(file, "it counts more entries than it can hold")
    metadata = {}
    for _ in range(keys):
        name = cursor.text()
        value = _value(cursor, cursor.number("<I"))
        if value is not None:
            metadata[name] = value
    infos = [_info(cursor) for _ in range(tensors)]
    alignment = int(metadata.get("general.alignment", "32")) if metadata.get("general.alignment", "32").isdigit() else 0
    if not 1 <= alignment <= 1 << 20:
        raise _broken(file, "its alignment is impossible")
    start = -(-cursor.place // alignment) * alignment
    read = tuple(_tensor(file, info, start) for info in infos if info.kind in GGUF)
    return Header(read, metadata, tuple(info.name for info in infos if info.kind not in GGUF))


def _value(cursor: _Cursor, kind: int, depth: int = 0) -> str | None:
    """Return a scalar or text as text; arrays are passed over."""
    if kind == _STRING:
        return cursor.text()
    if form := _SCALARS.get(kind):
        return str(struct.unpack(form, cursor.take(struct.calcsize(form)))[0])
    if kind != _ARRAY or depth >= _DEEPEST_ARRAY:
        raise _broken(cursor.file, f"its header holds a value of unknown type {kind}")
    inner, count = cursor.number("<I"), cursor.number("<Q")
    if form := _SCALARS.get(inner):
        cursor.skip(struct.calcsize(form) * count)
        return None
    if count * 8 > cursor.file.size:
        raise _broken(cursor.file, "an array in its header is longer than the file")
    for _ in range(count):
        if inner == _STRING:
            cursor.skip(cursor.number("<Q"))
        else:
            _value(cursor, inner, depth + 1)
    return None


@dataclass(frozen=True, slots=True)
class _Info:
    name: str
    shape: tuple[int, ...]
    kind: int
    offset: int


def _info(cursor: _Cursor) -> _Info:
    name, dimensions = cursor.text(), cursor.number("<I")
    if dimensions > _MOST_DIMENSIONS:
        raise _broken(cursor.file, f"tensor {name[:100]!r} has {dimensions} dimensions")
    # Written innermost first.
    shape = tuple(cursor.number("<Q") for _ in range(dimensions))[::-1]
    return _Info(name, shape, cursor.number("<I"), cursor.number("<Q"))


def _tensor(file: ByteFile, info: _Info, start: int) -> Tensor:
    label, kind = GGUF[info.kind]
    if info.shape and info.shape[-1] % kind.values:
        raise _broken(file, f"tensor {info.name[:100]!r} has rows that are not whole blocks")
    size = prod(info.shape) // kind.values * kind.size
    if start + info.offset + size > file.size:
        raise _broken(file, f"tensor {info.name[:100]!r} lies outside the file")
    return Tensor(info.name, info.shape, label, kind, file, start + info.offset)


def _broken(file: ByteFile, why: str) -> CheckpointError:
    return CheckpointError(
        f"{file.path}: not a sound GGUF file: {why}",
        meaning="Nothing was compared.",
        remedy="Fetch the file again, or leave it out.",
    )
