from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from harmless_pictures import encoded, picture
from leeward.detectors.images.decoding import MAX_FRAMES, Unreadable, frames


def _png_header(width: int, height: int) -> bytes:
    """Return a PNG that claims to be large and holds nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF", "AVIF"])
def test_every_format_is_decoded(kind: str) -> None:
    (luma,) = frames(encoded(picture(1), kind))

    assert luma.shape == (240, 320)
    assert luma.std() > 20


@pytest.mark.parametrize("size", [(8_000, 8_000), (60_000, 60_000), (1_000_000, 100)])
def test_a_decompression_bomb_is_not_decoded(size: tuple[int, int]) -> None:
    with pytest.raises(Unreadable, match="at most"):
        list(frames(_png_header(*size)))


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_a_file_that_is_cut_off_could_not_be_looked_at(kind: str) -> None:
    whole = encoded(picture(1), kind)

    with pytest.raises(Unreadable):
        list(frames(whole[: len(whole) // 2]))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"\x89PNG\r\n\x1a\n"]
)
def test_what_is_no_image_of_a_known_format_could_not_be_looked_at(data: bytes) -> None:
    with pytest.raises(Unreadable):
        list(frames(data))


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP", "TIFF", "AVIF"])
def test_every_frame_of_an_animation_is_given(kind: str) -> None:
    first, *others = (picture(seed, 64, 48) for seed in range(5))

    animation = encoded(first, kind, save_all=True, append_images=others)

    assert len(list(frames(animation))) == 5


def test_an_animation_with_too_many_frames_was_not_looked_at_as_a_whole() -> None:
    first, *others = (Image.new("L", (8, 8), number) for number in range(MAX_FRAMES + 1))
    seen = []

    with pytest.raises(Unreadable, match=f"only {MAX_FRAMES} of {MAX_FRAMES + 1}"):
        seen.extend(frames(encoded(first, "GIF", save_all=True, append_images=others)))


def test_what_transparency_hides_is_seen_on_any_background() -> None:
    hidden = Image.new("RGBA", (64, 64), (0, 0, 0, 255))
    hidden.paste((0, 0, 0, 0), (0, 0, 32, 64))

    as_is, over_white, over_black = frames(encoded(hidden))

    assert as_is.max() == over_black.max() == 0
    assert over_white[:, :32].min() > 250


def test_an_opaque_picture_with_an_alpha_channel_is_looked_at_once() -> None:
    assert len(list(frames(encoded(picture(1).convert("RGBA"))))) == 1


def test_a_spacer_of_a_pixel_shows_nothing() -> None:
    assert list(frames(encoded(Image.new("RGB", (1, 1))))) == []


@pytest.mark.parametrize("size", [(2, 40_000), (5_000, 6), (3_000, 2_000), (1_100, 20_000)])
def test_large_pictures_are_averaged_down(size: tuple[int, int]) -> None:
    for luma in frames(encoded(Image.new("L", size, 77))):
        assert max(luma.shape) < 2_048
        assert np.allclose(luma, 77)
