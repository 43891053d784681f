"""Says when code is due to be examined, and how far code may leave."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from leeward.inspection.fences import CodeBlock, FenceTracker
from leeward.inspection.windows import CodePlan


@dataclass(frozen=True, slots=True)
class CodeView:
    """A stretch of code to examine; positions count characters of the part."""

    start: int
    stop: int
    language: str
    is_closed: bool


class CodeWatch:
    """Follows the code of one part.

    A block is examined when it closes, and each `stride_chars` while it grows.

    Args:
        plan: How code is examined.
        is_code: Whether the whole part is code, without fences.
        language: Language of a part that is all code; empty when unknown.
    """

    __slots__ = ("_closed", "_covered", "_ended", "_is_code", "_is_done", "_language", "_plan", "_seen", "_tracker")

    def __init__(self, plan: CodePlan, *, is_code: bool, language: str = "") -> None:
        self._plan = plan
        self._is_code = is_code
        self._language = language
        self._tracker = FenceTracker()
        self._seen = 0
        self._ended = False
        self._is_done = False  # for a part that is all code: its last view is settled
        self._closed: deque[CodeBlock] = deque()  # blocks that ended and whose last view is not settled
        self._covered = 0  # position up to which the current block is settled

    def feed(self, text: str) -> None:
        """Take the next piece of text."""
        self._seen += len(text)
        if not self._is_code:
            self._closed.extend(self._tracker.feed(text))

    def end(self) -> None:
        """Say that no more text will come."""
        self._ended = True
        if not self._is_code:
            self._closed.extend(self._tracker.end())

    @property
    def is_busy(self) -> bool:
        """Whether there is code that is not settled."""
        return self._current() is not None

    def due(self) -> CodeView | None:
        """Return the code to examine now, or None."""
        block = self._current()
        if block is None:
            return None
        is_closed = block.stop is not None or self._ended
        stop = self._settled() if block.stop is None else block.stop
        next_stop = max(self._covered, block.start) + self._plan.stride_chars
        if stop > next_stop:
            stop, is_closed = next_stop, False
        elif not is_closed:
            return None
        start = max(block.start, stop - self._plan.size_chars)
        return CodeView(start, stop, block.language, is_closed)

    def settle(self, view: CodeView) -> None:
        """Take note that `view` was examined."""
        self._covered = view.stop
        if view.is_closed:
            self._is_done = True
            if self._closed:
                self._closed.popleft()

    def limit(self) -> int | None:
        """Return the position at which unexamined code begins, or None when there is none."""
        if not self._plan.holds:
            return None
        block = self._current()
        return None if block is None else max(block.start, self._covered)

    def keeps_from(self) -> int | None:
        """Return the first position that a later view may still need, or None."""
        block = self._current()
        return None if block is None else max(block.start, self._covered - self._plan.size_chars)

    def _settled(self) -> int:
        """Return the position up to which it can no longer change what is code."""
        return self._seen if self._ended or self._is_code else self._tracker.settled

    def _current(self) -> CodeBlock | None:
        if self._is_code:
            is_empty = self._ended and self._seen == 0
            return None if self._is_done or is_empty else CodeBlock(0, None, self._language, is_closed=False)
        return self._closed[0] if self._closed else self._tracker.open_block
