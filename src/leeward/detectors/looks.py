"""The encoder's looks at texts that are read alone: a long one in parts, and none twice while it is remembered."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import numpy as np

from leeward.models.encoder import Encoder
from leeward.models.front import F32
from leeward.models.parts import parts

REMEMBERED = 1024  # texts whose scores are kept, some 200 bytes each: a reply asks for its prompt once more


class Looks:
    """Asks the encoder, and remembers what it said.

    Args:
        encoder: Judges texts.
    """

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder
        self._known: dict[bytes, F32] = {}

    def at(self, texts: Sequence[str]) -> list[F32]:
        """Return the raw score of each hazard for each text, read with nothing before it [texts][hazards]."""
        return [self._look(text) for text in texts]

    def whole(self, text: str) -> F32:
        """Return the highest raw score of each hazard in any part of `text` [hazards]."""
        return np.asarray(np.max(self.at(parts(text)), axis=0), np.float32)

    def _look(self, text: str) -> F32:
        # Digests alone are remembered: no text outlives its exchange.
        key = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()
        known = self._known.get(key)
        if known is None:
            known = self._encoder.judge([text])[0].logits
            if len(self._known) >= REMEMBERED:
                self._known.clear()
            self._known[key] = known
        return known
