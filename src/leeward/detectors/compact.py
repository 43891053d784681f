"""A text as its letters and digits alone, so that blanks, quotes, bullets and line breaks make no difference."""

from __future__ import annotations

import re

_RUN = re.compile(r"[^\W_]+")


def compact(text: str) -> str:
    """Return the letters and digits of `text` in lower case."""
    return "".join(_RUN.findall(text.lower()))


def places(text: str) -> list[int]:
    """Return where in `text` each of its letters and digits stands; as long as `compact` of a text in lower case."""
    return [at for run in _RUN.finditer(text) for at in range(run.start(), run.end())]


def word_around(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return `text[start:stop]` widened to whole words."""
    while start and text[start].isalnum() and text[start - 1].isalnum():
        start -= 1
    while 0 < stop < len(text) and text[stop - 1].isalnum() and text[stop].isalnum():
        stop += 1
    return start, stop
