from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leeward.licences.weights.checkpoint import open_checkpoint
from leeward.licences.weights.nibbles import Nibbles, StackedNibbles, readings
from leeward.licences.weights.tensor import Tensor
from weight_files import write_safetensors

CODES = np.random.default_rng(0).integers(0, 16, (16, 16)).astype(np.uint8)
ROWS = np.array([5, 0, 15])


def _read(tmp_path: Path, packed: np.ndarray, reading: object) -> np.ndarray:
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", {"x.qweight": packed})) as found:
        return reading(found.tensors[0]).read_rows(ROWS)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("order", "packed"),
    [
        ("low-first", CODES[:, 0::2] | CODES[:, 1::2] << 4),
        ("high-first", CODES[:, 0::2] << 4 | CODES[:, 1::2]),
        ("halves", CODES[:, :8] | CODES[:, 8:] << 4),
    ],
)
def test_each_order_is_unpacked(tmp_path: Path, order: str, packed: np.ndarray) -> None:
    read = _read(tmp_path, packed, lambda tensor: Nibbles(tensor, 16, 16, order, "offset"))

    assert np.array_equal(read, CODES[ROWS].astype(np.float32) - 8)


def test_words_of_awq_hold_even_columns_first(tmp_path: Path) -> None:
    words = np.zeros((16, 2), np.uint32)
    for at, column in enumerate([0, 2, 4, 6, 1, 3, 5, 7]):
        words |= CODES.reshape(16, 2, 8)[:, :, column].astype(np.uint32) << np.uint32(4 * at)
    read = _read(tmp_path, words.view(np.int32), lambda tensor: Nibbles(tensor, 16, 16, "awq", "offset"))

    assert np.array_equal(read, CODES[ROWS].astype(np.float32) - 8)


def test_words_of_gptq_hold_eight_rows(tmp_path: Path) -> None:
    words = np.zeros((2, 16), np.uint32)
    for at in range(8):
        words |= CODES.reshape(2, 8, 16)[:, at].astype(np.uint32) << np.uint32(4 * at)
    read = _read(tmp_path, words.view(np.int32), lambda tensor: StackedNibbles(tensor, "offset"))

    assert np.array_equal(read, CODES[ROWS].astype(np.float32) - 8)


def test_twos_complement_and_nf4_read_other_numbers(tmp_path: Path) -> None:
    packed = np.full((16, 8), 0x8F, np.uint8)

    def tabled(codes: str) -> list[float]:
        return _read(tmp_path, packed, lambda t: Nibbles(t, 16, 16, "low-first", codes))[0, :2].tolist()

    assert tabled("twos-complement") == [-1, -8]
    assert tabled("nf4") == pytest.approx([1, 0.0795803])


def _readings(tmp_path: Path, packed: np.ndarray, shape: tuple[int, int]) -> int:
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", {"x": packed})) as found:
        tensor: Tensor = found.tensors[0]
        return len(list(readings(tensor, shape, None, None)))


def test_only_what_packs_the_shape_is_read_as_it(tmp_path: Path) -> None:
    assert _readings(tmp_path, CODES, (16, 16)) == 0
    assert _readings(tmp_path, CODES, (16, 32)) == 9
    assert _readings(tmp_path, CODES, (32, 16)) == 3
    assert _readings(tmp_path, CODES.astype(np.float32), (16, 32)) == 0
