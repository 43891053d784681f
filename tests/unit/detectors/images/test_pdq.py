from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from harmless_pictures import pattern
from leeward.detectors.images.pdq import LIKENESS_BITS, from_hex, pdq, to_hex

_VECTORS = json.loads(Path(__file__).with_name("pdq_vectors.json").read_text())["pictures"]
_LUMA = np.array([0.299, 0.587, 0.114])


@pytest.mark.parametrize("vector", _VECTORS, ids=lambda v: f"{v['width']}x{v['height']}")
def test_hashes_of_all_eight_positions_are_those_of_the_publishers_code(vector: dict) -> None:
    hashed = pdq(pattern(vector["seed"], vector["width"], vector["height"]) @ _LUMA)

    assert vector["hashes"] == [to_hex(words) for words in hashed.variants]
    assert vector["quality"] == hashed.quality


def test_a_turned_picture_hashes_to_the_turned_variant() -> None:
    luma = pattern(3, 320, 240) @ _LUMA
    turned = pdq(np.rot90(luma)).variants[0]

    distances = np.bitwise_count(pdq(luma).variants ^ turned).sum(axis=1)

    assert distances.min() <= LIKENESS_BITS
    assert distances[0] > LIKENESS_BITS


def test_hex_and_words_are_the_same_hash() -> None:
    digits = _VECTORS[0]["hashes"][0]

    assert digits == to_hex(from_hex(digits))


@pytest.mark.parametrize("digits", ["", "ab", "zz" * 32, "ab" * 33])
def test_what_is_not_a_hash_is_refused(digits: str) -> None:
    with pytest.raises(ValueError):
        from_hex(digits)


def test_a_flat_picture_has_no_quality() -> None:
    assert pdq(np.full((100, 100), 128.0)).quality == 0


def test_a_picture_of_a_few_pixels_is_refused() -> None:
    with pytest.raises(ValueError, match="too small"):
        pdq(np.zeros((4, 100)))
