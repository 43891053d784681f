"""Whether what was said before leads towards harm: only then is a text read with it."""

from __future__ import annotations

from hashlib import blake2b

from leeward.domain.view import Stage, View
from leeward.models.encoder import Encoder
from leeward.models.gate import Gate

LEADING = 0.5  # how likely harmful what was said before must be for a text to be read with it
OF_THE_WRITER = ("distress", "self-harm")  # hazards of a prompt that are judged from its own words alone
REMEMBERED = 256  # judgements kept, a few dozen bytes each: a streamed reply asks for each window anew


class Lead:
    """Judges what was said before a text, once for all texts that follow it.

    Args:
        gate: Clears what is plainly ordinary.
        encoder: Judges all else.
    """

    def __init__(self, gate: Gate, encoder: Encoder) -> None:
        self._gate = gate
        self._encoder = encoder
        self._known: dict[bytes, tuple[float, float]] = {}

    def is_open(self, view: View) -> bool:
        """Return whether what was said before is not plainly ordinary: then the answer to it is not either."""
        return bool(view.context) and self._gate.cleared(lower(view.context)) is None

    def context_of(self, view: View) -> str:
        """Return what `view` is to be read with, empty where what was said before is likelier harmless than not.

        A user who spoke of distress may go on to speak of something else, and is not judged by it.
        """
        if not self.is_open(view):
            return ""
        harm, risk = self._said(lower(view.context), view.language)
        is_at_risk = view.stage is not Stage.REPLY and risk >= LEADING / 2
        return lower(view.context) if harm >= LEADING and not is_at_risk else ""

    def _said(self, context: str, language: str) -> tuple[float, float]:
        """Return how likely `context` is harmful, and how likely its writer is at risk."""
        # Digests alone are remembered: no text outlives its exchange.
        key = blake2b(f"{language}\0{context}".encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            (said,) = self._encoder.judge([context])
            by = dict(
                zip(self._encoder.hazards, self._encoder.calibrated(said.logits, language).tolist(), strict=True)
            )
            known = by["harm"], max(by[hazard] for hazard in OF_THE_WRITER)
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known


def lower(text: str) -> str:
    """Return `text` in lower case and as long as it was, so that places in it stay."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(char.lower()[0] for char in text)
