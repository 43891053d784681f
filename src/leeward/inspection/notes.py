"""Where notes go: behind the line that they are about, each thing noted once."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.verdict import Firing
from leeward.domain.view import Span


@dataclass(slots=True)
class _Note:
    behind: int  # position that the note must stand behind; -1 means at the end of the part
    firings: list[Firing]


class NoteBook:
    """Collects the notes that are due in one part and says where each belongs.

    A note stands behind the line in which its passage ends, so that it never splits a sentence or a line of code.
    """

    __slots__ = ("_noted", "_waiting")

    def __init__(self) -> None:
        self._waiting: list[_Note] = []
        self._noted: list[Firing] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def add(self, firing: Firing, *, behind: int = -1) -> None:
        """Note `firing` behind position `behind`, unless an overlapping window saw the same thing before."""
        if any(_same(old, firing) for old in self._noted):
            return
        self._noted.append(firing)
        for note in self._waiting:
            if note.behind == behind:
                note.firings.append(firing)
                return
        self._waiting.append(_Note(behind, [firing]))
        self._waiting.sort(key=lambda note: (note.behind < 0, note.behind))

    def place(self, text: str, base: int, released: int, *, ended: bool) -> int | None:
        """Return where the next note belongs, or None while that cannot be told.

        Args:
            text: The text at hand.
            base: Position of its first character in the part.
            released: Position up to which text has left; a note cannot stand before it.
            ended: Whether no more text will come.
        """
        if not self._waiting:
            return None
        behind = self._waiting[0].behind
        if behind >= 0:
            if released > behind and released > base and text[released - 1 - base] == "\n":
                return released  # the line has ended, and all of it has left
            line_end = text.find("\n", max(behind, released) - base)
            if line_end >= 0:
                return base + line_end + 1
        return base + len(text) if ended else None

    def take(self) -> tuple[Firing, ...]:
        """Return the firings of the next note; it is due no longer."""
        return tuple(self._waiting.pop(0).firings)


def _same(old: Firing, new: Firing) -> bool:
    if old.rule != new.rule or old.finding is None or new.finding is None:
        return False
    if old.finding.hazard != new.finding.hazard:
        return False
    first, second = old.finding.span, new.finding.span
    return first == second or _touch(first, second)


def _touch(first: Span | None, second: Span | None) -> bool:
    return first is not None and second is not None and first.overlaps(second)
