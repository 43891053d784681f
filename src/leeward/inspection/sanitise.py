"""Sanitising: flagged spans go, everything else stays as it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leeward.domain.view import Span
from leeward.inspection.comments import without_empty_comments
from leeward.inspection.edits import PLACEHOLDER, Cut, Edit, EditKind, Kept, Piece, apply, disjoint
from leeward.inspection.json_strings import JsonString, is_json, json_regions, strings_in
from leeward.inspection.normalise_tables import INVISIBLE_CLASS, MARK_CLASS

_UNSEEN = re.compile(f"[{INVISIBLE_CLASS}]")
_ALL_UNSEEN = re.compile(f"[{INVISIBLE_CLASS}]*")
_TRAILING = re.compile(f"[{INVISIBLE_CLASS}{MARK_CLASS}]")  # marks belong to the character before them
_LINE = re.compile(r"[^\n\r]+")
# What a line of code or markup needs around its words: signs of comments, strings and list items.
_LINE_START = re.compile(r"\s*(?:(?:#+|//+|/\*+|\*+(?!/)|--+|<!--|;+|%+|\"\"\"|'''|[-+*>](?=\s))[ \t]*)*[\"'`]?")
_LINE_ENDS = ("*/", "-->", '"""', "'''")
_QUOTES = frozenset("\"'`")
_FENCE = re.compile(r"[ \t]{0,3}(?:```|~~~)")
# Tags hold a page together. One that is not of HTML, or whose attributes could hold a sentence, goes with the rest.
_VALUE = r"(?:\"[^\"\s]{0,60}(?: [^\"\s]{0,20})?\"|'[^'\s]{0,60}(?: [^'\s]{0,20})?'|[^\s\"'<>]{1,60})"
_NAMES = (
    "a|abbr|article|aside|b|blockquote|body|br|button|caption|code|dd|details|div|dl|dt|em|figcaption|figure|font|footer"
    "|form|h[1-6]|head|header|hr|html|i|iframe|img|input|label|li|link|main|meta|nav|ol|option|p|pre|script|section"
    "|select|small|span|strong|style|sub|summary|sup|table|tbody|td|tfoot|th|thead|title|tr|u|ul"
)
_TAG = re.compile(rf"(?i:</?(?:{_NAMES})(?:\s+[\w:-]{{1,20}}={_VALUE}){{0,4}}\s*/?>)|<!--|-->|/\*|\*/")


@dataclass(frozen=True, slots=True)
class Sanitised:
    """A text without its flagged spans.

    Attributes:
        edits: What was done, in characters of the text before; in order, disjoint.
        kept: Where what is left came from.
    """

    text: str
    edits: tuple[Edit, ...]
    kept: Kept

    @property
    def removed(self) -> tuple[Span, ...]:
        """What went or was replaced."""
        return tuple(edit.span for edit in self.edits)


def sanitise(text: str, cuts: Sequence[Cut]) -> Sanitised:
    """Return `text` without the cut spans; text outside of them stays as it was.

    JSON stays JSON, also inside other text and inside JSON strings: cuts are made within its strings only. In other
    text the signs of strings, lines, tags and fences that a cut covers stay, so that code and markup still parse; a
    comment of which nothing else is left goes with its signs. Invisible characters in and beside a cut go with it.

    Args:
        text: What was examined; the spans of the cuts count its characters.
        cuts: What to remove; may overlap.
    """
    pieces = _pieces(text, [cut for cut in cuts if cut.span.start < min(cut.span.stop, len(text))])
    result, kept = apply(text, pieces)
    if pieces and _is_bare(result):
        return _replaced(text, PLACEHOLDER)
    if pieces and is_json(text) and not is_json(result):
        return _replaced(text, json.dumps(PLACEHOLDER))
    return Sanitised(result, tuple(Edit(Span(piece.start, piece.stop), piece.kind) for piece in pieces), kept)


def replaced(text: str) -> Sanitised:
    """Return a placeholder for all of `text`, which stays JSON if it was."""
    return _replaced(text, json.dumps(PLACEHOLDER) if is_json(text) else PLACEHOLDER)


def _replaced(text: str, put: str) -> Sanitised:
    result, kept = apply(text, [Piece(0, len(text), put, EditKind.REPLACED)])
    return Sanitised(result, (Edit(Span(0, len(text)), EditKind.REPLACED),), kept)


def _is_bare(text: str) -> bool:
    return not _UNSEEN.sub("", text).strip()


def _pieces(text: str, cuts: Sequence[Cut]) -> list[Piece]:
    pieces: list[Piece] = []
    outside, last = [], 0
    for start, stop in json_regions(text, [cut.span for cut in cuts]):
        pieces.extend(_json_pieces(text, start, stop, cuts))
        outside.append((last, start))
        last = stop
    for start, stop in (*outside, (last, len(text))):
        for cut in cuts:
            begin, end = max(cut.span.start, start), min(cut.span.stop, stop)
            if begin < end:
                pieces.extend(_text_pieces(text, begin, end, cut, (start, stop)))
    return without_empty_comments(text, disjoint(pieces))


def _json_pieces(text: str, start: int, stop: int, cuts: Sequence[Cut]) -> Iterator[Piece]:
    """Yield what goes inside the strings of a JSON text; each string is a text of its own."""
    for string in strings_in(text, start, stop, [cut.span for cut in cuts]):
        inner = [
            Cut(span, cut.replacement, cut.is_encoded) for cut in cuts if (span := string.inside(cut.span)) is not None
        ]
        pieces = _pieces(string.text, inner)
        if pieces and _is_bare(apply(string.text, pieces)[0]):
            kind = pieces[0].kind if len(pieces) == 1 else EditKind.CUT
            pieces = [Piece(0, len(string.text), PLACEHOLDER, kind)]
        yield from (_outer(string, piece) for piece in pieces if string.text[piece.start : piece.stop] != piece.put)


def _outer(string: JsonString, piece: Piece) -> Piece:
    span = string.source(piece.start, piece.stop)
    return Piece(span.start, span.stop, string.escaped(piece.put), piece.kind)


def _text_pieces(text: str, start: int, stop: int, cut: Cut, room: tuple[int, int]) -> Iterator[Piece]:
    """Yield the parts of a cut that are words: line by line, without the signs that hold a line together."""
    put = cut.replacement
    for begin, end in _runs_of_words(text, start, stop):
        begin, end = _with_unseen(text, begin, end, *room)
        kind = EditKind.REPLACED if put else _kind(text, begin, end, cut)
        yield Piece(begin, end, put or _joint(text, begin, end), kind)
        put = None


def _kind(text: str, start: int, stop: int, cut: Cut) -> EditKind:
    if _ALL_UNSEEN.fullmatch(text, start, stop) is not None:
        return EditKind.HIDDEN
    return EditKind.ENCODED if cut.is_encoded else EditKind.CUT


def _runs_of_words(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    for line in _LINE.finditer(text, start, stop):
        opens = line.start() == 0 or text[line.start() - 1] in "\r\n"
        if opens and _FENCE.match(text, line.start(), line.end()) is not None:
            continue
        last = line.start()
        for begin, end in (*(tag.span() for tag in _TAG.finditer(text, *line.span())), (line.end(), line.end())):
            run = _words_of(text, last, begin)
            if run[0] < run[1]:
                yield run
            last = end


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
