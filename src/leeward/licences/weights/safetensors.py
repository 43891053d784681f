"""Headers of safetensors files, which may be hostile."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import msgspec

from leeward.errors import CheckpointError
from leeward.licences.weights.formats import SAFETENSORS
from leeward.licences.weights.tensor import ByteFile, Tensor

LONGEST_HEADER_BYTES = 100_000_000  # as in the reference reader
_MOST_DIMENSIONS = 8


class _Entry(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    data_offsets: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Header:
    """What a weights file says before its data.

    Attributes:
        tensors: In the order of the header; those in a number format that Leeward cannot read are left out.
        metadata: Words that the writer added.
        unread: Names of tensors left out.
    """

    tensors: tuple[Tensor, ...]
    metadata: dict[str, str]
    unread: tuple[str, ...] = ()


def read_header(file: ByteFile) -> Header:
    """Return what the header of a safetensors file says.

    Raises:
        CheckpointError: If it is not such a file, or says what cannot be.

    Source:
        huggingface/safetensors, README, "Format".
    """
    raw = _raw_header(file)
    start = 8 + len(raw)
    try:
        entries = msgspec.json.decode(raw, type=dict[str, msgspec.Raw])
        metadata = _metadata(entries.pop("__metadata__", None))
        read = {name: msgspec.json.decode(entry, type=_Entry) for name, entry in entries.items()}
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise _broken(file, f"its header cannot be read: {error}") from None
    unread = tuple(name for name, entry in read.items() if entry.dtype not in SAFETENSORS)
    tensors = tuple(_tensor(file, name, entry, start) for name, entry in read.items() if entry.dtype in SAFETENSORS)
    return Header(tensors, metadata, unread)


def _raw_header(file: ByteFile) -> bytes:
    if file.size < 8:
        raise _broken(file, "it is shorter than a header")
    length = int.from_bytes(file.read(0, 8), "little")
    if not 2 <= length <= min(LONGEST_HEADER_BYTES, file.size - 8):
        raise _broken(file, f"its header would be {length} bytes long")
    return file.read(8, length)


def _metadata(entry: msgspec.Raw | None) -> dict[str, str]:
    if entry is None:
        return {}
    words = msgspec.json.decode(entry, type=dict[str, object])
    return {key: value for key, value in words.items() if isinstance(value, str)}


def _tensor(file: ByteFile, name: str, entry: _Entry, start: int) -> Tensor:
    kind = SAFETENSORS[entry.dtype]
    first, last = entry.data_offsets
    if len(entry.shape) > _MOST_DIMENSIONS or any(size < 0 for size in entry.shape):
        raise _broken(file, f"tensor {name[:100]!r} has an impossible shape")
    if not 0 <= first <= last <= file.size - start:
        raise _broken(file, f"tensor {name[:100]!r} lies outside the file")
    if prod(entry.shape) * kind.size != last - first:
        raise _broken(file, f"tensor {name[:100]!r} is not as large as its shape says")
    return Tensor(name, entry.shape, entry.dtype, kind, file, start + first)


def _broken(file: ByteFile, why: str) -> CheckpointError:
    return CheckpointError(
        f"{file.path}: not a sound safetensors file: {why}",
        meaning="Nothing was compared.",
        remedy="Fetch the file again, or leave it out.",
    )
