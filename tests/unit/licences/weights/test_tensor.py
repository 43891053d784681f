from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest

from leeward.errors import CheckpointError
from leeward.licences.weights.formats import SAFETENSORS
from leeward.licences.weights.tensor import ByteFile, Tensor

Opener: TypeAlias = Callable[[Path], ByteFile]


def _tensor(opener: Opener, path: Path, array: np.ndarray) -> Tensor:
    path.write_bytes(b"head" + array.tobytes())
    return Tensor("t", array.shape, "F32", SAFETENSORS["F32"], opener(path), 4)


@pytest.mark.parametrize("wanted", [[], [0], [3, 1, 2, 2], [0, 1, 2, 3, 4]])
def test_rows_are_read_in_the_order_asked_for(tmp_path: Path, open_file: Opener, wanted: list[int]) -> None:
    array = np.arange(30, dtype=np.float32).reshape(5, 6)
    tensor = _tensor(open_file, tmp_path / "t", array)

    assert np.array_equal(tensor.read_rows(np.array(wanted, np.intp)), array[wanted])


def test_leading_dimensions_are_taken_together(tmp_path: Path, open_file: Opener) -> None:
    tensor = _tensor(open_file, tmp_path / "t", np.arange(24, dtype=np.float32).reshape(2, 3, 4))

    assert (tensor.rows, tensor.columns) == (6, 4)
    assert tensor.read_rows(np.array([5])).tolist() == [[20, 21, 22, 23]]


def test_what_is_not_finite_reads_as_0(tmp_path: Path, open_file: Opener) -> None:
    tensor = _tensor(open_file, tmp_path / "t", np.array([[np.nan, np.inf, -np.inf, 1]], np.float32))

    assert tensor.read_rows(np.array([0])).tolist() == [[0, 0, 0, 1]]


def test_a_file_that_shrank_is_told(tmp_path: Path, open_file: Opener) -> None:
    tensor = _tensor(open_file, tmp_path / "t", np.ones((4, 4), np.float32))
    (tmp_path / "t").write_bytes(b"head")

    with pytest.raises(CheckpointError, match="cut off"):
        tensor.read_rows(np.array([0]))


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="No such file"):
        ByteFile(tmp_path / "none")
