"""How much each sign of an exchange speaks for extraction, and what follows from the sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp

from leeward.extraction_watch.exchange import Exchange
from leeward.extraction_watch.memory import Seen, Trace

VOLUME = "extraction.volume"
ENUMERATION = "extraction.enumeration"
LOGPROBS = "extraction.logprobs"
EMPTY_PREFIX = "extraction.empty_prefix"
TEMPLATE = "extraction.template"
HAZARDS = (VOLUME, ENUMERATION, LOGPROBS, EMPTY_PREFIX, TEMPLATE)

# Below this mean gap no person reads the replies.
_MACHINE_GAP_SECONDS = 8.0
# A key must show this much before it is more likely than not: prior odds of about 1 in 55.
_PRIOR = 4.0
_UNSUSPECTED = dict.fromkeys(HAZARDS, 1.0 / (1.0 + exp(_PRIOR)))
# More evidence than this is not kept, so that a caller who stops recovers in some hours.
_MOST_EVIDENCE = 9.0
# An exchange without a sign speaks for ordinary use. Customers of one shop ask alike now and then; a grid of topics
# and questions has hardly anything else in it.
_ORDINARY = {VOLUME: -0.06, ENUMERATION: -0.15, LOGPROBS: -0.06, EMPTY_PREFIX: -0.06, TEMPLATE: -0.06}
_HEAD_START = 5


class Step(StrEnum):
    """How far a suspicion has gone; each step allows one exchange in `interval_seconds`."""

    NONE = "none"
    SOFT = "soft"
    HARD = "hard"
    ALERT = "alert"

    @property
    def interval_seconds(self) -> int:
        """Shortest time between two exchanges that go through."""
        return {Step.NONE: 0, Step.SOFT: 5, Step.HARD: 60, Step.ALERT: 300}[self]

    @property
    def rank(self) -> int:
        """Position from none to alert."""
        return list(Step).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the operator allows.

    Attributes:
        half_life_seconds: How fast evidence and counters fade.
        exchanges: Decayed number of exchanges of one key at which volume alone is a soft suspicion.
        logprobs: The same for exchanges that ask for log-probabilities.
        tenant_share: How much of the evidence of its keys a tenant bears.
    """

    half_life_seconds: float = 10_800.0
    exchanges: float = 40_000.0
    logprobs: float = 4_000.0
    tenant_share: float = 0.25


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing seen in an exchange: which hazard it speaks for, how strongly, and its counter's name."""

    hazard: str
    weight: float
    name: str


def signs_of(exchange: Exchange, trace: Trace, seen: Seen, frames: int, is_cell: bool) -> Iterator[Sign]:
    """Yield the signs of an exchange, given what was remembered before it."""
    is_fast = trace.gap_seconds < _MACHINE_GAP_SECONDS
    # An application puts one instruction before changing documents.
    is_batch = frames >= _HEAD_START and frames > trace.exchanges * 0.4
    yield from _sampling(exchange, seen)
    if exchange.is_template:
        yield Sign(EMPTY_PREFIX, 0.8, "bare_templates")
    elif exchange.is_bare:
        yield Sign(EMPTY_PREFIX, 0.2 if exchange.temperature >= 0.7 else 0.03, "empty_prompts")
    if exchange.is_gibberish and not is_batch:
        yield Sign(EMPTY_PREFIX, 0.35 if exchange.logprobs else 0.12, "word_salads")
    if exchange.wants_data:
        yield Sign(TEMPLATE, 0.45, "training_data_requests")
    elif exchange.wants_reasoning and not is_batch:
        yield Sign(TEMPLATE, 0.14 if is_fast else 0.06, "reasoning_requests")
    if is_cell and not seen.times and not is_batch:
        yield Sign(ENUMERATION, 0.22 if is_fast else 0.02, "grid_cells")
    if exchange.is_exam and is_fast and not seen.times and not is_batch:
        # One sample of a public set is a customer's own measurement; hundreds of items are a harvest.
        yield Sign(ENUMERATION, 0.14 if exchange.logprobs else 0.05, "exam_questions")


def _sampling(exchange: Exchange, seen: Seen) -> Iterator[Sign]:
    if exchange.logit_bias and (exchange.logprobs or exchange.is_short_reply):
        yield Sign(LOGPROBS, 0.4, "biased_logits")
    elif exchange.logprobs:
        yield Sign(LOGPROBS, 0.1 if exchange.is_exam or exchange.is_gibberish else 0.0, "logprobs")
    if seen.times >= 10 and exchange.temperature >= 0.9 and not exchange.is_bare:
        yield Sign(ENUMERATION, 0.2 if exchange.many else 0.08, "resamplings")
    if seen.times and seen.settings.bit_count() >= 3 and not exchange.is_bare:
        yield Sign(ENUMERATION, 0.1, "sampling_sweeps")


def enter(exchange: Exchange, trace: Trace, limits: Limits, *, share: float = 1.0) -> None:
    """Add what the exchange shows to the trace.

    Args:
        share: How much of it counts, in (0, 1].
    """
    trace.fade(exchange.t, limits.half_life_seconds)
    # A client that tries again because it was throttled has done nothing new.
    is_retry = trace.is_held and trace.last_text == exchange.text
    found: dict[str, float] = {}
    for sign in signs_of(exchange, trace, *trace.remember(exchange)):
        trace.counts[sign.name] = trace.counts.get(sign.name, 0.0) + 1.0
        found[sign.hazard] = found.get(sign.hazard, 0.0) + sign.weight
    if is_retry:
        return
    for hazard in {*found, *trace.evidence}:
        gained = found.get(hazard, 0.0) or _ORDINARY[hazard]
        trace.evidence[hazard] = min(_MOST_EVIDENCE, max(0.0, trace.evidence.get(hazard, 0.0) + gained * share))


def probabilities(trace: Trace, limits: Limits, *, share: float = 1.0) -> Mapping[str, float]:
    """Return the probability of each hazard, in [0, 1]."""
    told = dict(_UNSUSPECTED)
    strongest = max(trace.evidence, key=lambda h: trace.evidence[h], default=None)
    for hazard, own in trace.evidence.items():
        # Different signs are not independent; half of the others adds to the strongest.
        extra = 0.5 * (sum(trace.evidence.values()) - own) if hazard is strongest else 0.0
        told[hazard] = 1.0 / (1.0 + exp(_PRIOR - own - extra))
    told[VOLUME] = _over(trace.exchanges, limits.exchanges / share)
    told[LOGPROBS] = max(told[LOGPROBS], _over(trace.counts.get("logprobs", 0.0), limits.logprobs / share))
    return told


def _over(count: float, budget: float) -> float:
    """Return 0.5 at the budget and at most 0.8: much traffic alone proves nothing."""
    return min(0.8, 0.5 * count / budget)


def step_of(probability: float) -> Step:
    """Return the step that a probability stands for."""
    if probability >= 0.97:
        return Step.ALERT
    if probability >= 0.88:
        return Step.HARD
    return Step.SOFT if probability >= 0.5 else Step.NONE
