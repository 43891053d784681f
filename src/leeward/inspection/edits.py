"""What sanitising did to a text: places and kinds, never words."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from leeward.domain.view import Span

PLACEHOLDER = "[removed]"


class EditKind(StrEnum):
    """What became of a span."""

    CUT = "cut"  # words went
    COMMENT = "comment"  # a comment went, its signs too
    HIDDEN = "hidden"  # characters went that nobody sees
    ENCODED = "encoded"  # a run of an encoding went
    REPLACED = "replaced"  # something else stands in its place


@dataclass(frozen=True, slots=True)
class Cut:
    """A span of the text that goes.

    Attributes:
        replacement: What stands in its place; None means nothing.
        is_encoded: Whether what makes it go is hidden in an encoding.
    """

    span: Span
    replacement: str | None = None
    is_encoded: bool = False


@dataclass(frozen=True, slots=True)
class Edit:
    """What became of one span of the source."""

    span: Span
    kind: EditKind

    def to_dict(self) -> dict[str, object]:
        """Return the edit as JSON values."""
        return {"span": [self.span.start, self.span.stop], "kind": self.kind.value}


@dataclass(frozen=True, slots=True)
class Piece:
    """A span of the text and what takes its place."""

    start: int
    stop: int
    put: str
    kind: EditKind


@dataclass(frozen=True, slots=True)
class Kept:
    """Where the characters of a text without some pieces came from.

    Attributes:
        starts: Where each run of the result begins.
        sources: Where it began in the text before.
        is_source: Whether it was kept; else it was put in, and `sources` is where the piece began.
        end: Length of the text before.
    """

    starts: tuple[int, ...]
    sources: tuple[int, ...]
    is_source: tuple[bool, ...]
    end: int

    def span(self, span: Span) -> Span:
        """Return where `span` of the result lay in the text before; a text put in lies where its piece lay."""
        start, stop = self._at(span.start), self._at(span.stop - 1) if span.stop > span.start else None
        if stop is None:
            return Span(start, start)
        return Span(start, max(start, stop + 1))

    def _at(self, position: int) -> int:
        run = bisect_right(self.starts, position) - 1
        if run < 0:
            return min(position, self.end)
        step = position - self.starts[run] if self.is_source[run] else 0
        return min(self.sources[run] + step, self.end)


def disjoint(pieces: Iterable[Piece]) -> list[Piece]:
    """Return the pieces in order, those that overlap made one with what the first puts in."""
    united: list[Piece] = []
    for piece in sorted(pieces, key=lambda piece: (piece.start, -piece.stop)):
        last = united[-1] if united else None
        if last is not None and piece.start < last.stop:
            united[-1] = Piece(last.start, max(last.stop, piece.stop), last.put or piece.put, _heavier(last, piece))
        else:
            united.append(piece)
    return united


def _heavier(one: Piece, other: Piece) -> EditKind:
    return max(one, other, key=lambda piece: piece.stop - piece.start).kind


def apply(text: str, pieces: Sequence[Piece]) -> tuple[str, Kept]:
    """Return `text` with the disjoint pieces replaced, and where what is left came from."""
    kept: list[str] = []
    starts: list[int] = []
    sources: list[int] = []
    is_source: list[bool] = []
    last = length = 0
    for start, stop, put in (*((p.start, p.stop, p.put) for p in pieces), (len(text), len(text), "")):
        for run, source, own in ((text[last:start], last, True), (put, start, False)):
            if run:
                kept.append(run)
                starts.append(length)
                sources.append(source)
                is_source.append(own)
                length += len(run)
        last = stop
    return "".join(kept), Kept(tuple(starts), tuple(sources), tuple(is_source), len(text))
