"""The gate of the cascade: tells in a tenth of a millisecond which texts need no second look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leeward.errors import DetectorError
from leeward.models.front import F32, UNREADABLE, WEIGHTS, Front, arrays, refused
from leeward.models.front_features import MAX_CHARS

_REMEDY = "Reinstall leeward, or write the weights anew with training/encoder/calibrate.py."


@dataclass(frozen=True, slots=True)
class Gate:
    """A linear reading of the front classifier, trained to tell what the encoder would find nothing in.

    Attributes:
        front: The front classifier.
        weight: For its hidden layer and logits [hidden + hazards].
        bias: Added to the sum; a text whose every part stays below 0 is cleared.
        ceiling: Highest probability that a cleared text can have.
        also: Hazards that the front classifier does not know; a cleared text scores 0 for them.
    """

    front: Front
    weight: F32
    bias: float
    ceiling: float
    also: tuple[str, ...]

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Gate:
        """Return the gate whose weights lie in `folder`.

        Raises:
            DetectorError: If they are missing or do not fit together.
        """
        front = Front.load(folder)
        try:
            saved = arrays(folder / "gate.npz")
            gate = cls(
                front,
                saved["weight"].astype(np.float32),
                float(saved["bias"]),
                float(saved["ceiling"]),
                tuple(str(name) for name in saved["also"]),
            )
        except UNREADABLE as error:
            raise refused("gate", folder, error, _REMEDY) from error
        if len(gate.weight) != front.out.shape[0] + front.out.shape[1]:
            raise DetectorError(
                f"The gate in {folder} was trained for another front classifier.",
                meaning="It would clear texts that it does not understand.",
                remedy=_REMEDY,
            )
        return gate

    def cleared(self, text: str) -> Mapping[str, float] | None:
        """Return low probabilities by hazard when `text` needs no second look, None when it does or is too long."""
        if len(text) > MAX_CHARS:
            return None  # the front classifier reads no further
        found = self.front.activations(text)
        if found is None:
            return dict.fromkeys((*self.front.hazards, *self.also), 0.0)
        hidden, logits = found
        width = hidden.shape[1]
        if float((hidden @ self.weight[:width] + logits @ self.weight[width:]).max()) + self.bias >= 0.0:
            return None
        chances = np.minimum(self.front.calibrated(logits.max(axis=0), "und"), self.ceiling)
        return dict(zip(self.front.hazards, chances.tolist(), strict=True)) | dict.fromkeys(self.also, 0.0)
