"""A model's weights in one file or many."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Final

import msgspec

from leeward.errors import CheckpointError
from leeward.licences.weights import gguf, safetensors
from leeward.licences.weights.scaled import pair_up
from leeward.licences.weights.tensor import ByteFile, Tensor

_PICKLES: Final = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_SPLIT: Final = re.compile(r"-\d{5}-of-\d{5}(?=\.gguf$)")
_LARGEST_INDEX_BYTES = 64 << 20
_MOST_SHARDS = 2_000


@dataclass
class Checkpoint:
    """Tensors of a model; closes its files when left.

    Attributes:
        tensors: All but scales and zero points.
        scales: By the stem of the codes that they belong to.
        zeros: Likewise.
        metadata: Words of the headers.
        unread: Names of tensors in number formats that cannot be read.
    """

    path: Path
    files: tuple[ByteFile, ...]
    tensors: tuple[Tensor, ...]
    scales: Mapping[str, Tensor]
    zeros: Mapping[str, Tensor]
    metadata: Mapping[str, str]
    unread: tuple[str, ...] = ()
    _open: ExitStack = field(default_factory=ExitStack, repr=False)

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def __enter__(self) -> Checkpoint:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()


def open_checkpoint(path: Path) -> Checkpoint:
    """Open a `.safetensors` or `.gguf` file, an index of shards, or a folder that holds one of these.

    Raises:
        CheckpointError: If nothing is there, a shard is missing, or a header says what cannot be.
    """
    with ExitStack() as stack:
        files = []
        for name in weight_files(path):
            file = ByteFile(name)
            stack.callback(file.close)
            files.append(file)
        headers = [read_header(file) for file in files]
        tensors = [tensor for header in headers for tensor in header.tensors]
        _refuse_doubles(path, tensors)
        own, scales, zeros = pair_up(tensors)
        metadata = {key: value for header in headers for key, value in header.metadata.items()}
        unread = tuple(name for header in headers for name in header.unread)
        return Checkpoint(path, tuple(files), tuple(own), scales, zeros, metadata, unread, stack.pop_all())


def read_header(file: ByteFile) -> safetensors.Header:
    """Return the header of a weights file of either kind."""
    is_gguf = file.size >= 4 and file.read(0, 4) == gguf.MAGIC
    return gguf.read_header(file) if is_gguf else safetensors.read_header(file)


def weight_files(path: Path) -> list[Path]:
    """Return the files that hold the weights of the model at `path`, in order.

    Raises:
        CheckpointError: If there are none that can be read.
    """
    if path.is_dir():
        return _of_folder(path)
    if not path.is_file():
        raise CheckpointError(f"{path}: no such file or folder", remedy="Name a weights file or a folder of them.")
    if path.name.endswith(".index.json"):
        return _of_index(path)
    if split := _SPLIT.search(path.name):
        return sorted(path.parent.glob(path.name[: split.start()].replace("[", "[[]") + "-*-of-*.gguf"))
    return [path]


def _of_folder(folder: Path) -> list[Path]:
    indexes = sorted(folder.glob("*.safetensors.index.json"))
    if indexes:
        return _of_index(indexes[0])
    # Mistral's repositories hold the same weights twice, under the names of two programs.
    for pattern in ("model*.safetensors", "consolidated*.safetensors", "*.safetensors"):
        if found := sorted(folder.glob(pattern)):
            return found
    if found := sorted(folder.glob("*.gguf"), key=lambda file: (-file.stat().st_size, file.name)):
        # Several files are the same model at several precisions: the largest is the truest.
        return weight_files(found[0])
    if any(next(folder.glob(pattern), None) for pattern in _PICKLES):
        raise CheckpointError(
            f"{folder}: only pickled weights, which run code when they are read",
            remedy="Convert them to safetensors in a place where that does no harm.",
        )
    raise CheckpointError(f"{folder}: no .safetensors or .gguf file", remedy="Name the folder of a model's weights.")


class _Index(msgspec.Struct):
    weight_map: dict[str, str]


def _of_index(path: Path) -> list[Path]:
    remedy = "Fetch the model again."
    try:
        if path.stat().st_size > _LARGEST_INDEX_BYTES:
            raise CheckpointError(f"{path}: an index of more than 64 MiB", remedy=remedy)
        names = sorted(set(msgspec.json.decode(path.read_bytes(), type=_Index).weight_map.values()))
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise CheckpointError(f"{path}: the index of shards cannot be read: {error}", remedy=remedy) from None
    if len(names) > _MOST_SHARDS:
        raise CheckpointError(f"{path}: more than {_MOST_SHARDS} shards", remedy=remedy)
    for name in names:
        # A name with a folder in it could lead out of the model's own.
        if Path(name).name != name or not (path.parent / name).is_file():
            raise CheckpointError(f"{path}: the shard {name[:100]!r} is missing", remedy=remedy)
    return [path.parent / name for name in names]


def _refuse_doubles(path: Path, tensors: Sequence[Tensor]) -> None:
    seen: set[str] = set()
    for tensor in tensors:
        if tensor.name in seen:
            raise CheckpointError(
                f"{path}: two files hold the tensor {tensor.name[:100]!r}",
                remedy="Name the file or the index of one model.",
            )
        seen.add(tensor.name)
