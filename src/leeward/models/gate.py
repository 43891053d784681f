"""The gate of the cascade: tells in a tenth of a millisecond which texts need no second look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from leeward.errors import DetectorError
from leeward.models.front import F32, UNREADABLE, WEIGHTS, Front, arrays, refused
from leeward.models.front_features import MAX_CHARS
from leeward.models.parts import parts

_REMEDY = "Reinstall leeward, or write the weights anew with training/encoder/gate.py."


@dataclass(frozen=True, slots=True)
class Gate:
    """A small network over the front classifier, trained to tell what the encoder would find nothing in.

    Attributes:
        front: The front classifier.
        first: Hidden layer, over what `reading` gives [inputs, units].
        first_bias: [units].
        out: [units].
        bias: Added to the sum; a text that stays below 0 is cleared.
        ceiling: Highest probability that a cleared text can have.
        also: Hazards that the front classifier does not know; a cleared text scores 0 for them.
    """

    front: Front
    first: F32
    first_bias: F32
    out: F32
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
                saved["first"].astype(np.float32),
                saved["first_bias"].astype(np.float32),
                saved["out"].astype(np.float32),
                float(saved["bias"]),
                float(saved["ceiling"]),
                tuple(str(name) for name in saved["also"]),
            )
        except UNREADABLE as error:
            raise refused("gate", folder, error, _REMEDY) from error
        units = len(gate.out)
        if gate.first.shape != (2 * front.activity, units) or gate.first_bias.shape != (units,):
            raise DetectorError(
                f"The gate in {folder} was trained for another front classifier.",
                meaning="It would clear texts that it does not understand.",
                remedy=_REMEDY,
            )
        return gate

    def cleared(self, text: str) -> Mapping[str, float] | None:
        """Return low probabilities by hazard when `text` needs no second look, None when it does or is too long.

        A long text is read in parts: in the whole of it one harmful sentence would vanish.
        """
        if len(text) > MAX_CHARS:
            return None  # the front classifier reads no further
        highest = np.zeros(len(self.front.hazards), np.float32)
        for part in parts(text):
            found = self.front.activations(part)
            if found is None:
                continue
            if self._doubt(reading(found)) >= 0.0:
                return None
            logits = found[:, -len(highest) :].max(axis=0)
            highest = np.maximum(highest, np.minimum(self.front.calibrated(logits, "und"), self.ceiling))
        return dict(zip(self.front.hazards, highest.tolist(), strict=True)) | dict.fromkeys(self.also, 0.0)

    def _doubt(self, read: F32) -> float:
        # Two rows: a single one would become a product of matrix and vector, which OpenBLAS spreads over threads.
        hidden = np.maximum(np.stack((read, read)) @ self.first + self.first_bias, 0.0)
        return float(hidden[0] @ self.out) + self.bias


def reading(found: F32) -> F32:
    """Return what the gate reads of a text: the highest of each activation in any part, then the whole's [inputs]."""
    return np.concatenate((found.max(axis=0), found[0]))
