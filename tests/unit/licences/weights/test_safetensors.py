from __future__ import annotations

import json
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leeward.errors import CheckpointError
from leeward.licences.weights.safetensors import read_header
from leeward.licences.weights.tensor import ByteFile
from weight_files import write_safetensors

Opener: TypeAlias = Callable[[Path], ByteFile]


def _written(path: Path, header: object, body: bytes = b"") -> Path:
    head = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + body)
    return path


def _entry(shape: list[int], offsets: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"t": {"dtype": dtype, "shape": shape, "data_offsets": offsets}}


def test_what_was_written_is_read(tmp_path: Path, open_file: Opener) -> None:
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.arange(4, dtype=np.float16)}
    header = read_header(open_file(write_safetensors(tmp_path / "m", arrays, metadata={"format": "pt"})))

    assert header.metadata == {"format": "pt"}
    assert [(t.name, t.shape, t.kind) for t in header.tensors] == [("a", (2, 3), "F32"), ("b", (4,), "F16")]
    assert header.tensors[0].read_rows(np.array([1, 0])).tolist() == [[3, 4, 5], [0, 1, 2]]


def test_a_number_format_that_cannot_be_read_is_told(tmp_path: Path, open_file: Opener) -> None:
    header = read_header(open_file(_written(tmp_path / "m", _entry([2], [0, 1], "F4"), b"\0")))

    assert (header.tensors, header.unread) == ((), ("t",))


@pytest.mark.parametrize(
    ("header", "body", "why"),
    [
        (b'{"t', b"", "cannot be read"),
        (b"[" * 100_000, b"", "cannot be read"),
        ({"t": 1}, b"", "cannot be read"),
        ({"__metadata__": 3}, b"", "cannot be read"),
        (_entry([2], [0, 8]), b"\0" * 4, "lies outside"),
        (_entry([2], [8, 0]), b"\0" * 8, "lies outside"),
        (_entry([2], [-8, 0]), b"\0" * 8, "lies outside"),
        (_entry([3], [0, 8]), b"\0" * 8, "not as large"),
        (_entry([-1, -2], [0, 8]), b"\0" * 8, "impossible shape"),
        (_entry([2**62, 2**62], [0, 8]), b"\0" * 8, "not as large"),
        (_entry([1] * 20, [0, 4]), b"\0" * 4, "impossible shape"),
    ],
)
def test_a_header_that_says_what_cannot_be_is_refused(
    tmp_path: Path, open_file: Opener, header: object, body: bytes, why: str
) -> None:
    file = open_file(_written(tmp_path / "m", header, body))

    with pytest.raises(CheckpointError, match=why) as refused:
        read_header(file)
    assert "Fetch the file again" in refused.value.remedy


@pytest.mark.parametrize("start", [b"", b"\1\2", struct.pack("<Q", 2**63), struct.pack("<Q", 10) + b"{}"])
def test_a_length_beyond_the_file_is_refused_unread(tmp_path: Path, open_file: Opener, start: bytes) -> None:
    (tmp_path / "m").write_bytes(start)

    with pytest.raises(CheckpointError, match="not a sound safetensors file"):
        read_header(open_file(tmp_path / "m"))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.binary(max_size=200))
def test_no_bytes_end_in_anything_but_a_header_or_a_refusal(tmp_path: Path, raw: bytes) -> None:
    file = ByteFile(_written(tmp_path / "m", raw))
    try:
        header = read_header(file)
    except CheckpointError:
        header = None
    file.close()

    assert header is None or isinstance(header.tensors, tuple)
