"""The harmless picture that stands in for a known image, and the hash list that knows it."""

from __future__ import annotations

import struct
import zlib
from functools import cache
from typing import Final

SIDE_PIXELS: Final = 128
_SIGNATURE: Final = b"\x89PNG\r\n\x1a\n"


@cache
def picture() -> bytes:
    """Return a colour gradient as PNG, the same bytes every time, drawn here and found nowhere else."""
    rows = b"".join(b"\0" + b"".join(_pixel(x, y) for x in range(SIDE_PIXELS)) for y in range(SIDE_PIXELS))
    head = struct.pack(">IIBBBBB", SIDE_PIXELS, SIDE_PIXELS, 8, 2, 0, 0, 0)
    # Stored, not compressed: the bytes must not depend on the version of zlib.
    return _SIGNATURE + _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows, 0)) + _chunk(b"IEND", b"")


def _pixel(x: int, y: int) -> bytes:
    # Waves of different length in both directions, so that a perceptual hash has something to hold on to.
    swell = (x * y // 24) % 64
    return bytes((20 + y // 2 + swell // 4, 70 + x // 2 + swell, 120 + (SIDE_PIXELS - y) // 2 + swell // 2))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
