"""Finds harmful content, requests and attacks in text with the front classifier."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Span, Stage, View
from leeward.errors import DetectorError
from leeward.models.front import Front

SHORT_CEILING = 0.15  # most that a text of a word or two can score: a name or a greeting shows no intent
SHORT_CHARS, SHORT_LETTERS, SHORT_SIGNS = 24, 6, 3
_SENTENCE_END = re.compile(r"[.!?;。！？；।\n]+\s*")
TEXT_STAGES = (Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY)
MESSAGES = {
    "hate": "reads like hatred of a group",
    "harassment": "reads like abuse of a person",
    "violence": "reads like a threat or a call for violence",
    "self-harm": "reads like promotion of, or a request for, self-harm",
    "distress": "reads like a person in distress",
    "child-exploitation": "reads like a request that would harm a child",
    "malware": "reads like a request for malicious software",
    "stereotype": "reads like a stereotype",
    "misinformation": "reads like a false claim",
    "injection": "reads like an attempt to override instructions",
    "licence.circumvention": "reads like an attempt to get around a licence",
    "criminal": "reads like a request for help with a crime",
    "dangerous": "reads like a request for something dangerous",
    "sexual": "reads like sexual content",
    "health": "asks for medical advice",
    "financial": "asks for financial advice",
    "law": "asks for legal advice",
}


class FrontText:
    """Scores every text for every hazard; a score is a probability, not a verdict."""

    info = DetectorInfo(
        id="front-text",
        hazards=tuple(MESSAGES),
        stages=TEXT_STAGES,
        reach_chars=128,
        budget_seconds=0.05,
    )

    def __init__(self) -> None:
        self._front: Front | None = None

    def open(self) -> None:
        """Map the weights.

        Raises:
            DetectorError: If they cannot be read or name other hazards.
        """
        front = Front.load()
        if set(front.hazards) != set(MESSAGES):
            raise DetectorError(
                "The front classifier's weights name other hazards than this version of leeward knows.",
                meaning="Its scores would be taken for something else.",
                remedy="Reinstall leeward, or write the weights anew with training/front/export.py.",
            )
        self._front = front

    def examine(self, view: View) -> Reading:
        """Return a score for each hazard; `explain` says why for those that fire.

        Raises:
            DetectorError: If it was not opened.
        """
        if self._front is None:
            raise DetectorError("front-text was not opened", remedy="Call open() before examine().")
        front, text = self._front, view.folded.text
        chances = front.probabilities(text, view.language)
        if is_short(text):
            chances = np.minimum(chances, SHORT_CEILING)
        return Reading(scores=dict(zip(front.hazards, chances.tolist(), strict=True)))

    def explain(self, view: View, hazard: str, confidence: float) -> Finding:
        """Return the finding behind a score: the sentence that spoke most for it, and its heaviest words.

        This costs as much as the score itself, so it is made only for scores that fire a rule.

        Raises:
            DetectorError: If it was not opened.
        """
        if self._front is None:
            raise DetectorError("front-text was not opened", remedy="Call open() before explain().")
        return _finding(self._front, view, hazard, confidence)


def is_short(text: str) -> bool:
    """Return whether `text` is too short to show an intent: a word, a number, a name, a smile."""
    if len(text) > SHORT_CHARS:
        return False
    signs = sum("\u2e80" <= char <= "\uffff" for char in text)  # ideographs, kana, Hangul
    if signs >= SHORT_SIGNS:
        return False
    unspaced = sum("\u0e00" <= char < "\u1100" for char in text)  # Thai, Lao, Burmese
    is_one_word = len(text.split()) < 2 and unspaced < SHORT_LETTERS
    return is_one_word or sum(map(str.isalpha, text)) < SHORT_LETTERS


def _finding(front: Front, view: View, hazard: str, score: float) -> Finding:
    layer = view.folded
    reasons = front.reasons(layer.text, hazard)
    start, stop = _strongest(layer.text, reasons.positions)
    evidence = tuple(
        f"word at {layer.source(at, at + 1).start} ({weight:+.1f})"
        for at, weight in zip(reasons.words, reasons.weights, strict=True)
    )
    return Finding(
        hazard=hazard,
        confidence=score,
        span=_within(layer.source(start, stop), len(view.text)),
        message=f"The text {MESSAGES[hazard]}.",
        evidence=evidence,
    )


def _strongest(text: str, positions: npt.NDArray[np.float64]) -> tuple[int, int]:
    """Return the range of the sentence whose features speak most for the hazard."""
    edges = sorted({0, len(text), *(match.end() for match in _SENTENCE_END.finditer(text))})
    sums = np.concatenate(([0.0], positions.cumsum()))
    at = len(positions)
    return max(pairwise(edges), key=lambda edge: float(sums[min(edge[1], at)] - sums[min(edge[0], at)]), default=(0, 0))


def _within(span: Span, length: int) -> Span:
    return Span(min(span.start, length), min(span.stop, length))
