from __future__ import annotations

import numpy as np
import pytest

from array_weights import weight
from leeward.licences.lineage.sampling import AxisMap, Weight
from leeward.licences.lineage.units import Group, groups, units_found

RNG = np.random.default_rng(0)
UP, DOWN = RNG.standard_normal((96, 32)), RNG.standard_normal((32, 96))
ORDER = RNG.permutation(96)


def _layer(up: np.ndarray, down: np.ndarray) -> dict[str, Weight]:
    return {"up": weight("layers.0.up_proj", up), "down": weight("layers.0.down_proj", down)}


def _group(up: np.ndarray, down: np.ndarray) -> Group:
    (group,) = groups(_layer(UP, DOWN), _layer(up, down), (32, 32))
    return group


def test_matrices_whose_units_go_together_are_one_group() -> None:
    assert _group(UP, DOWN).parts == ("down", "up")


@pytest.mark.parametrize("kept", [96, 50])
def test_units_in_another_order_or_fewer_of_them_are_found(kept: int) -> None:
    order = ORDER[:kept]

    assert units_found(_group(UP[order], DOWN[:, order]), (32, 32), None) > 0.95


def test_units_are_found_in_a_stream_in_another_order() -> None:
    stream = RNG.permutation(32)
    group = _group(UP[ORDER][:, stream], DOWN[:, ORDER][stream])

    assert units_found(group, (32, 32), None) < 0.05
    assert units_found(group, (32, 32), AxisMap(stream)) > 0.95


def test_units_of_a_stranger_are_not_found() -> None:
    strange = _group(RNG.standard_normal(UP.shape), RNG.standard_normal(DOWN.shape))

    assert units_found(strange, (32, 32), None) < 0.05


def test_units_that_all_look_alike_are_no_kinship() -> None:
    direction = RNG.standard_normal((1, 32))
    alike = _group(direction + 0.01 * RNG.standard_normal(UP.shape), RNG.standard_normal(DOWN.shape))

    assert units_found(alike, (32, 32), None) < 0.05


def test_a_square_matrix_is_tried_on_both_sides() -> None:
    square = {"q": weight("layers.0.wq", RNG.standard_normal((32, 32)))}

    assert len(list(groups(square, square, (32, 32)))) == 4
