from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leeward.licences.lineage.sampling import fingerprint, hidden_size, piece, spread_over, weights_of
from leeward.licences.weights.checkpoint import open_checkpoint
from weight_files import write_safetensors

RNG = np.random.default_rng(0)
BLOCK = RNG.standard_normal((40, 30)).astype(np.float32)


@pytest.mark.parametrize(("size", "most"), [(5, 10), (10, 10), (1_000, 64)])
def test_positions_are_spread_from_end_to_end_without_doubles(size: int, most: int) -> None:
    found = spread_over(size, most)

    assert (found[0], found[-1], len(set(found.tolist()))) == (0, size - 1, min(size, most))


def test_a_fingerprint_agrees_with_itself_and_not_with_another() -> None:
    other = RNG.standard_normal(BLOCK.shape).astype(np.float32)

    assert fingerprint(BLOCK) @ fingerprint(BLOCK) == pytest.approx(1, abs=1e-5)
    assert abs(fingerprint(BLOCK) @ fingerprint(other)) < 0.15


def test_means_and_scales_of_rows_and_columns_leave_a_fingerprint_nearly_alone() -> None:
    changed = BLOCK * np.linspace(0.2, 5, 40, dtype=np.float32)[:, None] + 7

    assert fingerprint(BLOCK) @ fingerprint(changed) > 0.99


@pytest.mark.parametrize("block", [np.zeros((8, 8)), np.full((8, 8), 3.0), np.arange(8.0)[:, None] + np.zeros((8, 8))])
def test_what_is_constant_has_an_empty_fingerprint(block: np.ndarray) -> None:
    assert not fingerprint(block.astype(np.float32)).any()


def test_vectors_and_computed_tables_are_left_out_and_the_stream_is_the_shared_axis(tmp_path: Path) -> None:
    arrays = {
        "layers.0.w1": np.ones((48, 16), np.float32), "layers.0.wq": np.ones((16, 16), np.float32),
        "layers.0.w2": np.ones((16, 48), np.float32), "norm.weight": np.ones(64, np.float32),
        "pos_emb.weight": np.ones((64, 16), np.float32),
    }  # fmt: skip
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", arrays)) as found:
        weights = weights_of(found)
        assert [weight.matrix.name for weight in weights] == ["layers.0.w1", "layers.0.wq", "layers.0.w2"]
        assert hidden_size(weights) == 16


def test_a_piece_is_the_crossing_of_rows_and_columns(tmp_path: Path) -> None:
    with open_checkpoint(write_safetensors(tmp_path / "m.safetensors", {"layers.0.w": BLOCK})) as found:
        rows, columns = np.array([3, 39]), np.array([0, 29, 7])

        assert np.array_equal(piece(found.tensors[0], rows, columns), BLOCK[np.ix_(rows, columns)])
