"""Finds the operator's instructions in a reply, by a canary and by long runs of the same letters."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from leeward.detectors.compact import compact, places, word_around
from leeward.detectors.instruction_words import weight_of
from leeward.detectors.leak_encodings import Encoded, encoded_in
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Span, Stage, View
from leeward.domain.withheld import Instructions

HAZARD = "injection.leak"
_PLACEHOLDER = "[removed]"
_MESSAGE = "Repeats instructions that the operator gave the model."
_CANARY_MESSAGE = "Holds the mark that was put into the operator's instructions."
_CANARY_CONFIDENCE = 0.99

# In runs of `Instructions.size` characters: measured with benchmarks/instruction_leaks.py.
_LEAST_SCORE = 3.0  # letters that tell the model what to do
_LEAST_PLAIN = 12.0  # letters of any kind; below the default threshold
_LEAST_UNBROKEN = 1.5  # the longest piece without a change, of what tells the model what to do
_WIDEST_GAP = 1.5  # changed letters between two pieces
_LEAST_DENSITY = 0.5  # unchanged letters among all of a run
_PLAIN_CONFIDENCE = 0.45
# Between letters of a verbatim run every fourth position is enough to notice it.
_STRIDE = 4


@dataclass(frozen=True, slots=True)
class _Run:
    """A stretch of a compact text that matches, with few changes in it."""

    start: int
    stop: int
    covered: int
    score: float
    unbroken: int


class InstructionLeak:
    """Finds long overlap of a reply with the instructions of its exchange, and the canary in them.

    What the caller said themself does not count, nor what instructions put in quotation marks: that is to be said.

    Source:
        Schleimer, Wilkerson, Aiken (2003), Winnowing: document fingerprinting by runs of characters.
    """

    info = DetectorInfo(
        id="instruction-leak",
        hazards=(HAZARD,),
        stages=(Stage.REPLY,),
        reach_chars=128,
        budget_seconds=0.05,
    )

    def open(self) -> None:
        """Read the words by which orders are known; what to look for comes with each view."""
        weight_of("")

    def examine(self, view: View) -> Reading:
        """Return one finding for each run of instructions; one without a span when the canary is there."""
        kept = view.instructions
        if kept is None:
            return NOTHING
        encoded = list(encoded_in(view.plain))
        findings = list(_canary(view, encoded, kept)) if kept.marks else []
        if kept.grams:
            findings.extend(_similar(view, encoded, kept))
        return Reading(tuple(findings)) if findings else NOTHING


def _canary(view: View, encoded: Sequence[Encoded], kept: Instructions) -> Iterator[Finding]:
    texts = [compact(layer.text) for layer in (view.folded, *view.layers[2:])]
    texts.extend(compact(one.text) for one in encoded)
    bare = "".join(view.text.split())
    if any(mark in text for mark in kept.marks for text in texts) or any(mark in bare for mark in kept.encoded_marks):
        yield Finding(hazard=HAZARD, confidence=_CANARY_CONFIDENCE, message=_CANARY_MESSAGE, evidence=("canary",))


def _similar(view: View, encoded: Sequence[Encoded], kept: Instructions) -> Iterator[Finding]:
    for layer in (view.folded, *view.layers[2:]):
        low = layer.text if layer is view.folded else _as_long_lower(layer.text)
        text = compact(low)
        for run, confidence in _sure_runs(text, kept):
            at = places(low)
            start, stop = word_around(low, at[run.start], at[run.stop - 1] + 1)
            for begin, end in _between_quotes(low, start, stop):
                yield _finding(layer.source(begin, end), confidence, layer.kind)
    for one in encoded:
        best = max((confidence for _, confidence in _sure_runs(compact(one.text), kept)), default=0.0)
        if best:
            yield _finding(one.span, best, one.kind)


def _finding(span: Span, confidence: float, kind: str) -> Finding:
    return Finding(
        hazard=HAZARD,
        confidence=confidence,
        span=span,
        message=_MESSAGE,
        evidence=("similarity", kind),
        replacement=_PLACEHOLDER,
    )


def _as_long_lower(text: str) -> str:
    low = text.lower()
    return low if len(low) == len(text) else "".join(char.lower()[0] for char in text)


def _between_quotes(text: str, start: int, stop: int) -> Iterator[tuple[int, int]]:
    """Yield the pieces of a run between double quotes: a cut across them would break JSON."""
    for piece in text[start:stop].split('"'):
        begin = start + len(piece) - len(piece.lstrip(" ,:\\"))
        end = start + len(piece.rstrip(" ,:\\"))
        if any(char.isalnum() for char in piece):
            yield begin, end
        start += len(piece) + 1


def _sure_runs(text: str, kept: Instructions) -> Iterator[tuple[_Run, float]]:
    size, grams = kept.size, kept.grams
    last = len(text) - size
    if not any(text[at : at + size] in grams for at in range(0, last + 1, _STRIDE)):
        return
    matches = [(at, weight) for at in range(last + 1) if (weight := grams.get(text[at : at + size])) is not None]
    said = kept.said()
    own = [(at, weight) for at, weight in matches if text[at : at + size] not in said]
    for run in _runs(own, size):
        confidence = _confidence(run, size)
        if confidence:
            yield run, confidence


def _runs(matches: Sequence[tuple[int, float]], size: int) -> Iterator[_Run]:
    """Yield the stretches between gaps that are too wide, with what of them matches."""
    group: list[tuple[int, float]] = []
    for match in matches:
        if group and match[0] - (group[-1][0] + size) > _WIDEST_GAP * size:
            yield _run(group, size)
            group = []
        group.append(match)
    if group:
        yield _run(group, size)


def _run(group: Sequence[tuple[int, float]], size: int) -> _Run:
    covered, score, unbroken, longest, end = 0, 0.0, 0, 0, group[0][0]
    for at, weight in group:
        fresh = at + size - max(at, end)
        unbroken = 0 if not weight else unbroken + fresh if at <= end else fresh
        longest = max(longest, unbroken)
        covered += fresh
        score += fresh * weight
        end = at + size
    return _Run(group[0][0], end, covered, score, longest)


def _confidence(run: _Run, size: int) -> float:
    """Return how sure a run is a leak, 0 when it is too short or too loose."""
    if run.covered < _LEAST_DENSITY * (run.stop - run.start):
        return 0.0
    over = run.score / size - _LEAST_SCORE
    if over >= 0 and run.unbroken >= _LEAST_UNBROKEN * size:
        return round(min(0.99, 0.6 + 0.05 * over), 3)
    return _PLAIN_CONFIDENCE if run.covered >= _LEAST_PLAIN * size else 0.0
