"""PDQ, a perceptual hash of images: 256 bits that recompression and resizing hardly change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Luma: TypeAlias = NDArray[np.float64]
Words: TypeAlias = NDArray[np.uint16]

# Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm", Meta, 2019, sections 3.2-3.4.
SIDE: Final = 64
COEFFICIENTS: Final = 16
BITS: Final = COEFFICIENTS * COEFFICIENTS
WORDS: Final = BITS // 16
LEAST_DIMENSION: Final = 5
# The publisher's advice: hashes of a lower quality stand for images without features.
LEAST_QUALITY: Final = 50
# The publisher's advice: up to here two images count as alike.
LIKENESS_BITS: Final = 31


@dataclass(frozen=True, slots=True)
class Pdq:
    """What one image hashes to.

    Attributes:
        variants: [8, 16] uint16: the image itself, turned by 90, 180 and 270 degrees, and the four mirrorings;
            word 0 holds the bits of the lowest frequencies, as in the last four digits of the hex form.
        quality: 0 to 100; below `LEAST_QUALITY` the image has hardly any features.
    """

    variants: Words
    quality: int


def pdq(luma: Luma) -> Pdq:
    """Return the hash of an image and of its turned and mirrored twins.

    Args:
        luma: Brightness [rows, columns], 0 to 255.

    Raises:
        ValueError: If a side is shorter than `LEAST_DIMENSION`.
    """
    rows, columns = luma.shape
    if min(rows, columns) < LEAST_DIMENSION:
        raise ValueError(f"an image of {columns}x{rows} pixels is too small to hash")
    small = _sampled(_sampled(luma).T).T
    dct = _DCT @ small @ _DCT.T
    return Pdq(np.stack([_words(variant) for variant in _dihedral(dct)]), _quality(small))


def to_hex(words: Words) -> str:
    """Return 64 hexadecimal digits, highest word first, as hash lists hold them."""
    return words[::-1].astype(">u2").tobytes().hex()


def from_hex(digits: str) -> Words:
    """Return the words [16] of 64 hexadecimal digits.

    Raises:
        ValueError: If these are not 64 hexadecimal digits.
    """
    if len(digits) != BITS // 4:
        raise ValueError("a PDQ hash has 64 hexadecimal digits")
    words: Words = from_hex_many([digits])[0]
    return words


def from_hex_many(hashes: Sequence[str]) -> Words:
    """Return the words [N, 16] of hashes of 64 hexadecimal digits each."""
    raw = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=">u2")
    return raw.reshape(-1, WORDS)[:, ::-1].astype(np.uint16)


@lru_cache(maxsize=64)
def _sampling(length: int) -> tuple[NDArray[np.intp], Luma]:
    """Return how a side is blurred by two box filters and then sampled at 64 places.

    Returns:
        Places [64, W] that each sample reads, and their weights [64, W].
    """
    window = -(-length // (2 * SIDE))
    ahead = (window + 2) // 2 - 1
    behind = window - ahead - 1
    box = np.arange(-behind, ahead + 1)
    centre = ((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.intp)
    once = centre[:, None] + box
    twice = once[:, :, None] + box
    once_inside, twice_inside = _inside(once, length), _inside(twice, length)
    counts = once_inside.sum(axis=1)[:, None, None] * np.maximum(twice_inside.sum(axis=2), 1)[:, :, None]
    shares = once_inside[:, :, None] * twice_inside / counts
    weights = np.zeros((SIDE, 2 * window - 1))
    for step in range(window):
        weights[:, step : step + window] += shares[:, step]
    places = centre[:, None] + np.arange(2 * window - 1) - 2 * behind
    return np.clip(places, 0, length - 1), weights


def _inside(places: NDArray[np.intp], length: int) -> NDArray[np.bool_]:
    return (places >= 0) & (places < length)


def _sampled(luma: Luma) -> Luma:
    """Return 64 samples of the first axis: [64, columns].

    Not a product of matrices on purpose: BLAS would start threads of its own under the gateway's.
    """
    places, weights = _sampling(len(luma))
    sampled: Luma = np.einsum("sw,swc->sc", weights, luma[places])
    return sampled


def _dct_matrix() -> Luma:
    frequency = np.arange(1, COEFFICIENTS + 1)[:, None]
    position = 2 * np.arange(SIDE)[None, :] + 1
    matrix: Luma = np.sqrt(2.0 / SIDE) * np.cos(np.pi / (2 * SIDE) * frequency * position)
    return matrix


_DCT: Final = _dct_matrix()
_SIGNS: Final = np.where(np.arange(COEFFICIENTS) & 1, 1.0, -1.0)


def _dihedral(dct: Luma) -> list[Luma]:
    """Return the transform of the image turned and mirrored: signs of odd frequencies change, axes swap."""
    by_row, by_column = _SIGNS[:, None], _SIGNS[None, :]
    both = by_row * by_column
    return [
        dct,
        (dct * by_column).T,
        dct * both,
        (dct * by_row).T,
        dct * by_row,
        dct * by_column,
        dct.T,
        (dct * both).T,
    ]


def _words(dct: Luma) -> Words:
    flat = dct.ravel()
    # The lower of the two middle values, as the publisher's code takes it.
    median = np.partition(flat, BITS // 2 - 1)[BITS // 2 - 1]
    bits = np.packbits(flat > median, bitorder="little")
    return bits.view("<u2").astype(np.uint16)


def _quality(small: Luma) -> int:
    down = np.abs(np.trunc(np.diff(small, axis=0) * 100 / 255)).sum()
    across = np.abs(np.trunc(np.diff(small, axis=1) * 100 / 255)).sum()
    return min(100, int(down + across) // 90)
