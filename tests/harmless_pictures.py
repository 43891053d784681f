"""Harmless pictures drawn from whole numbers alone, the same on every machine."""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def pattern(seed: int, width: int, height: int) -> NDArray[np.uint8]:
    """Return overlapping soft waves [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.int64)
    x, y = x * 1024 // width, y * 1024 // height
    channels = []
    for channel in range(3):
        total = np.zeros((height, width), dtype=np.int64)
        for wave in range(1, 8):
            across = (seed * 37 + wave * 53 + channel * 11) % 9 - 4
            down = (seed * 29 + wave * 31 + channel * 17) % 7 - 3
            phase = (seed * 97 + wave * 71 + channel * 43) % 1024
            total += np.abs((x * across + y * down + phase) % 1024 - 512)
        channels.append(total % 1024 // 4)
    return np.stack(channels, axis=-1).astype(np.uint8)


def picture(seed: int, width: int = 320, height: int = 240) -> Image.Image:
    """Return overlapping soft waves as an image."""
    return Image.fromarray(pattern(seed, width, height))


def encoded(image: Image.Image, kind: str = "PNG", **options: object) -> bytes:
    """Return the file that `image` makes."""
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()
