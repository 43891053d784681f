"""The stream machine: text in, steps out; it reads no socket and no clock.

What must live here: where windows lie, what may leave and when, where a note is due, when to stop. What it must not
know: detectors, rules beyond a verdict, wire formats, languages of notes. Text arrives in pieces of any size; nothing
that the machine answers may depend on where the pieces were cut.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from leeward.domain.disposition import Disposition
from leeward.domain.verdict import Cause, Firing, Verdict
from leeward.domain.view import Layer, Span, Stage, View
from leeward.domain.withheld import Instructions
from leeward.inspection.codewatch import CodeView, CodeWatch
from leeward.inspection.notes import NoteBook
from leeward.inspection.steps import Annotate, Done, Examine, NeedText, Release, Step, Stop
from leeward.inspection.tally import Tally
from leeward.inspection.windows import CodePlan, WindowPlan

Identify = Callable[[str], str]
"""Tells the language of a text."""
Read = Callable[[str], tuple[Layer, ...]]
"""Gives the readings of a text."""

# A text seldom changes its language; after so many characters it is asked again, and after each unsure answer.
_SAME_LANGUAGE_CHARS = 1_000

_NEED_TEXT = NeedText()


@dataclass(frozen=True, slots=True, kw_only=True)
class PartPlan:
    """How one part of an exchange is inspected.

    Attributes:
        stage: Stage of the windows.
        windows: Where windows lie.
        part: JSON path, for views and firings.
        code: How code is examined; None when no rule asks about code.
        is_code: Whether the whole part is code, as in a code completion.
        code_language: Language of a part that is all code; empty when unknown.
        holds_to_end: Whether nothing may leave before all of it is examined.
        is_watched: Whether any rule asks about this stage; if none does, text leaves as it comes.
        context: What was said before the part.
        instructions: What a reply must not repeat.
    """

    stage: Stage
    windows: WindowPlan
    part: str = ""
    code: CodePlan | None = None
    is_code: bool = False
    code_language: str = ""
    holds_to_end: bool = False
    is_watched: bool = True
    context: str = ""
    instructions: Instructions | None = None


class StreamMachine:
    """Decides what of one part may leave, and when.

    Feed it with `feed` and `end`, ask `next_step`, and answer each `Examine` with `settle` before asking again.

    Args:
        plan: How the part is inspected.
        identify: Tells the language of a view's text.
        read: Gives the readings of a view's text.
    """

    __slots__ = (
        "_asked",
        "_base",
        "_code",
        "_code_view",
        "_edits",
        "_ended",
        "_examined",
        "_identify",
        "_is_over",
        "_language",
        "_language_from",
        "_notes",
        "_plan",
        "_read",
        "_released",
        "_stopped",
        "_tally",
        "_text",
    )

    def __init__(self, plan: PartPlan, identify: Identify, read: Read) -> None:
        self._plan = plan
        self._identify = identify
        self._read = read
        self._language = "und"
        self._language_from = -_SAME_LANGUAGE_CHARS
        self._text = ""
        self._base = 0  # position of _text[0] in the part
        self._examined = 0  # every window that ends here or before is settled
        self._released = 0
        self._ended = False
        self._stopped: Verdict | None = None
        self._is_over = False
        self._tally = Tally()
        self._notes = NoteBook()
        self._edits: list[tuple[Span, str]] = []  # what a reply must not show, in order
        self._code = CodeWatch(plan.code, is_code=plan.is_code, language=plan.code_language) if plan.code else None
        self._code_view: CodeView | None = None
        self._asked: Examine | None = None

    @property
    def seen_chars(self) -> int:
        """Characters fed so far."""
        return self._base + len(self._text)

    @property
    def released_chars(self) -> int:
        """Characters of the source that were let go."""
        return self._released

    @property
    def is_over(self) -> bool:
        """Whether the last step, `Stop` or `Done`, was given."""
        return self._is_over

    def is_ready(self) -> bool:
        """Whether there may be something to do; cheap, so that most pieces of a stream cost next to nothing."""
        if self._notes or self._ended or not self._plan.is_watched or (self._code is not None and self._code.is_busy):
            return True
        return self._base + len(self._text) >= self._plan.windows.end_after(self._examined)

    def verdict(self) -> Verdict:
        """Return the join of all views settled so far."""
        return self._tally.verdict()

    def feed(self, text: str) -> None:
        """Take the next piece of text."""
        if self._ended:
            raise ValueError("the part has ended")
        self._text += text
        if self._code is not None:
            self._code.feed(text)

    def end(self) -> None:
        """Say that no more text will come."""
        self._ended = True
        if self._code is not None:
            self._code.end()

    def next_step(self) -> Step:
        """Return what to do next."""
        if self._asked is not None:
            return self._asked
        if self._stopped is not None:
            self._is_over = True
            return Stop(self._stopped)
        view = self._next_view()
        if view is not None:
            self._asked = Examine(view)
            return self._asked
        return self._let_go()

    def settle(self, verdict: Verdict) -> None:
        """Take the verdict on the view that was to be examined."""
        if self._asked is None:
            raise ValueError("no view was to be examined")
        view, self._asked = self._asked.view, None
        self._tally.add(verdict)
        if self._code_view is not None and self._code is not None:
            self._code.settle(self._code_view)
        else:
            self._examined = view.start + len(view.text)
        if verdict.firings:
            self._act_on(verdict, view)
        self._code_view = None

    # Views ----------------------------------------------------------------------------------------------------

    def _next_view(self) -> View | None:
        if not self._plan.is_watched:
            return None
        seen = self._base + len(self._text)
        end = self._plan.windows.end_after(self._examined)
        if seen >= end:
            start = self._plan.windows.start_of(end)
            return self._view(start, end, self._plan.stage, self._ended and seen == end)
        if self._ended and self._examined < seen:
            start = self._plan.windows.last_start(seen, self._examined)
            return self._view(start, seen, self._plan.stage, True)
        due = self._code.due() if self._code is not None else None
        if due is None:
            return None
        self._code_view = due
        return self._view(due.start, due.stop, Stage.CODE, due.is_closed, due.language)

    def _view(self, start: int, stop: int, stage: Stage, is_final: bool, code_language: str = "") -> View:
        text = self._text[start - self._base : stop - self._base]
        if stage is not Stage.CODE and (self._language == "und" or start >= self._language_from + _SAME_LANGUAGE_CHARS):
            self._language, self._language_from = self._identify(text), start
        layers = self._read(text)
        plan = self._plan
        return View(
            text, stage, plan.part, start, is_final, self._language, code_language, layers,
            context=plan.context, instructions=plan.instructions,
        )  # fmt: skip

    # Verdicts -------------------------------------------------------------------------------------------------

    def _act_on(self, verdict: Verdict, view: View) -> None:
        if verdict.disposition.stops:
            self._stopped = self._tally.verdict()
            return
        for firing in verdict.firings:
            if firing.disposition is Disposition.SANITIZE:
                self._edit(firing)
            elif firing.disposition is Disposition.ANNOTATE and firing.cause is Cause.FINDING:
                self._note(firing, view)

    def _edit(self, firing: Firing) -> None:
        span = firing.finding.span if firing.finding else None
        if firing.finding is None or span is None:
            # There is nothing to cut at, and what should be sanitised must not pass as it is.
            self._stopped = self._tally.verdict()
            return
        if all(span != known for known, _ in self._edits):
            self._edits.append((span, firing.finding.replacement or ""))
            self._edits.sort(key=lambda edit: (edit[0].start, edit[0].stop))

    def _note(self, firing: Firing, view: View) -> None:
        if view.stage is Stage.CODE:
            # A note inside code would break it: it waits for the block to close, when the block is seen again.
            if view.is_final:
                self._notes.add(firing, behind=view.start + len(view.text))
        elif firing.finding is not None and firing.finding.span is not None:
            self._notes.add(firing, behind=firing.finding.span.stop)
        else:
            self._notes.add(firing)

    # Release --------------------------------------------------------------------------------------------------

    def _let_go(self) -> Step:
        limit = self._limit()
        if self._notes:
            place = self._notes.place(self._text, self._base, self._released, ended=self._ended)
            if place is not None and place <= limit:
                if self._released < place:
                    return self._release(place)
                return Annotate(self._notes.take())
        if self._released < limit:
            return self._release(limit)
        if self._ended:
            self._is_over = True
            return Done(self._tally.verdict())
        return _NEED_TEXT

    def _limit(self) -> int:
        """Return the position up to which text may leave: examined, and out of every detector's reach."""
        seen = self._base + len(self._text)
        if self._ended or not self._plan.is_watched:
            return seen  # `_next_view` had nothing left, so all of it is examined
        if self._plan.holds_to_end:
            return self._released
        limit = self._examined - self._plan.windows.reach_chars
        if self._code is not None:
            unexamined = self._code.limit()
            if unexamined is not None:
                limit = min(limit, unexamined)
        return max(limit, self._released)

    def _release(self, stop: int) -> Release:
        start, self._released = self._released, stop
        text = self._edited(start, stop) if self._edits else self._text[start - self._base : stop - self._base]
        self._forget()
        return Release(text)

    def _edited(self, start: int, stop: int) -> str:
        pieces, at, cut, put = [], start, start, ""
        for span, replacement in self._edits:
            if span.stop <= at or span.start >= stop:
                continue
            pieces.append(self._text[at - self._base : max(span.start, at) - self._base])
            # Windows overlap, so one passage may have been found twice: one replacement stands for all of it.
            if span.start >= start and not (span.start < cut and replacement == put):
                pieces.append(replacement)
            at = min(span.stop, stop)
            cut, put = span.stop, replacement
        pieces.append(self._text[at - self._base : stop - self._base])
        self._edits = [edit for edit in self._edits if edit[0].stop > stop]
        return "".join(pieces)

    def _forget(self) -> None:
        """Drop text that no later view, note or release needs; in strides, since dropping copies the rest."""
        keep = self._released
        if self._plan.is_watched:
            keep = min(keep, self._plan.windows.start_of(self._examined))
        if self._code is not None:
            wanted = self._code.keeps_from()
            if wanted is not None:
                keep = min(keep, wanted)
        if keep - self._base > 4_096:
            self._text = self._text[keep - self._base :]
            self._base = keep
