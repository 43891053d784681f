"""Which parts together make an injection, and how sure each combination is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from leeward.detectors.injection_lexicon import Part

OVERRIDE = "injection.override"
ROLEPLAY = "injection.roleplay"
SYSTEM_PROMPT = "injection.system_prompt"
INDIRECT = "injection.indirect"
CONTROL_TOKEN = "injection.control_token"


@dataclass(frozen=True, slots=True)
class Combination:
    """Parts that one sentence must hold together.

    Attributes:
        needs: Each must share a part with the sentence.
        prompt: Calibrated probability in what a person writes; 0 when it says nothing there.
        data: Calibrated probability in tool results and documents.
        reaches_on: Whether the parts may be spread over two neighbouring sentences.
    """

    name: str
    hazard: str
    needs: tuple[Part, ...]
    prompt: float
    data: float
    reaches_on: bool = False

    def confidence(self, in_data: bool) -> float:
        """Return the calibrated probability in data, or in a prompt."""
        return self.data if in_data else self.prompt


_ORDERS = Part.RULES | Part.SECRET

# Probabilities are shares of true injections among development texts on which a combination was the surest one,
# rounded and smoothed.
COMBINATIONS = (
    Combination("override-prior-orders", OVERRIDE, (Part.OVERRIDE, _ORDERS, Part.PRIOR), 0.96, 0.97),
    Combination("override-own-orders", OVERRIDE, (Part.OVERRIDE, _ORDERS, Part.OWN), 0.85, 0.6),
    Combination("override-orders", OVERRIDE, (Part.OVERRIDE, _ORDERS), 0.4, 0.35),
    Combination("orders-void", OVERRIDE, (Part.VOID, _ORDERS, Part.OWN), 0.68, 0.4),
    Combination("reveal-secret", SYSTEM_PROMPT, (Part.REVEAL, Part.SECRET), 0.87, 0.75),
    Combination("ask-own-secret", SYSTEM_PROMPT, (Part.ASK, Part.SECRET, Part.OWN), 0.85, 0.8),
    Combination("ask-secret", SYSTEM_PROMPT, (Part.ASK, Part.SECRET), 0.3, 0.3),
    Combination("reveal-hidden-orders", SYSTEM_PROMPT, (Part.REVEAL | Part.ASK, Part.HIDDEN, Part.RULES), 0.85, 0.5),
    Combination("persona-without-limits", ROLEPLAY, (Part.PERSONA, Part.NOLIMIT), 0.93, 0.93, True),
    Combination("mode", ROLEPLAY, (Part.MODE, Part.OVERRIDE | Part.NOLIMIT | Part.VOID | Part.RULES), 0.82, 0.75),
    Combination("no-refusal-no-limits", ROLEPLAY, (Part.NOREFUSE, Part.NOLIMIT), 0.93, 0.6, True),
    Combination("no-refusal-persona", ROLEPLAY, (Part.NOREFUSE, Part.PERSONA), 0.39, 0.25),
    Combination("no-refusal-orders", OVERRIDE, (Part.NOREFUSE, _ORDERS), 0.72, 0.25),
    Combination("known-jailbreak", ROLEPLAY, (Part.JAILBREAK,), 0.96, 0.96),
    Combination("control-token", CONTROL_TOKEN, (Part.CONTROL,), 0.8, 0.8),
    Combination("forged-turn", CONTROL_TOKEN, (Part.TURN,), 0.88, 0.93),
    Combination(
        "forged-turn-order", CONTROL_TOKEN, (Part.TURN, Part.OVERRIDE | Part.NOLIMIT | Part.VOID), 0.9, 0.93, True
    ),
    Combination("model-addressed", INDIRECT, (Part.ADDRESSED, Part.ORDER), 0.0, 0.88),
    Combination("model-named", INDIRECT, (Part.AI, Part.ORDER), 0.0, 0.87),
    Combination("user-set-aside", INDIRECT, (Part.USER, Part.OVERRIDE), 0.0, 0.52),
    Combination("user-told", INDIRECT, (Part.USER, Part.ORDER), 0.0, 0.25),
)


@lru_cache(maxsize=16_384)
def surest_combination(mask: int, in_data: bool, reaching_on: bool) -> Combination | None:
    """Return the surest combination whose parts are all in `mask`; of those that reach on only, when asked."""
    held = [
        combination
        for combination in COMBINATIONS
        if combination.confidence(in_data)
        and (combination.reaches_on or not reaching_on)
        and all(mask & int(need) for need in combination.needs)
    ]
    return max(held, key=lambda combination: combination.confidence(in_data), default=None)
