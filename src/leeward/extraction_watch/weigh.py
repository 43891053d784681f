"""How much each sign of an exchange speaks for extraction, and what follows from the sum."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import exp, log

from leeward.extraction_watch.exchange import Exchange
from leeward.extraction_watch.memory import Known, Stream, Trace

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
_UNSUSPECTED = 1.0 / (1.0 + exp(_PRIOR))
_NOTHING_TOLD = dict.fromkeys(HAZARDS, _UNSUSPECTED)
# More evidence than this is not kept, so that a caller who stops recovers in a day or two.
MOST_EVIDENCE = 9.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of evidence: signs of one sort, summed up exchange by exchange.

    Attributes:
        hazard: What it speaks for.
        ordinary: What an exchange without its sign takes away. It sets how much honest traffic an attack can hide in.
        crowd: The same for a tenant as a whole, whose keys are many people.
        full: How many signs it takes until the line counts in full: one customer measures a model on a sample or
            writes some tasks; hundreds are a harvest.
    """

    hazard: str
    ordinary: float = 0.012
    crowd: float = 0.012
    full: float = 1.0


LINES = {
    "harvest": Line(hazard=LOGPROBS),
    "bare": Line(hazard=EMPTY_PREFIX),
    "salad": Line(hazard=EMPTY_PREFIX),
    "data": Line(hazard=TEMPLATE, full=15.0),
    "reasoning": Line(hazard=TEMPLATE, ordinary=0.006),
    # Customers of one shop ask alike now and then; a grid of topics and questions has hardly anything else in it.
    "grid": Line(hazard=ENUMERATION, ordinary=0.15, crowd=0.15),
    "resampling": Line(hazard=ENUMERATION, full=60.0),
    # Nobody's homework has many forms of examination, one here and one there between other talk.
    "variety": Line(hazard=ENUMERATION, ordinary=0.06, crowd=0.06, full=14.0),
    "exam": Line(hazard=ENUMERATION, ordinary=0.004, crowd=0.02, full=150.0),
    # What speaks against it is weighed sign by sign.
    "tasks": Line(hazard=ENUMERATION, ordinary=0.004, crowd=0.01, full=200.0),
}
_MANY_FORMS = 3
# At least this many more of the new texts must be tasks than is ordinary here.
_TASKS_MORE = 0.4
# A text tells less than its likelihood ratio says, since the texts of one caller are alike.
_TASK_WEIGHT = 1 / 7
# Whoever extracts sends tasks nearly always; people write some tasks down as well.
_TALK_WEIGHT = 1.25 / 7
_NEITHER = -0.11


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
        half_life_seconds: How fast evidence and counters of signs fade; slow, so that a slow extraction adds up.
        volume_half_life_seconds: How fast numbers of exchanges fade.
        exchanges: Decayed number of exchanges of one key at which volume alone is a soft suspicion.
        logprobs: The same for exchanges that ask for log-probabilities.
        tenant_share: How much of the evidence of its keys a tenant bears.
        suspension_after_seconds: How long the step `alert` lasts before a suspension is proposed.
    """

    half_life_seconds: float = 86_400.0
    volume_half_life_seconds: float = 10_800.0
    exchanges: float = 40_000.0
    logprobs: float = 4_000.0
    tenant_share: float = 0.25
    suspension_after_seconds: float = 3_600.0


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing seen in an exchange: its line of evidence, how strongly it speaks, and its counter's name."""

    line: str
    weight: float
    name: str


def signs_of(exchange: Exchange, trace: Trace, known: Known, baseline: float) -> Iterator[Sign]:
    """Yield the signs of an exchange, given what was remembered before it.

    Args:
        baseline: Share of tasks among the new texts of this deployment.
    """
    is_fast = trace.gap_seconds < _MACHINE_GAP_SECONDS
    yield from _sampling(exchange, known)
    if exchange.is_template:
        yield Sign("bare", 0.8, "bare_templates")
    elif exchange.is_bare:
        yield Sign("bare", 0.2 if exchange.temperature >= 0.7 else 0.03, "empty_prompts")
    if exchange.is_gibberish:
        yield Sign("salad", 0.35 if exchange.logprobs else 0.15, "word_salads")
    if exchange.wants_data:
        # A test suite asks the same again; whoever collects asks anew, or draws many samples.
        is_repeat = not known.is_new and exchange.temperature < 0.9
        yield Sign("data", 0.02 if is_repeat else 0.45, "training_data_requests")
    elif exchange.wants_reasoning and not known.is_batch:
        yield Sign("reasoning", 0.14 if is_fast else 0.08, "reasoning_requests")
    if known.is_new:
        yield from _coverage(exchange, known, is_fast, baseline)
        # The pace of this very exchange: a suite that starts after a pause is fast from its second question on.
        if exchange.exam and not is_fast and not known.is_after_exam and trace.last_gap_seconds >= _MACHINE_GAP_SECONDS:
            yield Sign("variety", 0.9 if known.exams >= _MANY_FORMS else 0.1, "scattered_exam_questions")


def _coverage(exchange: Exchange, known: Known, is_fast: bool, baseline: float) -> Iterator[Sign]:
    """Yield signs of working through questions; only texts that were not seen before say anything."""
    if known.is_cell and not known.is_framed:
        yield Sign("grid", 0.22 if is_fast else 0.02, "grid_cells")
    if exchange.is_exam_body if known.is_batch else exchange.is_exam:
        weight = 0.1 if exchange.logprobs else 0.07
        yield Sign("exam", weight * 0.6 if known.is_batch else weight, "exam_questions")
    if (known.is_form and not exchange.is_written_task) or exchange.is_gibberish or exchange.is_bare:
        return
    expected = min(0.9, baseline + _TASKS_MORE)
    if exchange.is_task:
        yield Sign("tasks", log(expected / baseline) * _TASK_WEIGHT, "tasks")
    elif exchange.is_talk:
        yield Sign("tasks", log((1.0 - expected) / (1.0 - baseline)) * _TALK_WEIGHT, "")
    else:
        yield Sign("tasks", _NEITHER, "")


