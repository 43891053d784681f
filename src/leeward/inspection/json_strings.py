"""JSON inside a text: where it lies, and its strings as texts with a map back."""

from __future__ import annotations

import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leeward.domain.view import Span

_STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_ESCAPE = re.compile(r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL)
_OPENING = re.compile(r"(?:^|(?<=[\s=:(,>]))[{\[]")
_DECODER = json.JSONDecoder()
# A text is searched for JSON only so often, and only so much is read as one: what is not JSON must not cost more.
_TRIES = 64
_LONGEST = 65_536


def is_json(text: str) -> bool:
    """Whether `text` is a JSON object, array or string."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def json_regions(text: str, spans: Sequence[Span]) -> list[tuple[int, int]]:
    """Return where JSON objects and arrays lie that share a character with `spans`; all of the text if it is one."""
    if not spans:
        return []
    if is_json(text):
        return [(0, len(text))]
    regions: list[tuple[int, int]] = []
    position, last, tries = 0, max(span.stop for span in spans), 0
    while tries < _TRIES and (opening := _OPENING.search(text, position, last)) is not None:
        start = opening.start()
        stop = _end_of(text, start)
        tries += stop < 0
        if any(span.start < stop and start < span.stop for span in spans):
            regions.append((start, stop))
        position = max(stop, start + 1)
    return regions


def _end_of(text: str, start: int) -> int:
    """Return where the JSON value that begins at `start` ends, -1 when none does."""
    try:
        _, length = _DECODER.raw_decode(text[start : start + _LONGEST])
    except (ValueError, RecursionError):
        return -1
    return start + length


@dataclass(frozen=True, slots=True)
class JsonString:
    """A string of a JSON text.

    Attributes:
        text: What it says, its escapes undone.
        offsets: Where each of its characters lies in the JSON text, and where the last one ends.
        is_ascii: Whether letters beyond ASCII were escaped, and should be in what is put in.
    """

    text: str
    offsets: Sequence[int]
    is_ascii: bool

    def source(self, start: int, stop: int) -> Span:
        """Return where `text[start:stop]` lies in the JSON text."""
        return Span(self.offsets[start], self.offsets[stop])

    def inside(self, span: Span) -> Span | None:
        """Return the characters of `text` of which any part lies in `span`; None when there are none."""
        start = max(0, bisect_right(self.offsets, span.start) - 1)
        stop = min(len(self.text), bisect_left(self.offsets, span.stop))
        return Span(start, stop) if start < stop else None

    def escaped(self, text: str) -> str:
        """Return `text` as it is written inside the string."""
        return json.dumps(text, ensure_ascii=self.is_ascii)[1:-1]


def strings_in(text: str, start: int, stop: int, spans: Sequence[Span]) -> Iterator[JsonString]:
    """Yield the strings of the JSON text `text[start:stop]` that share a character with `spans`."""
    for match in _STRING.finditer(text, start, stop):
        begin, end = match.start() + 1, match.end() - 1
        if begin < end and any(span.start < end and begin < span.stop for span in spans):
            yield _string(text, begin, end)


def _string(text: str, start: int, stop: int) -> JsonString:
    said: list[str] = []
    offsets: list[int] = []
    last = start
    for escape in _ESCAPE.finditer(text, start, stop):
        said.append(text[last : escape.start()])
        offsets.extend(range(last, escape.start()))
        char = json.loads(f'"{escape[0]}"')
        said.append(char)
        offsets.append(escape.start())
        last = escape.end()
    said.append(text[last:stop])
    offsets.extend(range(last, stop + 1))
    return JsonString("".join(said), offsets, text.isascii())
