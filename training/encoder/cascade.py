"""Probabilities of a fold as the whole cascade gives them: the gate's where it clears a text, else the encoder's."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from scoring import CHARS, Scores, kept  # noqa: E402

from grown import LABELS, Text  # noqa: E402
from leeward.detectors.front_text import SHORT_CEILING, is_short  # noqa: E402
from leeward.inspection.language import identify  # noqa: E402
from leeward.models.encoder import Encoder  # noqa: E402
from leeward.models.gate import Gate  # noqa: E402

F64 = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Cascade:
    """Texts with the probabilities that the product gives them.

    Attributes:
        seen: Language that the detector was told, as `identify` tells it; `und` where it could not.
        chances: Calibrated probabilities [texts, LABELS].
        cleared: Which texts the gate cleared [texts].
        truth: Labels [texts, LABELS], NaN where unknown.
    """

    texts: Sequence[Text]
    seen: Sequence[str]
    chances: F64
    cleared: npt.NDArray[np.bool_]
    truth: F64


def cascade_of(folder: Path, weights: Path, fold: str, work: Path) -> Cascade:
    """Return a fold as the product sees it."""
    return applied(kept(folder, weights, fold, work), Encoder.load(weights), Gate.load(weights))


def applied(scores: Scores, encoder: Encoder, gate: Gate) -> Cascade:
    """Return raw scores as the product's probabilities."""
    seen = [identify(text.row.text) for text in scores.texts]
    chances = np.stack([
        encoder.calibrated(logits.astype(np.float32), lang).astype(np.float64)
        for lang, logits in zip(seen, scores.logits, strict=True)
    ])  # fmt: skip
    cleared = np.zeros(len(scores.texts), np.bool_)
    for at, text in enumerate(scores.texts):
        low = None if text.context else gate.cleared(text.row.text[:CHARS])
        if low is not None:
            cleared[at] = True
            chances[at] = [low.get(label, 0.0) for label in LABELS]
        if is_short(text.row.text):
            chances[at] = np.minimum(chances[at], SHORT_CEILING)
    return Cascade(scores.texts, seen, chances, cleared, scores.truth)
