"""Finds fenced code in a text that grows, however the text arrives."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HEAD_CHARS = 256  # of a line; a fence, its indentation and the language all lie within
_PREFIX = r"[ \t]*(?:>[ \t]*|(?:[-*+]|\d{1,9}[.)])[ \t]+)*"
_MAY_BECOME_FENCE = re.compile(r"[ \t>*+\-\d.)]*(?:\Z|`|~)")
_OPENING = re.compile(rf"({_PREFIX})(`{{3,}}|~{{3,}})(.*)", re.DOTALL)
_CLOSING = re.compile(r"([ \t>]*)(`{3,}|~{3,})([ \t\r]*)\Z")
_LANGUAGE = re.compile(r"[ \t]*\{?[ \t]*\.?([\w+#-]*)")
_ANY_RUN = re.compile(r"```|~~~")


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """One fenced block.

    Attributes:
        start: Offset of the first character of the code.
        stop: Offset behind its last character, where the line of the closing fence begins; None while it is open.
        language: First word of the info string, lower case; empty when there is none.
        is_closed: Whether a closing fence was seen.
    """

    start: int
    stop: int | None
    language: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class _Fence:
    mark: str
    length: int
    indent: int


class FenceTracker:
    """Finds code blocks in text that is fed in pieces; cutting the text elsewhere changes nothing.

    A fence may be indented by up to three spaces. Deeper indentation, list markers and `>` are taken as those of
    a list item or quotation that the block lies in. Work is linear in the text; a piece without fence
    characters costs about a microsecond.

    Source:
        CommonMark 0.31, section 4.5.
    """

    __slots__ = ("_block", "_fence", "_head", "_length", "_line_start", "_tail_has_tick", "_tail_is_blank")

    def __init__(self) -> None:
        self._length = 0
        self._line_start = 0
        self._head: str | None = ""  # start of the unfinished line; None once it cannot be a fence
        self._tail_has_tick = False
        self._tail_is_blank = True
        self._fence: _Fence | None = None
        self._block: CodeBlock | None = None

    @property
    def open_block(self) -> CodeBlock | None:
        """The block that is open now, if any."""
        return self._block

    @property
    def settled(self) -> int:
        """Offset up to which further text cannot change what is code: an unfinished line may become a fence."""
        return self._length if self._head is None else self._line_start

    def feed(self, text: str) -> tuple[CodeBlock, ...]:
        """Take the next piece and return the blocks that it closes, in order."""
        base = self._length
        self._length += len(text)
        first = text.find("\n")
        if first < 0:
            if self._head is not None:
                self._grow(text)
            return ()
        closed: list[CodeBlock] = []
        if self._head is not None:
            self._grow(text[:first])
            self._finish_line(base + first + 1, closed)
        last = text.rfind("\n")
        if first < last:
            self._whole_lines(text, first + 1, last, base, closed)
        self._begin_line(base + last + 1)
        self._grow(text[last + 1 :])
        return tuple(closed)

    def end(self) -> tuple[CodeBlock, ...]:
        """Return the last block when the text ends inside it or with its closing fence."""
        closed: list[CodeBlock] = []
        was_open = self._block is not None
        self._finish_line(self._length, closed)
        if self._block is not None and was_open:
            closed.append(CodeBlock(self._block.start, self._length, self._block.language, is_closed=False))
        self._block = self._fence = self._head = None
        return tuple(closed)

    def _whole_lines(self, text: str, start: int, stop: int, base: int, closed: list[CodeBlock]) -> None:
        at = start
        while (run := _ANY_RUN.search(text, at, stop)) is not None:
            line = max(text.rfind("\n", at, run.start()) + 1, at)
            at = text.index("\n", run.end()) + 1
            self._begin_line(base + line)
            self._grow(text[line : at - 1])
            self._finish_line(base + at, closed)

    def _begin_line(self, start: int) -> None:
        self._line_start = start
        self._head = ""
        self._tail_has_tick = False
        self._tail_is_blank = True

    def _grow(self, piece: str) -> None:
        head = self._head
        if head is None or not piece:
            return
        room = _HEAD_CHARS - len(head)
        if room > 0:
            head += piece[:room]
            self._head = head if _MAY_BECOME_FENCE.match(head) else None
            piece = piece[room:]
        if piece:
            self._tail_has_tick = self._tail_has_tick or "`" in piece
            self._tail_is_blank = self._tail_is_blank and not piece.strip(" \t\r")

    def _finish_line(self, next_line: int, closed: list[CodeBlock]) -> None:
        head = self._head
        if not head:
            return
        if self._fence is None:
            self._try_open(head, next_line)
        elif self._closes(head, self._fence) and self._block is not None:
            closed.append(CodeBlock(self._block.start, self._line_start, self._block.language, is_closed=True))
            self._fence = self._block = None

    def _try_open(self, head: str, code_start: int) -> None:
        opening = _OPENING.match(head)
        if opening is None:
            return
        prefix, run, info = opening.groups()
        if run[0] == "`" and ("`" in info or self._tail_has_tick):
            return
        language = _LANGUAGE.match(info)
        self._fence = _Fence(run[0], len(run), len(prefix.expandtabs(4)))
        self._block = CodeBlock(code_start, None, language[1].lower() if language else "", is_closed=False)

    def _closes(self, head: str, fence: _Fence) -> bool:
        closing = _CLOSING.match(head)
        if closing is None or not self._tail_is_blank:
            return False
        prefix, run, _ = closing.groups()
        is_near = len(prefix.expandtabs(4)) <= max(3, fence.indent)
        return is_near and run[0] == fence.mark and len(run) >= fence.length
