"""Looks and cuts in turn, until nothing is left to cut."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from leeward.domain.disposition import Disposition
from leeward.domain.verdict import CLEAR, Cause, Firing, Verdict, join
from leeward.domain.view import Span
from leeward.inspection.edits import Cut, Edit, EditKind, Kept
from leeward.inspection.sanitise import Sanitised, replaced, sanitise

MOST_ROUNDS = 4  # looks at one text; each finds what stood behind the one before
# Honest text beside an order looks the more suspicious the oftener a classifier is asked: only what is as sure as this
# is cut after the first look.
SURE_AGAIN = 0.8


def cuts_of(verdict: Verdict) -> list[Cut]:
    """Return what a verdict wants cut."""
    return [
        Cut(span=f.finding.span, replacement=f.finding.replacement, is_encoded=f.finding.hazard.endswith(".encoded"))
        for f in verdict.firings
        if f.disposition is Disposition.SANITIZE
        and f.cause is Cause.FINDING
        and f.finding is not None
        and f.finding.span is not None
    ]


class Cleaning:
    """A text on its way from what came to what may be passed on.

    Attributes:
        text: As it now stands.
        verdict: Over all looks; its spans count characters of the source.
        edits: What was done to the source so far, in order.
        is_over: Whether nothing more is to be looked at.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.verdict = CLEAR
        self.edits: tuple[Edit, ...] = ()
        self.is_over = False
        self._ways: list[Kept] = []

    def take(self, verdict: Verdict) -> None:
        """Take the verdict on `text` as it stands and cut what it flags."""
        if self._ways:
            verdict = _sure(verdict)
        self.verdict = join((self.verdict, self._sourced(verdict)))
        cuts = [] if verdict.disposition.stops else cuts_of(verdict)
        if not cuts:
            self.is_over = True
            return
        clean = sanitise(self.text, cuts)
        if clean.text == self.text or len(self._ways) + 1 >= MOST_ROUNDS:
            # What should be sanitised must not pass as it is, nor what nobody would look at any more.
            clean = replaced(self.text)
        self._follow(clean)
        self.is_over = clean.text == replaced(clean.text).text

    def _follow(self, clean: Sanitised) -> None:
        told = [Edit(self._source(edit.span), edit.kind) for edit in clean.edits]
        self.edits = tuple(_united([*self.edits, *told]))
        self._ways.append(clean.kept)
        self.text = clean.text

    def _source(self, span: Span) -> Span:
        for way in reversed(self._ways):
            span = way.span(span)
        return span

    def _sourced(self, verdict: Verdict) -> Verdict:
        if not self._ways or not verdict.firings:
            return verdict
        return replace(verdict, firings=tuple(self._moved(firing) for firing in verdict.firings))

    def _moved(self, firing: Firing) -> Firing:
        if firing.finding is None or firing.finding.span is None:
            return firing
        return replace(firing, finding=replace(firing.finding, span=self._source(firing.finding.span)))


def _sure(verdict: Verdict) -> Verdict:
    """Return the verdict without what it would cut but is not sure of."""
    firings = tuple(
        f
        for f in verdict.firings
        if f.disposition is not Disposition.SANITIZE or f.finding is None or f.finding.confidence >= SURE_AGAIN
    )
    if len(firings) == len(verdict.firings):
        return verdict
    disposition = max((f.disposition for f in firings), default=Disposition.PASS)
    return replace(verdict, firings=firings, disposition=disposition)


def _united(edits: list[Edit]) -> Iterator[Edit]:
    """Yield the edits in order; those that overlap, or lie in one another, are one."""
    last: Edit | None = None
    for edit in sorted(edits, key=lambda edit: (edit.span.start, -edit.span.stop)):
        if last is None or edit.span.start >= last.span.stop:
            if last is not None:
                yield last
            last = edit
        elif edit.span.stop > last.span.stop:
            kind = last.kind if last.kind is edit.kind else EditKind.CUT
            last = Edit(Span(last.span.start, edit.span.stop), kind)
    if last is not None:
        yield last
