from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leeward.licences.weights.checkpoint import open_checkpoint
from leeward.licences.weights.scaled import Scaled, spread, stem
from weight_files import write_safetensors

CODES = np.arange(24, dtype=np.int8).reshape(4, 6)


def _scaled(tmp_path: Path, scales: np.ndarray, zeros: np.ndarray | None = None) -> np.ndarray:
    arrays = {"a.q_proj.qweight": CODES, "a.q_proj.scales": scales}
    arrays |= {} if zeros is None else {"a.q_proj.zeros": zeros}
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", arrays)) as found:
        (codes,) = found.tensors
        matrix = Scaled(codes, found.scales["a.q_proj"], found.zeros.get("a.q_proj"))
        return matrix.read_rows(np.array([3, 1]))


@pytest.mark.parametrize(
    ("scales", "expected"),
    [
        (np.array([2.0]), np.full((4, 6), 2.0)),
        (np.arange(1.0, 5), np.repeat(np.arange(1.0, 5)[:, None], 6, 1)),
        (np.arange(1.0, 5).reshape(4, 1), np.repeat(np.arange(1.0, 5)[:, None], 6, 1)),
        (np.arange(1.0, 7), np.repeat(np.arange(1.0, 7)[None], 4, 0)),
        (np.arange(1.0, 9).reshape(4, 2), np.repeat(np.arange(1.0, 9).reshape(4, 2), 3, 1)),
        (np.arange(1.0, 5).reshape(2, 2), np.repeat(np.repeat(np.arange(1.0, 5).reshape(2, 2), 2, 0), 3, 1)),
        (np.arange(1.0, 13), np.repeat(np.arange(1.0, 13), 2).reshape(4, 6)),
    ],
    ids=["all", "row", "row-column", "column", "group", "tile", "flat"],
)
def test_scales_fit_by_their_shape(tmp_path: Path, scales: np.ndarray, expected: np.ndarray) -> None:
    assert np.array_equal(_scaled(tmp_path, scales.astype(np.float32)), (CODES * expected)[[3, 1]])


def test_zero_points_go_before_scales(tmp_path: Path) -> None:
    scales, zeros = np.full(4, 2, np.float32), np.arange(4, dtype=np.float32)

    assert np.array_equal(_scaled(tmp_path, scales, zeros), 2 * (CODES - zeros[:, None])[[3, 1]])


def test_scales_that_fit_nowhere_are_passed_over(tmp_path: Path) -> None:
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", {"s": np.ones(5, np.float32)})) as found:
        assert spread(found.tensors[0], np.array([0]), 4, 6) is None


@pytest.mark.parametrize(
    ("codes", "scales"),
    [("x.weight", "x.weight_scale"), ("x.weight", "x.weight.scale"), ("x.weight", "x.weight_scale_inv"),
     ("x.weight", "x.SCB"), ("x.qweight", "x.scales"), ("x.weight", "x.weight.absmax"), ("x.weight", "x.scale"),
     ("layers.0.wq", "layers.0.wq_scale"), ("x.weight_packed", "x.weight_scale")],
)  # fmt: skip
def test_codes_and_scales_find_each_other_by_name(tmp_path: Path, codes: str, scales: str) -> None:
    arrays = {codes: CODES, scales: np.ones(4, np.float32)}
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", arrays)) as found:
        assert [t.name for t in found.tensors] == [codes]
        assert found.scales[stem(codes)].name == scales


def test_a_scale_of_nothing_is_a_tensor_of_its_own(tmp_path: Path) -> None:
    arrays = {"norm.scale": np.ones(4, np.float32), "x.weight": CODES}
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", arrays)) as found:
        assert [t.name for t in found.tensors] == ["norm.scale", "x.weight"]
