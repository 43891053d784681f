from __future__ import annotations

import numpy as np
import pytest

from array_weights import weight
from leeward.licences.lineage.axes import axis_map

RNG = np.random.default_rng(0)
TABLE = RNG.standard_normal((300, 24)).astype(np.float32)
ORDER = RNG.permutation(24)
NAME = "model.embed_tokens.weight"


@pytest.mark.parametrize("is_on_its_side", [False, True])
def test_an_order_is_found_with_turned_signs(is_on_its_side: bool) -> None:
    sign = np.where(np.arange(24) % 3 == 0, -1, 1).astype(np.float32)
    theirs = TABLE[:, ORDER] * sign
    found = axis_map(
        [weight(NAME, TABLE)], [weight(NAME, theirs.T if is_on_its_side else theirs)], (24, 24)
    )

    assert found is not None
    assert found.index.tolist() == ORDER.tolist()
    assert found.sign is not None
    assert found.sign.tolist() == sign.tolist()


def test_a_narrower_stream_is_found_in_a_wider_one() -> None:
    found = axis_map([weight(NAME, TABLE)], [weight(NAME, TABLE[:, ORDER[:10]])], (24, 10))

    assert found is not None
    assert found.index.tolist() == ORDER[:10].tolist()


@pytest.mark.parametrize("theirs", [TABLE, RNG.standard_normal((300, 24))], ids=["in place", "stranger"])
def test_no_map_is_told_where_none_is_needed_or_none_is_there(theirs: np.ndarray) -> None:
    assert axis_map([weight(NAME, TABLE)], [weight(NAME, theirs)], (24, 24)) is None


def test_without_tables_nothing_is_told() -> None:
    assert axis_map([], [], (24, 24)) is None
