"""What a text hides in encodings: escapes, spaced letters, base64, hex, ROT13 and tag characters."""

from __future__ import annotations

import binascii
import codecs
import re
from base64 import b64decode
from collections.abc import Iterator, Sequence

import re2

from leeward.domain.view import Layer

MAX_DEPTH = 2
MAX_RUNS = 8  # runs of one encoding that are looked at in one text
MAX_RUN_CHARS = 8_192  # a longer run is data, not a message
MAX_DECODED_CHARS = 16_384  # of all decodings of one text together

_ESCAPE_CUE = r"(?i:%[0-9a-f]{2}|&#[0-9x]|\\[ux][0-9a-f{])"
# Random characters change case or kind within a few steps; long words do not.
_BASE64_CUE = (
    r"(?:[a-z][A-Z0-9+/]|[A-Z0-9+/]{2}[a-z])[A-Za-z0-9+/_-]{8}|[A-Za-z0-9+/_-]{12}(?:[a-z][A-Z0-9]|[A-Z]{2}[a-z])"
)
_HEX_CUE = r"(?i:[0-9a-f]{16}|(?:[0-9a-f]{2}[ :,-]{1,2}){5})"
_SPACED_CUE = r"(?:^|[^\pL\pN])(?:\pL[ ._*\-|]{1,3}){4}\pL(?:[^\pL\pN]|$)"
# Words that English text in ROT13 can hardly avoid: the, and, you, your, ignore, rules, system, prompt, all.
_ROT13_CUE = r"(?i:\b(?:gur|naq|lbh|lbhe|vtaber|ehyrf|flfgrz|cebzcg|vafgehpgvbaf?|nyy|rot-?13)\b)"
CUES = f"{_ESCAPE_CUE}|{_BASE64_CUE}|{_HEX_CUE}|{_SPACED_CUE}|{_ROT13_CUE}"
"""Pattern (RE2) without which a text holds none of these encodings."""

_ESCAPE = re.compile(
    r"((?:%[0-9A-Fa-f]{2})+)|(\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2})"
    r"|&#(?:x([0-9A-Fa-f]{2,6})|([0-9]{2,7}));|\\u\{?([0-9A-Fa-f]{4,6})\}?|\\x([0-9A-Fa-f]{2})"
)
_BASE64 = re2.compile(r"[A-Za-z0-9+/_-]{16,}={0,2}")
_HEX = re2.compile(r"(?i)\b(?:0x)?(?:[0-9a-f]{2}){8,}\b|\b(?:0x)?[0-9a-f]{2}(?:[ :,-]{1,2}(?:0x)?[0-9a-f]{2}){5,}\b")
_SPACED = re2.compile(r"(?:^|[^\pL\pN])(\pL(?:[ ._*\-|]{1,3}\pL){4,})(?:[^\pL\pN]|$)")
_ROT13 = re2.compile(_ROT13_CUE)
_ANY = re2.compile(CUES)
_TAGS = re.compile("[\U000e0020-\U000e007e]+")
_DECODED = str.maketrans({chr(0xE0000 + point): chr(point) for point in range(0x20, 0x7F)})
_COMMON = re.compile(r"(?i)\b(?:the|and|you|your|all|to|of|is|me|a|in|my|no|rules?|system|prompt|ignore)\b")


def decodings(text: str, plain: Layer) -> tuple[Layer, ...]:
    """Return what is hidden in `text`, each with a map back to it; at most two encodings deep.

    Args:
        text: The source text; tag characters are read from it.
        plain: Its plain reading; every other encoding is read from that.
    """
    if _ANY.search(plain.text) is None and _TAGS.search(text) is None:
        return ()
    found: list[Layer] = []
    budget = MAX_DECODED_CHARS
    pending = [(0, plain)]
    pending.extend((1, layer) for layer in tags_in(text))
    found.extend(layer for _, layer in pending[1:])
    while pending:
        depth, layer = pending.pop(0)
        for deeper in _decode(layer) if depth < MAX_DEPTH else ():
            budget -= len(deeper.text)
            if budget < 0:
                return tuple(found)
            found.append(deeper)
            pending.append((depth + 1, deeper))
    return tuple(found)


def _decode(layer: Layer) -> Iterator[Layer]:
    if not layer.text:
        return
    yield from _escapes(layer)
    if layer.kind == "url":
        yield from _escaped_tags(layer)
    yield from _spaced(layer)
    yield from _hex(layer)
    yield from _base64(layer)
    yield from _rot13(layer)


def reads_as_text(text: str) -> bool:
    """Whether `text` is more likely writing than chance: printable, and mostly letters and spaces."""
    if len(text) < 6 or not text.replace("\n", " ").replace("\r", " ").replace("\t", " ").isprintable():
        return False
    wordy = sum(char.isalpha() or char == " " for char in text)
    return wordy * 10 >= len(text) * 7 and sum(char == "\ufffd" for char in text) == 0


