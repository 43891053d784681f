from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance, ImageOps

from harmless_pictures import encoded, picture
from leeward.detectors.image_hash import SETTING, ImageHash
from leeward.detectors.images.decoding import Unreadable, frames
from leeward.detectors.images.pdq import pdq, to_hex
from leeward.domain.finding import NOTHING, Finding
from leeward.domain.view import Stage, View

_SIZE = (640, 480)
_KNOWN = picture(3, *_SIZE)


def _view(image: bytes) -> View:
    return View("", Stage.IMAGE, "messages[0].content[1]", image=image)


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> ImageHash:
    folder = tmp_path_factory.mktemp("lists")
    (luma,) = frames(encoded(_KNOWN))
    (folder / "likeness.csv").write_text(f"hash,quality\n{to_hex(pdq(luma).variants[0])},100\n")
    opened = ImageHash(folder)
    opened.open()
    return opened


def _seen(detector: ImageHash, image: bytes) -> Finding | None:
    findings = detector.examine(_view(image)).findings
    assert len(findings) <= 1
    return findings[0] if findings else None


def _changed() -> dict[str, bytes]:
    width, height = _SIZE
    clear = _KNOWN.convert("RGBA")
    clear.putalpha(254)
    return {
        "as it is": encoded(_KNOWN),
        "strongly compressed": encoded(_KNOWN, "JPEG", quality=30),
        "in another format": encoded(_KNOWN, "WEBP", quality=40),
        "half as large": encoded(_KNOWN.resize((width // 2, height // 2))),
        "a thumbnail": encoded(_KNOWN.resize((160, 120)), "JPEG"),
        "four times as large": encoded(_KNOWN.resize((width * 4, height * 4)), "JPEG"),
        "of another shape": encoded(_KNOWN.resize((500, 500))),
        "cut by a few pixels": encoded(_KNOWN.crop((3, 3, width - 3, height - 3))),
        "brighter": encoded(ImageEnhance.Brightness(_KNOWN).enhance(1.2)),
        "darker": encoded(ImageEnhance.Brightness(_KNOWN).enhance(0.6)),
        "without colour": encoded(_KNOWN.convert("L")),
        "pale": encoded(ImageEnhance.Contrast(_KNOWN).enhance(0.3)),
        "nearly flat": encoded(ImageEnhance.Contrast(_KNOWN).enhance(0.04)),
        "mirrored": encoded(ImageOps.mirror(_KNOWN)),
        "upside down": encoded(ImageOps.flip(_KNOWN)),
        "turned left": encoded(_KNOWN.transpose(Image.Transpose.ROTATE_90)),
        "turned right and mirrored": encoded(_KNOWN.transpose(Image.Transpose.TRANSVERSE), "JPEG"),
        "slightly transparent": encoded(clear),
    }


@pytest.mark.parametrize(("change", "image"), _changed().items(), ids=_changed().keys())
def test_a_known_picture_is_found(detector: ImageHash, change: str, image: bytes) -> None:
    found = _seen(detector, image)

    assert found is not None, change
    assert found.hazard == "image.known"
    assert found.confidence >= 0.9
    assert "list likeness.csv" in found.evidence


@pytest.mark.parametrize("seed", [1, 2, *range(4, 24)])
def test_another_picture_is_not(detector: ImageHash, seed: int) -> None:
    assert detector.examine(_view(encoded(picture(seed, *_SIZE)))) == NOTHING


@pytest.mark.parametrize("colour", ["black", "white", "grey"])
def test_a_flat_picture_is_not(detector: ImageHash, colour: str) -> None:
    assert detector.examine(_view(encoded(Image.new("RGB", _SIZE, colour)))) == NOTHING


def test_a_picture_hidden_in_a_late_frame_is_found(detector: ImageHash) -> None:
    frames_before = [picture(seed, 320, 240) for seed in range(10, 20)]

    animation = encoded(
        frames_before[0], "GIF", save_all=True, append_images=[*frames_before[1:], _KNOWN.resize((320, 240))]
    )

    assert _seen(detector, animation) is not None


def test_a_picture_shown_only_through_transparency_is_found(detector: ImageHash) -> None:
    """What a person sees is the alpha channel over white; the colours below it are all black."""
    veiled = Image.new("RGBA", _SIZE, "black")
    veiled.putalpha(ImageOps.invert(_KNOWN.convert("L")))

    assert _seen(detector, encoded(veiled)) is not None


@pytest.mark.parametrize("kind", ["md5", "sha1", "sha256"])
def test_a_file_is_known_by_its_digest_even_when_it_is_no_image(tmp_path: Path, kind: str) -> None:
    stand_in = b"a harmless stand-in"
    (tmp_path / "exact.csv").write_text(f"{kind}\n{hashlib.new(kind, stand_in).hexdigest()}\n")
    detector = ImageHash(tmp_path)
    detector.open()

    found = _seen(detector, stand_in)

    assert found is not None
    assert (1.0, ("list exact.csv", kind)) == (found.confidence, found.evidence)


@pytest.mark.parametrize("image", [b"", b"no image", encoded(_KNOWN)[:5_000]])
def test_what_could_not_be_looked_at_is_not_called_clean(detector: ImageHash, image: bytes) -> None:
    with pytest.raises(Unreadable):
        detector.examine(_view(image))


def test_without_lists_it_says_that_it_compares_with_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv(SETTING, raising=False)
    detector = ImageHash()

    with caplog.at_level(logging.INFO):
        detector.open()

    assert detector.lists == ()
    assert "0 known hashes" in caplog.text
    assert detector.examine(_view(encoded(_KNOWN))) == NOTHING


def test_the_environment_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a" * 32)
    monkeypatch.setenv(SETTING, str(tmp_path))
    detector = ImageHash()

    detector.open()

    assert [one.name for one in detector.lists] == ["a.txt"]
