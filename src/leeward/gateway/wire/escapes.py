"""JSON strings as a person reads them: escapes hide text from detectors, so they are undone and redone."""

from __future__ import annotations

import re
from typing import Final

# A pair is consumed whole, so the backslash of `\\u0069` never starts an escape of its own.
_ESCAPE = re.compile(r"\\(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|.)", re.DOTALL)
_UNFINISHED = re.compile(
    r"\\(?:u[0-9a-fA-F]{0,3}|u[dD][89abAB][0-9a-fA-F]{2}(?:\\(?:u(?:[dD](?:[c-fC-F][0-9a-fA-F]?)?)?)?)?)?\Z"
)
_WHITE: Final = {"n": "\n", "r": "\r", "t": "\t", "/": "/"}
_RAW_WHITE: Final = str.maketrans("\n\r\t", "   ")
_BACK: Final = str.maketrans({"\n": "\\n", "\r": "\\r", "\t": "\\t"})
_KEPT_SURROGATE = range(0xD800, 0xE000)


def read_escapes(text: str) -> str:
    r"""Return JSON text with `\uXXXX`, `\n`, `\r`, `\t` and `\/` undone.

    Escapes without which the text would no longer be JSON stay: quotes, backslashes, control characters, lone
    surrogates. Line breaks and tabs between values become spaces, so that the ones read always stand in a string.
    """
    text = text.translate(_RAW_WHITE)
    return _ESCAPE.sub(_read, text) if "\\" in text else text


def write_escapes(text: str) -> str:
    """Return what `read_escapes` would read as `text`."""
    return text.translate(_BACK)


def _read(match: re.Match[str]) -> str:
    body = match.group(1)
    if body[0] != "u" or len(body) == 1:
        return _WHITE.get(body, match.group())
    if len(body) > 5:
        high, low = int(body[1:5], 16), int(body[7:], 16)
        return chr(0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00))
    code = int(body[1:], 16)
    if code in _KEPT_SURROGATE or code in (0x22, 0x5C):
        return match.group()
    if code < 0x20:
        return {0x0A: "\n", 0x0D: "\r", 0x09: "\t"}.get(code, match.group())
    return chr(code)


class EscapeReader:
    """`read_escapes` over text that arrives in pieces; holds back an escape that is cut in two."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = ""

    def feed(self, text: str) -> str:
        """Return what can be read so far."""
        text = self._held + text
        self._held = ""
        if "\\" not in text[-12:]:
            return read_escapes(text)
        cut = _unfinished_at(text)
        self._held = text[cut:]
        return read_escapes(text[:cut])

    def end(self) -> str:
        """Return what was held back."""
        held, self._held = self._held, ""
        return read_escapes(held)


def _unfinished_at(text: str) -> int:
    """Return where an escape starts that the end of `text` cuts; its length when there is none."""
    match = _UNFINISHED.search(text, max(0, len(text) - 12))
    while match:
        if _is_escape_start(text, match.start()):
            return match.start()
        match = _UNFINISHED.search(text, match.start() + 1)
    return len(text)


def _is_escape_start(text: str, at: int) -> bool:
    run = at
    while run > 0 and text[run - 1] == "\\":
        run -= 1
    return (at - run) % 2 == 0
