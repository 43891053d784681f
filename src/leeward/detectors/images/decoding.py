"""Turns hostile bytes into the brightness of every frame, or says that it could not."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Final

import numpy as np
from PIL import (
    AvifImagePlugin,
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    JpegImagePlugin,
    PngImagePlugin,
    TiffImagePlugin,
    UnidentifiedImageError,
    WebPImagePlugin,
)

from leeward.detectors.images.pdq import LEAST_DIMENSION, Luma

# Importing a decoder registers it; no other is ever tried on hostile bytes. JPEG's opens MPO as well.
_DECODERS: Final = (
    JpegImagePlugin.JpegImageFile,
    PngImagePlugin.PngImageFile,
    GifImagePlugin.GifImageFile,
    WebPImagePlugin.WebPImageFile,
    BmpImagePlugin.BmpImageFile,
    TiffImagePlugin.TiffImageFile,
    AvifImagePlugin.AvifImageFile,
)
FORMATS: Final = tuple(decoder.format for decoder in _DECODERS)
MAX_PIXELS: Final = 50_000_000  # of one frame, before anything is decoded: 200 MB once decoded
MAX_FRAMES: Final = 128
MAX_PIXELS_OF_ALL_FRAMES: Final = 200_000_000
# The hash samples 64x64 points, so a larger image is halved until its shorter side is nearly this.
_ENOUGH: Final = 512
_MOST: Final = 1_024
# ITU-R BT.601, as the publisher of PDQ weighs colours.
_LUMA: Final = np.array([0.299, 0.587, 0.114])
_BACKGROUNDS: Final = ((255, 255, 255, 255), (0, 0, 0, 255))


class Unreadable(Exception):
    """The image could not be looked at as a whole; what is in it is not known."""


def frames(image: bytes) -> Iterator[Luma]:
    """Yield the brightness [rows, columns] of every frame, 0 to 255, in float64.

    Frames of a few pixels, which show nothing, are passed over. A frame with transparency comes three times: without
    it, over white, over black, since what a person sees depends on the page behind it.

    Raises:
        Unreadable: If it is no image of a known format, is cut off, or has more pixels or frames than are
            looked at. May come after frames were given.
    """
    try:
        yield from _frames(image)
    except UnidentifiedImageError as error:
        raise Unreadable("not an image of a known format") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise Unreadable(f"an image may have at most {MAX_PIXELS} pixels") from error
    except (OSError, SyntaxError, ValueError) as error:  # what Pillow's decoders raise on broken files
        raise Unreadable("the image is broken or cut off") from error


def _frames(image: bytes) -> Iterator[Luma]:
    with Image.open(io.BytesIO(image), formats=FORMATS) as opened:
        _check_size(opened.size)
        opened.draft("RGB", (2 * _ENOUGH, 2 * _ENOUGH))
        count = getattr(opened, "n_frames", 1)
        for number in range(min(count, MAX_FRAMES)):
            opened.seek(number)
            _check_size(opened.size)
            if (number + 1) * opened.size[0] * opened.size[1] > MAX_PIXELS_OF_ALL_FRAMES:
                raise Unreadable(f"only {number} of {count} frames were looked at")
            if min(opened.size) >= LEAST_DIMENSION:
                yield from _seen(opened)
    if count > MAX_FRAMES:
        raise Unreadable(f"only {MAX_FRAMES} of {count} frames were looked at")


def _check_size(size: tuple[int, int]) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise Unreadable(f"an image may have at most {MAX_PIXELS} pixels")


def _seen(frame: Image.Image) -> Iterator[Luma]:
    if not frame.has_transparency_data:
        yield _luma(_reduced(frame.convert("RGB")))
        return
    clear = _reduced(frame.convert("RGBA"))
    yield _luma(clear.convert("RGB"))
    if clear.getchannel("A").getextrema()[0] == 255:
        return
    for colour in _BACKGROUNDS:
        page = Image.new("RGBA", clear.size, colour)
        yield _luma(Image.alpha_composite(page, clear).convert("RGB"))


def _reduced(frame: Image.Image) -> Image.Image:
    """Return the frame averaged down as far as the hash does not mind; work stays bounded for thin strips too."""
    common = min(frame.size) // _ENOUGH
    across, down = (max(1, common, side // _MOST) for side in frame.size)
    return frame.reduce((across, down)) if max(across, down) > 1 else frame


def _luma(frame: Image.Image) -> Luma:
    luma: Luma = np.asarray(frame, dtype=np.float64) @ _LUMA
    return luma
