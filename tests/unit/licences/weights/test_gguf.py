from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from leeward.errors import CheckpointError
from leeward.licences.weights.gguf import read_header
from leeward.licences.weights.tensor import ByteFile
from weight_files import write_gguf

Opener: TypeAlias = Callable[[Path], ByteFile]
NAME = "model.layers.0.self_attn.q_proj.weight"


def _text(word: bytes) -> bytes:
    return struct.pack("<Q", len(word)) + word


def _written(tmp_path: Path, raw: bytes) -> Path:
    path = tmp_path / "m.gguf"
    path.write_bytes(raw)
    return path


@pytest.mark.parametrize(
    ("kind", "tolerance"), [("F32", 0), ("F16", 1e-3), ("BF16", 1e-2), ("Q8_0", 2e-2), ("Q4_0", 0.3)]
)
def test_what_was_written_is_read(tmp_path: Path, open_file: Opener, kind: str, tolerance: float) -> None:
    array = np.random.default_rng(0).standard_normal((4, 64), np.float32)
    file = open_file(write_gguf(tmp_path / "m.gguf", {NAME: array}, kind, words={"general.name": "Ada"}))
    header = read_header(file)
    (tensor,) = header.tensors

    assert (tensor.name, tensor.shape, tensor.kind) == ("blk.0.attn_q.weight", (4, 64), kind)
    assert header.metadata["general.name"] == "Ada"
    assert np.abs(tensor.read_rows(np.arange(4)) - array).max() <= tolerance


def test_arrays_are_passed_over(tmp_path: Path, open_file: Opener) -> None:
    tokens = b"".join(_text(b"token") for _ in range(3))
    keys = _text(b"tokens") + struct.pack("<IIQ", 9, 8, 3) + tokens
    keys += _text(b"scores") + struct.pack("<IIQ", 9, 6, 2) + b"\0" * 8
    keys += _text(b"deep") + struct.pack("<IIQ", 9, 9, 1) + struct.pack("<IQ", 4, 1) + b"\0" * 4
    keys += _text(b"last") + struct.pack("<II", 4, 7)

    raw = b"GGUF" + struct.pack("<IQQ", 3, 0, 4) + keys

    assert read_header(open_file(_written(tmp_path, raw))).metadata == {"last": "7"}


ONE_KEY = b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + _text(b"k")


def _tensor(shape: list[int], kind: int, offset: int) -> bytes:
    return (
        _text(b"t") + struct.pack("<I", len(shape)) + b"".join(struct.pack("<Q", s) for s in shape)
        + struct.pack("<IQ", kind, offset)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (b"GGUF", "does not begin"),
        (b"GGJT" + b"\0" * 40, "does not begin"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "version"),
        (b"GGUF" + struct.pack("<IQQ", 3, 2**60, 0), "more entries"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 2**60), "more entries"),
        (b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + struct.pack("<Q", 2**63) + b"x" * 32, "does not end"),
        (ONE_KEY + struct.pack("<I", 99) + b"\0" * 9, "unknown type"),
        (ONE_KEY + struct.pack("<IIQ", 9, 8, 2**61), "longer than the file"),
        (ONE_KEY + struct.pack("<IIQ", 9, 6, 2**61), "does not end"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + _tensor([1] * 5, 0, 0), "dimensions"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + _tensor([33], 8, 0), "whole blocks"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + _tensor([2**40, 2**40], 0, 0), "lies outside"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1, 0) + _tensor([4], 0, 2**63), "lies outside"),
    ],
)
def test_a_header_that_says_what_cannot_be_is_refused(tmp_path: Path, open_file: Opener, raw: bytes, why: str) -> None:
    with pytest.raises(CheckpointError, match=why):
        read_header(open_file(_written(tmp_path, raw)))


def test_arrays_in_arrays_in_arrays_end_somewhere(tmp_path: Path, open_file: Opener) -> None:
    deep = struct.pack("<IQ", 9, 1) * 5_000
    keys = _text(b"deep") + struct.pack("<I", 9) + deep

    with pytest.raises(CheckpointError, match="unknown type"):
        read_header(open_file(_written(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, 0, 1) + keys)))


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(st.integers(0, 4), st.integers(0, 4), st.binary(max_size=300))
def test_no_bytes_end_in_anything_but_a_header_or_a_refusal(tmp_path: Path, one: int, two: int, raw: bytes) -> None:
    file = ByteFile(_written(tmp_path, b"GGUF" + struct.pack("<IQQ", 3, one, two) + raw))
    try:
        header = read_header(file)
    except CheckpointError:
        header = None
    file.close()

    assert header is None or isinstance(header.tensors, tuple)
