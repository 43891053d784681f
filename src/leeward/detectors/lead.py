"""Whether what was said before leads towards harm: only then is a text read with it."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b

from leeward.detectors.looks import Looks
from leeward.domain.view import Stage, View
from leeward.models.encoder import Encoder
from leeward.models.gate import Gate

LEADING = 0.5  # how likely harmful what was said before must be for a text to be read with it
SUSPECT = 0.15  # how likely, for every part of the answer to be judged, however ordinary it reads
OF_THE_WRITER = ("distress", "self-harm")  # hazards of a prompt that are judged from its own words alone
REMEMBERED = 1024  # judgements kept, some hundred bytes each: a streamed reply asks for each window anew


@dataclass(frozen=True, slots=True)
class Said:
    """What was said before a text.

    Attributes:
        harm: How likely it is harmful, 0 to 1.
        risk: How likely its writer is at risk, 0 to 1.
    """

    harm: float
    risk: float

    @property
    def is_suspect(self) -> bool:
        """Whether the answer to it is not ordinary either."""
        return max(self.harm, self.risk) >= SUSPECT


_NOTHING = Said(0.0, 0.0)


class Lead:
    """Judges what was said before a text, once for all texts that follow it.

    Args:
        gate: Clears what is plainly ordinary.
        encoder: Knows what raw scores mean.
        looks: Judge all else.
    """

    def __init__(self, gate: Gate, encoder: Encoder, looks: Looks) -> None:
        self._gate = gate
        self._encoder = encoder
        self._looks = looks
        self._known: dict[bytes, Said] = {}

    def may_be_open(self, view: View) -> bool:
        """Return whether what was said before is suspect, or needs the encoder to tell; that is not asked here."""
        if not view.context:
            return False
        known = self._glanced(view)
        return known is None or known.is_suspect

    def is_open(self, view: View) -> bool:
        """Return whether what was said before is suspect: then the answer to it is not plainly ordinary."""
        return bool(view.context) and self._said(view).is_suspect

    def context_of(self, view: View) -> str:
        """Return what `view` is to be read with, empty where what was said before is likelier harmless than not.

        A user who spoke of distress may go on to speak of something else, and is not judged by it.
        """
        if not view.context:
            return ""
        said = self._said(view)
        is_at_risk = view.stage is not Stage.REPLY and said.risk >= LEADING / 2
        return lower(view.context) if said.harm >= LEADING and not is_at_risk else ""

    def _said(self, view: View) -> Said:
        known = self._glanced(view)
        if known is None:
            context = lower(view.context)
            chances = self._encoder.calibrated(self._looks.whole(context), view.language).tolist()
            scores = dict(zip(self._encoder.hazards, chances, strict=True))
            known = Said(scores["harm"], max(scores[hazard] for hazard in OF_THE_WRITER))
            self._keep(_key(context, view.language), known)
        return known

    def _glanced(self, view: View) -> Said | None:
        """Return what is known without the encoder, None if it must be asked."""
        context = lower(view.context)
        key = _key(context, view.language)
        known = self._known.get(key)
        if known is None and self._gate.cleared(context) is not None:
            known = _NOTHING
            self._keep(key, known)
        return known

    def _keep(self, key: bytes, said: Said) -> None:
        if len(self._known) >= REMEMBERED:
            self._known.clear()
        self._known[key] = said


def _key(context: str, language: str) -> bytes:
    # Digests alone are remembered: no text outlives its exchange.
    return blake2b(f"{language}\0{context}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def lower(text: str) -> str:
    """Return `text` in lower case and as long as it was, so that places in it stay."""
    low = text.lower()
    return low if len(low) == len(text) else "".join(char.lower()[0] for char in text)