def _sampling(exchange: Exchange, known: Known) -> Iterator[Sign]:
    if exchange.bias and (exchange.logprobs or exchange.is_short_reply):
        # A classifier biases the tokens of its labels, always the same ones, over changing texts.
        is_fixed = known.is_batch if exchange.bias == 1 else bool(exchange.bias & 1) and known.biases >= 3
        is_classifier = is_fixed and not known.seen.times
        yield Sign("harvest", 0.0 if is_classifier else 0.4, "biased_logits")
    elif exchange.logprobs:
        yield Sign("harvest", 0.0, "logprobs")
    seen = known.seen
    # A test suite asks many things again and again.
    is_resampled = seen.times >= 10 if exchange.many else seen.times >= max(50, known.number * 0.15)
    if is_resampled and exchange.temperature >= 0.9 and not exchange.is_bare:
        yield Sign("resampling", 0.2 if exchange.many else 0.08, "resamplings")
    if seen.times and seen.settings.bit_count() >= 3 and not exchange.is_bare:
        yield Sign("resampling", 0.045, "sampling_sweeps")


def enter(exchange: Exchange, trace: Trace, limits: Limits, baseline: float) -> tuple[Sign, ...]:
    """Add what the exchange shows to the trace of its caller; return the signs that counted.

    Args:
        baseline: Share of tasks among the new texts of this deployment.
    """
    trace.fade(exchange.t, limits.half_life_seconds, limits.volume_half_life_seconds)
    is_retry = _is_retry(exchange, trace)
    signs = tuple(signs_of(exchange, trace, trace.remember(exchange), baseline))
    if is_retry:
        return ()
    _weigh(trace, signs, 1.0)
    _weigh_stream(trace.stream(exchange.client), signs)
    return signs


def enter_whole(exchange: Exchange, whole: Trace, signs: tuple[Sign, ...], limits: Limits) -> None:
    """Add what one key showed to the trace of its tenant.

    Each key is judged against its own past: the applications of a tenant look alike only by chance, and colluding
    keys because they do the same.

    Args:
        signs: What the exchange showed of its key.
    """
    whole.fade(exchange.t, limits.half_life_seconds, limits.volume_half_life_seconds)
    is_retry = _is_retry(exchange, whole)
    whole.count(exchange)
    if is_retry:
        return
    if any(sign.weight > 0.0 for sign in signs):
        whole.join(exchange.key)
    _weigh(whole, signs, limits.tenant_share)


def _is_retry(exchange: Exchange, trace: Trace) -> bool:
    """Whether a client tries again because it was throttled, which is nothing new."""
    return trace.is_held and trace.last_text == exchange.text


def _weigh(trace: Trace, signs: tuple[Sign, ...], share: float) -> None:
    evidence, found = trace.evidence, dict[str, float]()
    for sign in signs:
        found[sign.line] = found.get(sign.line, 0.0) + sign.weight
        if sign.name:
            trace.counts[sign.name] = trace.counts.get(sign.name, 0.0) + 1.0
            trace.lines[sign.line] = trace.lines.get(sign.line, 0.0) + 1.0
    for name in found.keys() | evidence.keys():
        line = LINES[name]
        gained = found.get(name) or -(line.ordinary if share == 1.0 else line.crowd)
        told = evidence.get(name, 0.0) + gained * share
        if told > 0.0:
            evidence[name] = min(MOST_EVIDENCE, told)
        else:
            evidence.pop(name, None)


def _weigh_stream(stream: Stream, signs: tuple[Sign, ...]) -> None:
    gained = 0.0
    for sign in signs:
        if sign.line == "tasks":
            gained = sign.weight
            stream.signs += bool(sign.name)
    stream.evidence = min(MOST_EVIDENCE, max(0.0, stream.evidence + (gained or -LINES["tasks"].ordinary)))


def probabilities(trace: Trace, limits: Limits, *, share: float = 1.0) -> Mapping[str, float]:
    """Return the probability of each hazard, in [0, 1]."""
    told = dict(_NOTHING_TOLD)
    if trace.evidence or trace.streams:
        _tell(trace, share, told)
    told[VOLUME] = max(_UNSUSPECTED, _over(trace.exchanges, limits.exchanges / share))
    told[LOGPROBS] = max(told[LOGPROBS], _over(trace.logprobs, limits.logprobs / share))
    return told


def _tell(trace: Trace, share: float, told: dict[str, float]) -> None:
    """Write the probability of each hazard that there is evidence of into `told`."""
    weights = dict.fromkeys(HAZARDS, 0.0)
    for name, evidence in trace.evidence.items():
        line = LINES[name]
        counts = min(1.0, trace.lines.get(name, 0.0) * share / line.full)
        weights[line.hazard] = max(weights[line.hazard], evidence * counts)
    full = LINES["tasks"].full
    for stream in trace.streams.values():
        if stream.evidence > weights[ENUMERATION]:
            weights[ENUMERATION] = max(weights[ENUMERATION], stream.evidence * min(1.0, stream.signs / full))
    if not trace.evidence and not weights[ENUMERATION]:
        return
    strongest = max(weights, key=weights.__getitem__)
    # Different signs are not independent; half of the others adds to the strongest.
    weights[strongest] += 0.5 * (sum(weights.values()) - weights[strongest])
    for hazard, weight in weights.items():
        if weight > 0.0:
            told[hazard] = 1.0 / (1.0 + exp(_PRIOR - weight))


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
