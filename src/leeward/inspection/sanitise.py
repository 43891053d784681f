"""Sanitising: flagged spans go, everything else stays as it was, and what remains is marked as data when asked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leeward.domain.view import Span, Stage
from leeward.inspection.normalise_tables import INVISIBLE_CLASS, MARK_CLASS

PLACEHOLDER = "[removed]"
OPENING, CLOSING = "<untrusted-data>", "</untrusted-data>"
JSON_KEY = "untrusted_data"
DATAMARK = "\u02c6"  # stands for white space between words of data; Hines et al. (2024), arXiv:2403.14720

_UNSEEN = re.compile(f"[{INVISIBLE_CLASS}]")
_TRAILING = re.compile(f"[{INVISIBLE_CLASS}{MARK_CLASS}]")  # marks belong to the character before them
_JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
_JSON_ESCAPE = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.", re.DOTALL
)
_LINE = re.compile(r"[^\n\r]+")
# What a line of code or markup needs around its words: signs of comments, strings and list items.
_LINE_START = re.compile(r"\s*(?:(?:#+|//+|/\*+|\*+(?!/)|--+|<!--|;+|%+|\"\"\"|'''|[-+*>](?=\s))[ \t]*)*[\"'`]?")
_LINE_ENDS = ("*/", "-->", '"""', "'''")
_QUOTES = frozenset("\"'`")
_FORGED = re.compile(r"<(?=/?untrusted-data>)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\n\r]+")


class Spotlight(StrEnum):
    """How untrusted text that remains is told apart from orders."""

    NONE = "none"
    DELIMIT = "delimit"  # stands between two marks
    DATAMARK = "datamark"  # has a mark in place of every white space


@dataclass(frozen=True, slots=True)
class Cut:
    """A span of the text that goes.

    Attributes:
        replacement: What stands in its place; None means nothing.
    """

    span: Span
    replacement: str | None = None


@dataclass(frozen=True, slots=True)
class Sanitised:
    """A text without its flagged spans.

    Attributes:
        removed: What went, in characters of the text before; in order, disjoint.
        notes: What was done, for the record; never quotes the text.
    """

    text: str
    removed: tuple[Span, ...]
    notes: tuple[str, ...] = ()


_DATA_STAGES = frozenset({Stage.TOOL_RESULT, Stage.DOCUMENT})


def sanitise(text: str, cuts: Sequence[Cut], *, stage: Stage, scheme: Spotlight = Spotlight.NONE) -> Sanitised:
    """Return `text` without the cut spans; text outside of them stays as it was, but for the spotlight.

    JSON stays JSON: cuts are made inside its strings only. In other text the signs of comments, strings and lines
    that a cut covers stay, so that code and markup still parse. Invisible characters in and beside a cut go with it.
    Sanitising the result again changes nothing.

    Args:
        text: What was examined; the spans of the cuts count its characters.
        cuts: What to remove; may overlap.
        stage: Where the text comes from; tool results and documents are spotlighted.
        scheme: How they are.
    """
    is_json = _is_json(text)
    pieces = _disjoint(_json_pieces(text, cuts) if is_json else _text_pieces(text, cuts))
    result, notes = _without(text, pieces), []
    if pieces:
        notes.append(f"removed {len(pieces)} span(s)")
        if is_json and not _is_json(result):
            result = json.dumps(PLACEHOLDER)
            notes.append("replaced the whole, which would not have been JSON any more")
        elif not _UNSEEN.sub("", result).strip():
            result = PLACEHOLDER
    if scheme is not Spotlight.NONE and stage in _DATA_STAGES and result:
        result = _spotlit(result, scheme)
        notes.append(f"spotlighted: {scheme.value}")
    return Sanitised(result, tuple(piece.span for piece in pieces), tuple(notes))


def _is_json(text: str) -> bool:
    """Whether `text` is a JSON object, array or string."""
    if text.lstrip()[:1] not in ("{", "[", '"'):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json_pieces(text: str, cuts: Sequence[Cut]) -> Iterator[Cut]:
    """Yield the parts of the cuts that lie inside strings, whole escapes only."""
    for match in _JSON_STRING.finditer(text):
        start, stop = match.start() + 1, match.end() - 1
        for cut in cuts:
            begin, end = max(cut.span.start, start), min(cut.span.stop, stop)
            if begin < end:
                begin, end = _whole_escapes(text, start, begin, end)
                begin, end = _with_unseen(text, begin, end, start, stop)
                replacement = json.dumps(cut.replacement or "")[1:-1]
                if begin == start and end == stop and not replacement:
                    replacement = PLACEHOLDER
                if text[begin:end] != replacement:
                    yield Cut(Span(begin, end), replacement)


