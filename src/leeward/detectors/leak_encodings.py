"""Base64 and hex in part of a reply: a window may begin anywhere in a run, and lines may break it."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import dataclass

import re2

from leeward.domain.view import Layer, Span

_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{40,}(?:\s{1,2}[A-Za-z0-9+/_-]{8,}){0,40}={0,2}")
_HEX = re2.compile(r"(?:[0-9A-Fa-f]{2}[ :\n]?){32,}")
_NO_DIGIT = re.compile(r"[^0-9A-Fa-f]")
_MOST_RUNS = 4


@dataclass(frozen=True, slots=True)
class Encoded:
    """What a run spells, read from one of the places where a letter may begin; `span` is where it stands."""

    text: str
    span: Span
    kind: str


def encoded_in(plain: Layer) -> Iterator[Encoded]:
    """Yield what runs of base64 and hex spell, from every place where the first letter may begin."""
    text = plain.text
    for count, run in enumerate(_BASE64.finditer(text)):
        if count >= _MOST_RUNS:
            break
        letters = "".join(run[0].split()).rstrip("=").replace("-", "+").replace("_", "/")
        for shift in range(4):
            yield Encoded(_base64(letters[shift:]), plain.source(*run.span()), "base64")
    for count, run in enumerate(_HEX.finditer(text)):
        if count >= _MOST_RUNS:
            break
        digits = _NO_DIGIT.sub("", run[0])
        for shift in range(2):
            whole = digits[shift : shift + (len(digits) - shift) // 2 * 2]
            yield Encoded(bytes.fromhex(whole).decode("utf-8", "ignore"), plain.source(*run.span()), "hex")


def _base64(letters: str) -> str:
    whole = letters[: len(letters) // 4 * 4]
    try:
        return b64decode(whole).decode("utf-8", "ignore")
    except binascii.Error:
        return ""
