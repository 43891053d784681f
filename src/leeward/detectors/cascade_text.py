"""Finds harmful content, requests and attacks in text: first a quick look, then the encoder where that is unsure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np

from leeward.detectors.cells import cells, sentence_edges
from leeward.detectors.front_text import MESSAGES, SHORT_CEILING, TEXT_STAGES, is_short
from leeward.detectors.lead import OF_THE_WRITER, Lead, lower
from leeward.detectors.looks import Looks
from leeward.detectors.second_opinion import with_second_opinion
from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import DetectorInfo, Judges, Placement
from leeward.domain.view import Layer, Span, Stage, View
from leeward.errors import DetectorError
from leeward.models.encoder import Encoder, Shares
from leeward.models.front import F32
from leeward.models.gate import Gate
from leeward.models.parts import parts

LAYERS = 4  # readings of one view that are always judged, the folded one among them; further ones if not cleared
PASSAGE_CHARS = 240  # sentences that are weighed together; a longer one is weighed in pieces
_NAME = re.compile(r"[\w.:/-]{0,40}", re.ASCII)  # keys, numbers and names in JSON or code are no sentences
_CODES = frozenset({"base64", "hex"})
_SPACED = re.compile(r"(?<![^\W\d_])(?:[^\W\d_][ ._*\-|]{1,3}){4,}[^\W\d_](?![^\W\d_])")
_MESSAGES = {**MESSAGES, "refusal": "reads like a refusal"}


class CascadeText:
    """Scores every text for every hazard; a score is a calibrated probability, not a verdict.

    The front classifier clears what is plainly ordinary. The encoder judges all else: the front never decides
    that a text is harmful.
    """

    info = DetectorInfo(
        id="cascade-text",
        hazards=tuple(_MESSAGES),
        stages=TEXT_STAGES,
        reach_chars=128,
        budget_seconds=5.0,  # the wait for a free thread is in it
        placement=Placement.THREAD,
    )

    def __init__(self) -> None:
        self._gate: Gate | None = None
        self._encoder: Encoder | None = None
        self._looks: Looks | None = None
        self._lead: Lead | None = None
        self._judges: Judges | None = None

    def consult(self, judges: Judges) -> None:
        """Ask `judges` from now on about hazards of which the encoder is unsure; never about a cleared text."""
        self._judges = judges

    def open(self) -> None:
        """Load the weights of both tiers.

        Raises:
            DetectorError: If they cannot be read or name other hazards.
        """
        gate, encoder = Gate.load(), Encoder.load()
        known = set(self.info.hazards)
        if not known <= set(encoder.hazards) or known != {*gate.front.hazards, *gate.also}:
            raise DetectorError(
                "The weights of gate or encoder name other hazards than this version of leeward knows.",
                meaning="Their scores would be taken for something else.",
                remedy="Reinstall leeward, or write the weights anew with training/encoder/export.py.",
            )
        self.use(gate, encoder)

    def use(self, gate: Gate, encoder: Encoder) -> None:
        """Judge with these from now on; `open` calls it with those that ship."""
        self._gate, self._encoder, self._looks = gate, encoder, Looks(encoder)
        self._lead = Lead(gate, encoder, self._looks)

    def glance(self, view: View) -> Reading | None:
        """Return low scores for a text that is plainly ordinary, None for one that the encoder must judge.

        Raises:
            DetectorError: If it was not opened.
        """
        if self._gate is None or self._lead is None:
            raise _not_opened()
        if len(view.layers) > 2:
            return None
        cleared = self._gate.cleared(view.folded.text)
        if cleared is None or self._lead.may_be_open(view):
            return None
        return Reading(scores=cleared)

    def examine(self, view: View) -> Reading:
        """Return a score for each hazard; `explain` says why for those that fire.

        Raises:
            DetectorError: If it was not opened.
        """
        if self._gate is None or self._encoder is None or self._lead is None or self._looks is None:
            raise _not_opened()
        gate, encoder = self._gate, self._encoder
        is_led = self._lead.is_open(view)
        is_hidden = len(view.layers) > 2
        found = [
            part for layer in _readings(gate, view) for part in _unclear(gate, lower(layer.text), is_led, is_hidden)
        ]
        texts = list(dict.fromkeys(found))
        if not texts:
            return Reading(scores=gate.cleared(view.folded.text) or dict.fromkeys(self.info.hazards, 0.0))
        voices = [gate.front.voice(text, encoder.hazards) for text in texts]
        chances = alone = _chances(encoder, self._looks.at(texts), voices, view.language)
        if context := self._lead.context_of(view):
            judged = encoder.judge(texts, [context] * len(texts))
            chances = _chances(encoder, [one.logits for one in judged], voices, view.language)
            if view.stage is not Stage.REPLY:
                places = [encoder.hazards.index(hazard) for hazard in OF_THE_WRITER]
                chances[places] = alone[places]
        if all(map(is_short, texts)):
            chances = np.minimum(chances, SHORT_CEILING)
        scores = dict(zip(encoder.hazards, chances.tolist(), strict=True))
        own = {hazard: scores[hazard] for hazard in self.info.hazards}
        return Reading(scores=own) if self._judges is None else with_second_opinion(self._judges, view, own)

    def explain(self, view: View, hazard: str, confidence: float) -> Finding:
        """Return the finding behind a score: the sentence that spoke most for it, its heaviest pieces, near neighbours.

        This costs as much as the score itself, so it is made only for scores that fire a rule.

        Raises:
            DetectorError: If it was not opened.
        """
        if self._gate is None or self._encoder is None or self._lead is None:
            raise _not_opened()
        context = self._lead.context_of(view)
        if hazard in OF_THE_WRITER and view.stage is not Stage.REPLY:
            context = ""
        return _finding(self._encoder, _readings(self._gate, view), view, hazard, confidence, context)


def _not_opened() -> DetectorError:
    return DetectorError("cascade-text was not opened", remedy="Call open() before examine().")


def _chances(encoder: Encoder, logits: Sequence[F32], voices: Sequence[F32], language: str) -> F32:
    """Return the probability of each hazard in any of some texts [hazards]."""
    return encoder.calibrated(
        np.max([one + voice for one, voice in zip(logits, voices, strict=True)], axis=0), language
    )


def _readings(gate: Gate, view: View) -> Sequence[Layer]:
    """Return the readings of `view` that are judged: the folded one, then what is hidden in encodings."""
    further = [layer for layer in view.layers[LAYERS + 1 :] if gate.cleared(lower(layer.text)) is None]
    return (_without_codes(view), *view.layers[2 : LAYERS + 1], *further)


def _without_codes(view: View) -> Layer:
    """Return the folded reading with blanks where something was decoded: in letters at random anything can be seen."""
    folded = view.folded
    text = folded.text
    runs = [layer.offsets for layer in view.layers[2:] if layer.kind in _CODES and layer.offsets]
    if runs:
        places = folded.offsets or range(folded.base, folded.base + len(text))
        text = "".join(
            " " if any(run[0] <= at < run[-1] for run in runs) else char
            for char, at in zip(text, places, strict=False)  # there is one place more
        )
    if any(layer.kind == "spaced" for layer in view.layers[2:]):
        text = _SPACED.sub(lambda run: " " * len(run[0]), text)
    return folded if text is folded.text else replace(folded, text=text)


def _unclear(gate: Gate, text: str, must: bool, must_short: bool) -> Sequence[str]:
    """Return the parts of `text` that need a second look: those that the gate does not clear.

    Args:
        must: Whether to look at all of them.
        must_short: Whether to look at a text of one part.
    """
    found = [part for part in parts(text) if part.strip()]
    if must or (must_short and len(found) < 2):
        return found
    return [part for part in found if gate.cleared(part) is None]


def _finding(
    encoder: Encoder, readings: Sequence[Layer], view: View, hazard: str, score: float, context: str
) -> Finding:
    texts = [lower(layer.text) for layer in readings]
    number = _strongest(encoder, texts, hazard, context)
    layer, text = readings[number], texts[number]
    start, stop = _strongest_passage(encoder, text, hazard, context)
    shares = encoder.shares(text[start:stop], hazard, context)
    begin, end = _strongest_sentence(encoder, text[start:stop], hazard, context)
    evidence = [
        f"piece at {layer.source(start + place, start + place + 1).start} ({weight:+.1f})"
        for place, weight in _heaviest(text[start:stop], shares)
    ]
    if number:
        evidence.append(f"read from {layer.kind}")
    near = encoder.nearest(encoder.judge([text[start:stop]], [context])[0].vector)
    evidence += [f"near training text {name}: {what} ({cosine:.2f})" for name, what, cosine in near]
    return Finding(
        hazard=hazard,
        confidence=score,
        span=_within(layer.source(start + begin, start + end), len(view.text)),
        message=f"The text {_MESSAGES[hazard]}.",
        evidence=tuple(evidence),
    )


def _strongest(encoder: Encoder, texts: Sequence[str], hazard: str, context: str) -> int:
    """Return the place of the text that scores highest for the hazard."""
    if len(texts) < 2:
        return 0  # of a long text even one look is dear
    at = encoder.hazards.index(hazard)
    logits = [float(one.logits[at]) for one in encoder.judge(texts, [context] * len(texts))]
    return logits.index(max(logits))


def _strongest_passage(encoder: Encoder, text: str, hazard: str, context: str) -> tuple[int, int]:
    """Return the range of the sentences, taken together up to a passage, that score highest for the hazard."""
    ranges: list[tuple[int, int]] = []
    for begin, end in pairwise(_edges(text)):
        if ranges and end - ranges[-1][0] <= PASSAGE_CHARS:
            ranges[-1] = (ranges[-1][0], end)
        else:
            ranges.append((begin, end))
    if len(ranges) < 2:
        return 0, len(text)
    return ranges[_strongest(encoder, [text[begin:end] for begin, end in ranges], hazard, context)]


def _strongest_sentence(encoder: Encoder, text: str, hazard: str, context: str) -> tuple[int, int]:
    """Return the range of the sentence that scores most by itself, and without which the rest scores least."""
    ranges = [part for part in pairwise(_edges(text)) if _NAME.fullmatch(text[slice(*_in_cells(text, *part))]) is None]
    if not ranges:
        return 0, len(text)
    if len(ranges) < 2:
        return _in_cells(text, *ranges[0])
    parts = [text[begin:end] for begin, end in ranges] + [text[:begin] + text[end:] for begin, end in ranges]
    judged = encoder.judge(parts, [context] * len(parts))
    at = encoder.hazards.index(hazard)
    logits = np.array([one.logits[at] for one in judged])
    return _in_cells(text, *ranges[int(np.argmax(logits[: len(ranges)] - logits[len(ranges) :]))])


def _in_cells(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the range without the marks around its cells, such as those of a JSON string."""
    inside = cells(text, start, stop)
    return (inside[0][0], inside[-1][1]) if inside else (start, stop)


def _heaviest(text: str, shares: Shares, most: int = 3) -> list[tuple[int, float]]:
    """Return where the pieces that speak most for the hazard begin in `text`, and their weights, heaviest first."""
    best = [at for at in np.argsort(-shares.weights)[:most].tolist() if shares.weights[at] > 0]
    pieces = [(text[shares.starts[at] : shares.stops[at]], at) for at in best]
    return [(int(shares.stops[at]) - len(piece.lstrip()), float(shares.weights[at])) for piece, at in pieces]


def _edges(text: str) -> list[int]:
    """Return where sentences begin, and the pieces of one that is longer than a passage; the last edge is the end."""
    edges = [0]
    for end in sentence_edges(text)[1:]:
        while end - edges[-1] > PASSAGE_CHARS:
            gap = text.rfind(" ", edges[-1] + 1, edges[-1] + PASSAGE_CHARS)
            edges.append(gap + 1 if gap >= 0 else edges[-1] + PASSAGE_CHARS)
        edges.append(end)
    return edges


def _within(span: Span, length: int) -> Span:
    return Span(min(span.start, length), min(span.stop, length))
