from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.detectors.images.near import Near, NearIndex

_KNOWN = np.random.default_rng(11).integers(0, 1 << 16, (5_000, 16), dtype=np.uint16)
_INDEX = NearIndex(_KNOWN)
_FEW = NearIndex(_KNOWN[:100])


def _flipped(row: int, bits: set[int]) -> np.ndarray:
    words = _KNOWN[row].copy()
    for bit in bits:
        words[bit // 16] ^= np.uint16(1 << (bit % 16))
    return words[None, :]


@given(st.integers(0, 99), st.sets(st.integers(0, 255), max_size=31))
def test_whatever_31_bits_differ_the_hash_is_found(row: int, bits: set[int]) -> None:
    expected = Near(row, len(bits), 0)

    assert expected == _INDEX.nearest(_flipped(row, bits))
    assert expected == _FEW.nearest(_flipped(row, bits))


@given(st.integers(0, 99), st.sets(st.integers(0, 255), min_size=32, max_size=60))
def test_whatever_more_bits_differ_it_is_not(row: int, bits: set[int]) -> None:
    assert _INDEX.nearest(_flipped(row, bits)) is None
    assert _FEW.nearest(_flipped(row, bits)) is None


@pytest.mark.parametrize("index", [_INDEX, _FEW])
def test_the_variant_that_is_near_is_named(index: NearIndex) -> None:
    asked = np.concatenate([~_KNOWN[:3], _flipped(42, {7})])

    assert Near(42, 1, 3) == index.nearest(asked)


def test_a_narrower_limit_holds() -> None:
    asked = _flipped(5, set(range(10)))

    assert _INDEX.nearest(asked, within=9) is None
    assert Near(5, 10, 0) == _INDEX.nearest(asked, within=10)


def test_an_empty_index_finds_nothing() -> None:
    assert NearIndex(np.empty((0, 16), dtype=np.uint16)).nearest(_KNOWN[:1]) is None