def _at(layer: Layer, position: int) -> int:
    return position + layer.base if layer.offsets is None else layer.offsets[position]


def _sourced(kind: str, text: str, positions: Sequence[int], layer: Layer) -> Layer:
    """Return a layer whose characters came from `positions` (one more than characters) of `layer.text`."""
    return Layer(kind, text, [_at(layer, position) for position in positions])


def tags_in(text: str) -> Iterator[Layer]:
    """Yield what tag characters spell in `text`, if it holds any."""
    runs = list(_TAGS.finditer(text))
    if runs:
        positions = [at for run in runs for at in range(run.start(), run.end())]
        decoded = "".join(run[0] for run in runs)[:MAX_RUN_CHARS].translate(_DECODED)
        positions = positions[: len(decoded)]
        yield Layer("tags", decoded, [*positions, positions[-1] + 1])


def _escaped_tags(layer: Layer) -> Iterator[Layer]:
    for tags in tags_in(layer.text):
        assert tags.offsets is not None
        yield _sourced(tags.kind, tags.text, tags.offsets, layer)


def _escapes(layer: Layer) -> Iterator[Layer]:
    text = layer.text
    pieces: list[str] = []
    positions: list[int] = []
    last = 0
    for match in _ESCAPE.finditer(text):
        decoded = _unescaped(match)
        if decoded is None:
            continue
        pieces.append(text[last : match.start()])
        positions.extend(range(last, match.start()))
        pieces.append(decoded)
        step = (match.end() - match.start()) / len(decoded)
        positions.extend(match.start() + int(step * at) for at in range(len(decoded)))
        last = match.end()
    if pieces:
        pieces.append(text[last:])
        positions.extend(range(last, len(text) + 1))
        yield _sourced("url", "".join(pieces), positions, layer)


def _unescaped(match: re.Match[str]) -> str | None:
    percent, pair, hexadecimal, decimal, unicode_escape, byte = match.groups()
    if percent:
        decoded = bytes.fromhex(percent.replace("%", "")).decode("utf-8", "replace")
        return None if "\ufffd" in decoded else decoded
    if pair:
        high, low = int(pair[2:6], 16), int(pair[8:12], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + low - 0xDC00)
    point = int(decimal) if decimal else int(hexadecimal or unicode_escape or byte, 16)
    return chr(point) if 0x20 <= point < 0xD800 or 0xE000 <= point < 0x110000 else None


def _spaced(layer: Layer) -> Iterator[Layer]:
    text = layer.text
    pieces: list[str] = []
    positions: list[int] = []
    last = 0
    for match in _SPACED.finditer(text):
        start, stop = match.span(1)
        pieces.append(text[last:start])
        positions.extend(range(last, start))
        for at in range(start, stop):
            gap = not text[at].isalpha()
            if not gap or (text[at - 1].isalpha() and not text[at + 1].isalpha()):
                pieces.append(" " if gap else text[at])
                positions.append(at)
        last = stop
    if pieces:
        pieces.append(text[last:])
        positions.extend(range(last, len(text) + 1))
        yield _sourced("spaced", "".join(pieces), positions, layer)


def _hex(layer: Layer) -> Iterator[Layer]:
    for start, stop in _runs(_HEX, layer.text):
        digits = re.sub(r"0[xX]|[ :,-]", "", layer.text[start:stop])
        yield from _bytes_layer("hex", bytes.fromhex(digits[: len(digits) // 2 * 2]), start, stop, layer)


def _base64(layer: Layer) -> Iterator[Layer]:
    for start, stop in _runs(_BASE64, layer.text):
        run = layer.text[start:stop].rstrip("=").replace("-", "+").replace("_", "/")
        run = run[: len(run) - 1] if len(run) % 4 == 1 else run
        try:
            decoded = b64decode(run + "=" * (-len(run) % 4), validate=True)
        except binascii.Error:
            continue
        yield from _bytes_layer("base64", decoded, start, stop, layer)


def _runs(pattern: re2._Regexp[str], text: str) -> Iterator[tuple[int, int]]:
    for count, match in enumerate(pattern.finditer(text)):
        if count >= MAX_RUNS:
            return
        start, stop = match.span()
        if stop - start <= MAX_RUN_CHARS:
            yield start, stop


def _bytes_layer(kind: str, decoded: bytes, start: int, stop: int, layer: Layer) -> Iterator[Layer]:
    try:
        text = decoded.decode("utf-8")
    except UnicodeDecodeError:
        return
    if not reads_as_text(text):
        return
    step = (stop - start) / len(text)
    yield _sourced(kind, text, [*(start + int(step * at) for at in range(len(text))), stop], layer)


def _rot13(layer: Layer) -> Iterator[Layer]:
    if layer.kind == "rot13" or _ROT13.search(layer.text) is None:
        return
    text = codecs.encode(layer.text, "rot13")
    if reads_as_text(text) and _COMMON.search(text) is not None:
        yield Layer("rot13", text, layer.offsets, layer.base)
