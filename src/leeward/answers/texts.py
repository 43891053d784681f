"""Texts by language."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import msgspec

LANGUAGES: Final = (
    "en", "fr", "de", "es", "it", "pt", "nl", "pl", "ro", "cs", "sv", "da", "fi", "el",
    "hu", "bg", "uk", "ru", "tr", "ar", "he", "hi", "zh", "ja", "ko", "vi", "id", "th",
)  # fmt: skip

# Languages that readers of another one understand better than English.
_NEAREST: Final = {
    "nb": "da", "no": "da", "nn": "da", "sk": "cs", "gl": "pt", "ca": "es", "be": "ru", "ms": "id",
    "yue": "zh", "wuu": "zh", "iw": "he", "mk": "bg", "af": "nl", "lb": "de", "eu": "es", "oc": "fr",
}  # fmt: skip


class Texts(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The texts of one language; see texts.toml for what each is for."""

    refusal: str
    stopped: str
    unchecked: str
    care: str
    self_harm: str
    restricted: str
    throttled: str
    suspended: str
    code: str
    safer: str
    doubt: str
    note: str
    held: str
    help: str
    emergency: str
    directory: str


@cache
def _all() -> dict[str, Texts]:
    raw = files("leeward.answers").joinpath("texts.toml").read_bytes()
    return msgspec.toml.decode(raw, type=dict[str, Texts])


def texts_in(language: str) -> Texts:
    """Return the texts of `language`, of the nearest language that has some, or English."""
    texts = _all()
    return texts.get(language) or texts.get(_NEAREST.get(language, "en")) or texts["en"]
