"""Comments in code and markup, so that one of which nothing is left goes with its signs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from leeward.inspection.edits import EditKind, Piece

# A sign of a comment opens a line or stands behind a blank; `http://` and `C#` are none.
_LINE_COMMENT = re.compile(r"(?:^|(?<=[\s;{}]))(?:#+|//+|--)(?=[ \t!]|[^\W\d_])", re.MULTILINE)
_BLOCKS = (("/*", "*/"), ("<!--", "-->"))
_SIGNS = re.compile(r"[\s#/*!<>;-]*")
_LONGEST = 20_000
_INDENT = 200


def without_empty_comments(text: str, pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces, those that leave nothing of a comment but its signs widened to all of it.

    Args:
        pieces: In order, disjoint.
    """
    result = list(pieces)
    for start, stop in (*_block_comments(text, pieces), *_line_comments(text, pieces)):
        inside = [piece for piece in result if start <= piece.start and piece.stop <= stop]
        if not inside or any(piece.put.strip() for piece in inside) or not _is_empty(text, start, stop, inside):
            continue
        begin, end = _with_its_room(text, start, stop)
        joint = " " if text[begin - 1 : begin].isalnum() and text[end : end + 1].isalnum() else ""
        result = [piece for piece in result if piece.stop <= begin or piece.start >= end]
        result.append(Piece(begin, end, joint, EditKind.COMMENT))
        result.sort(key=lambda piece: piece.start)
    return result


def _is_empty(text: str, start: int, stop: int, pieces: Sequence[Piece]) -> bool:
    """Whether signs and blanks are all that is left of a comment."""
    last = start
    for begin, end in (*((piece.start, piece.stop) for piece in pieces), (stop, stop)):
        left = _SIGNS.match(text, last, begin)
        if left is None or left.end() < begin:
            return False
        last = end
    return True


def _with_its_room(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return a comment with its line when it has it for itself, else with the blanks before it."""
    begin, end = start, stop
    while begin > 0 and text[begin - 1] in " \t":
        begin -= 1
    while end < len(text) and text[end] in " \t":
        end += 1
    opens = begin == 0 or text[begin - 1] == "\n"
    closes = end == len(text) or text[end] in "\r\n"
    if opens and closes:
        if text.startswith("\r\n", end):
            return begin, end + 2
        return begin, min(end + 1, len(text))
    return (begin, end) if closes else (start, stop)


def _block_comments(text: str, pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    for opening, closing in _BLOCKS:
        last = -1
        for piece in pieces:
            start = text.rfind(opening, max(0, piece.start - _LONGEST), piece.start + len(opening))
            if start < 0 or start <= last:
                continue
            stop = text.find(closing, max(start + len(opening), piece.stop - len(closing)), piece.stop + _LONGEST)
            first = text.find(closing, start + len(opening), piece.start)
            if stop >= 0 and first < 0:
                last = start
                yield start, stop + len(closing)


def _line_comments(text: str, pieces: Sequence[Piece]) -> Iterator[tuple[int, int]]:
    for piece in pieces:
        line = text.rfind("\n", 0, piece.start) + 1
        end = text.find("\n", piece.start)
        end = len(text) if end < 0 else end
        end -= text.startswith("\r", end - 1) if end > piece.start else 0
        sign = next(
            (
                match.start()
                for match in _LINE_COMMENT.finditer(text, max(line, piece.start - _INDENT), min(end, piece.start + 4))
                if match.start() >= piece.start or not text[match.end() : piece.start].strip()
            ),
            None,
        )
        if sign is not None and sign <= piece.start:
            yield sign, end
