"""The picture that stands in for a known one."""

from __future__ import annotations

import io

from PIL import Image

from leeward.playground.picture import SIDE_PIXELS, picture


def test_the_picture_is_a_png_that_others_can_read():
    image = Image.open(io.BytesIO(picture()))
    image.load()

    assert (image.format, image.size, image.mode) == ("PNG", (SIDE_PIXELS, SIDE_PIXELS), "RGB")


def test_the_picture_has_the_same_bytes_each_time():
    picture.cache_clear()
    first = picture()
    picture.cache_clear()

    assert first == picture()
