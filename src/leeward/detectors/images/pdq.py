"""PDQ, a perceptual hash of images: 256 bits that recompression and resizing hardly change."""

from __future__ import annotations

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
PASSES: Final = 2
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
    small = _shrinking(rows) @ luma @ _shrinking(columns).T
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
    raw = bytes.fromhex(digits)
    if len(raw) != BITS // 8:
        raise ValueError("a PDQ hash has 64 hexadecimal digits")
    return np.frombuffer(raw, dtype=">u2")[::-1].astype(np.uint16)


@lru_cache(maxsize=64)
def _shrinking(length: int) -> Luma:
    """Return the matrix [64, `length`] that blurs a side with two box filters and then takes 64 samples."""
    window = -(-length // (2 * SIDE))
    ahead = (window + 2) // 2 - 1
    behind = window - ahead - 1
    away = np.arange(length)[None, :] - np.arange(length)[:, None]
    box = ((away >= -behind) & (away <= ahead)).astype(np.float64)
    box /= box.sum(axis=1, keepdims=True)
    blurred = box[((np.arange(SIDE) + 0.5) * length / SIDE).astype(np.intp)]
    for _ in range(PASSES - 1):
        blurred = blurred @ box
    return blurred


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