def _whole_escapes(text: str, start: int, begin: int, end: int) -> tuple[int, int]:
    for escape in _JSON_ESCAPE.finditer(text, start, end + 12):
        if escape.start() >= end:
            break
        if escape.start() < begin < escape.end():
            begin = escape.start()
        if escape.start() < end < escape.end():
            end = escape.end()
    return begin, end


def _text_pieces(text: str, cuts: Sequence[Cut]) -> Iterator[Cut]:
    """Yield the parts of the cuts that are words: line by line, without the signs that hold a line together."""
    for cut in cuts:
        replacement = cut.replacement
        for line in _LINE.finditer(text, cut.span.start, min(cut.span.stop, len(text))):
            begin, end = _words_of(text, line.start(), line.end())
            if begin < end:
                begin, end = _with_unseen(text, begin, end, 0, len(text))
                yield Cut(Span(begin, end), replacement or _joint(text, begin, end))
                replacement = None


def _words_of(text: str, start: int, stop: int) -> tuple[int, int]:
    opened = _LINE_START.match(text, start, stop)
    begin = opened.end() if opened is not None else start
    stop = _rstripped(text, begin, stop)
    ending = next((ending for ending in _LINE_ENDS if text.endswith(ending, begin, stop)), "")
    stop = _rstripped(text, begin, stop - len(ending))
    return begin, stop - 1 if begin < stop and text[stop - 1] in _QUOTES else stop


def _rstripped(text: str, begin: int, stop: int) -> int:
    while stop > begin and text[stop - 1].isspace():
        stop -= 1
    return stop


def _joint(text: str, begin: int, end: int) -> str:
    """A blank where two words would otherwise become one."""
    return " " if text[begin - 1 : begin].isalnum() and text[end : end + 1].isalnum() else ""


def _with_unseen(text: str, begin: int, end: int, least: int, most: int) -> tuple[int, int]:
    while begin > least and _UNSEEN.match(text, begin - 1):
        begin -= 1
    while end < most and _TRAILING.match(text, end):
        end += 1
    return begin, end


def _disjoint(pieces: Iterable[Cut]) -> list[Cut]:
    """Return the pieces in order, those that overlap made one with the first replacement."""
    united: list[Cut] = []
    for piece in sorted(pieces, key=lambda piece: (piece.span.start, -piece.span.stop)):
        last = united[-1] if united else None
        if last is not None and piece.span.start < last.span.stop:
            span = Span(last.span.start, max(last.span.stop, piece.span.stop))
            united[-1] = Cut(span, last.replacement or piece.replacement)
        else:
            united.append(piece)
    return united


def _without(text: str, pieces: Sequence[Cut]) -> str:
    kept: list[str] = []
    last = 0
    for piece in pieces:
        kept.append(text[last : piece.span.start])
        kept.append(piece.replacement or "")
        last = piece.span.stop
    return "".join((*kept, text[last:]))


def _spotlit(text: str, scheme: Spotlight) -> str:
    is_json = _is_json(text)
    if scheme is Spotlight.DATAMARK:
        return _JSON_STRING.sub(lambda string: _marked(string[0]), text) if is_json else _marked(text)
    if is_json:
        return text if _is_wrapped_json(text) else f'{{"{JSON_KEY}": {text.strip()}}}'
    inner = text
    if text.startswith(OPENING) and text.endswith(CLOSING):
        inner = text[len(OPENING) : -len(CLOSING)].removeprefix("\n").removesuffix("\n")
    # A closing mark inside the data would let it end the passage itself.
    return f"{OPENING}\n{_FORGED.sub('(', inner)}\n{CLOSING}"


def _marked(text: str) -> str:
    return _SPACE.sub(DATAMARK, text)


def _is_wrapped_json(text: str) -> bool:
    value = json.loads(text)
    return isinstance(value, dict) and list(value) == [JSON_KEY]
