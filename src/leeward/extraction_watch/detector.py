"""Rates how likely a caller is extracting the model, one exchange at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage, View
from leeward.extraction_watch.exchange import Exchange, read
from leeward.extraction_watch.memory import Trace, TrafficMemory
from leeward.extraction_watch.steps import KnownJobs, StepKind, StepsWaiting, StepTaken
from leeward.extraction_watch.weigh import (
    EMPTY_PREFIX,
    ENUMERATION,
    HAZARDS,
    LOGPROBS,
    TEMPLATE,
    VOLUME,
    Limits,
    Step,
    enter,
    enter_whole,
    probabilities,
    step_of,
)

_WHY = {
    VOLUME: "far more exchanges than the budget of one key",
    ENUMERATION: "systematic enumeration of questions, topics or sampling settings",
    LOGPROBS: "harvesting of log-probabilities or biased logits",
    EMPTY_PREFIX: "prompts that are empty, bare chat templates or random words",
    TEMPLATE: "many requests worded to collect training data",
}

# A key with less has shown a sign once or twice.
_LEAST_EVIDENCE = 0.3
# Evidence that asks a person to decide; nothing is suspended by itself.
SUSPENSION = "proposal=suspend"


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What is thought of one key, or of a tenant when `key` is empty, after an exchange.

    Attributes:
        probabilities: For each hazard, in [0, 1].
        hazard: The likeliest one.
        trace: What it rests on.
        proposes_suspension: Whether it has stood at `alert` for so long that a person should decide on suspending.
    """

    tenant: str
    key: str
    step: Step
    hazard: str
    probabilities: Mapping[str, float]
    trace: Trace = field(repr=False)
    proposes_suspension: bool = False

    @property
    def probability(self) -> float:
        """Probability of the likeliest hazard."""
        return self.probabilities[self.hazard]

    @property
    def evidence(self) -> tuple[str, ...]:
        """Counters as `name=number`, those of signs first, the largest in front."""
        counts = ((n, c) for n, c in self.trace.counts.items() if c >= 1.0)
        signs = sorted(counts, key=lambda item: (-item[1], item[0]))
        rest = ("exchanges", self.trace.exchanges), ("distinct_prompts", self.trace.distinct)
        return tuple(f"{n}={c:.0f}" for n, c in (*signs, *rest, ("mean_gap_seconds", self.trace.gap_seconds)))


class ExtractionWatch:
    """Watches the traffic of each key and tenant; throttles by degrees and can be undone.

    Args:
        memory: What is remembered; forget a key there to start it afresh.
        limits: Budgets and half-life.

    Attributes:
        steps: Steps that were taken and wait to be kept.

    Source:
        RULE-MIST-010. Signs: Carlini et al. (2024), arXiv:2403.06634 (logit bias); Finlayson et al. (2024),
        arXiv:2403.09539 (log-probabilities); Xu et al. (2024), arXiv:2406.08464 (empty prefixes); Krishna et al.
        (2020), arXiv:1910.12366 (random words). Sums of log-likelihood ratios: Page (1954), Biometrika 41:100-115.
    """

    info = DetectorInfo(
        id="extraction-watch",
        hazards=HAZARDS,
        stages=(Stage.TRAFFIC,),
        reach_chars=0,
        budget_seconds=0.01,
    )

    def __init__(self, memory: TrafficMemory | None = None, limits: Limits | None = None) -> None:
        self.memory = TrafficMemory() if memory is None else memory
        self.limits = limits or Limits()
        self.steps = StepsWaiting()
        self._jobs = KnownJobs()

    def open(self) -> None:
        """Nothing is loaded: what it knows it learns from traffic."""

    def excuse(self, jobs: KnownJobs) -> None:
        """Let nothing follow from the traffic of these jobs from now on."""
        self._jobs = jobs

    def examine(self, view: View) -> Reading:
        """Enter the exchange of `view.facts` and return what is thought of its caller.

        While a caller is throttled, one exchange in each interval goes through and reads as nothing: a score would
        hold it back as a finding does.
        """
        exchange = read(view.facts)
        if self._jobs.find(exchange.tenant, exchange.key, exchange.t):
            # Watched, so that a person sees what it came to; nothing follows, and its tenant does not answer for it.
            own_trace = self.memory.trace(exchange.tenant, exchange.key, exchange.t)
            enter(exchange, own_trace, self.limits, self.memory.baseline.task_share)
            return NOTHING
        own, whole = self.observe(exchange)
        for suspicion in (own,) if own is whole else (own, whole):
            self._note(suspicion)
        worst = max(own, whole, key=lambda s: s.probability)
        scores = {h: max(own.probabilities[h], whole.probabilities[h]) for h in HAZARDS}
        if worst.step is Step.NONE:
            return Reading(scores=scores)
        wait = self._wait(exchange, worst)
        return Reading((_finding(worst, wait),), scores) if wait else NOTHING

    def observe(self, exchange: Exchange) -> tuple[Suspicion, Suspicion]:
        """Enter an exchange; return what is thought of its key and of its tenant."""
        limits, share = self.limits, self.limits.tenant_share
        baseline = self.memory.baseline
        ordinary = baseline.task_share
        whole = self.memory.trace(exchange.tenant, "", exchange.t)
        if not (exchange.is_bare or exchange.is_gibberish):
            baseline.add(whole, exchange.is_task)
        if not exchange.key:
            # Without keys the tenant is the caller.
            enter(exchange, whole, limits, ordinary)
            only = _suspicion(exchange.tenant, "", whole, limits, 1.0)
            return only, only
        own = self.memory.trace(exchange.tenant, exchange.key, exchange.t)
        enter_whole(exchange, whole, enter(exchange, own, limits, ordinary), limits)
        return (
            _suspicion(exchange.tenant, exchange.key, own, limits, 1.0),
            _suspicion(exchange.tenant, "", whole, limits, share),
        )

    def colluders(self, tenant: str) -> tuple[str, ...]:
        """Return the keys that stand behind what is thought of a tenant: those with evidence of their own."""
        whole = self.memory.known(tenant)
        weights = {
            key: max(trace.evidence.values(), default=0.0)
            for key in (whole.members if whole else ())
            if (trace := self.memory.known(tenant, key)) is not None
        }
        least = max(_LEAST_EVIDENCE, 0.35 * max(weights.values(), default=0.0))
        return tuple(key for key, weight in weights.items() if weight >= least)

    def standing(self, tenant: str, key: str) -> Step:
        """Return the step of a caller, or of its whole tenant when that is further, without entering an exchange."""
        return max((step for step, _, _ in self._steps_of(tenant, key)), default=Step.NONE, key=lambda step: step.rank)

    def note_hardened(self, tenant: str, key: str, changes: Sequence[str]) -> None:
        """Take note that requests of a caller are changed; told once for each suspicion."""
        steps = self._steps_of(tenant, key)
        if not steps:
            return
        _, name, trace = max(steps, key=lambda found: found[0].rank)
        if not trace.is_hardened:
            trace.is_hardened = True
            told = tuple(change.partition(", since")[0] for change in changes)
            self.steps.add(
                StepTaken(at=trace.last_t, tenant=tenant, key=name, kind=StepKind.HARDENING, evidence=told)
            )

    def thought_of(self, tenant: str, key: str, trace: Trace) -> Suspicion:
        """Return what is thought of a caller now, without entering an exchange."""
        is_whole = not key and bool(trace.members)
        told = probabilities(trace, self.limits, share=self.limits.tenant_share if is_whole else 1.0)
        hazard = max(told, key=told.__getitem__)
        return Suspicion(tenant, key, step_of(told[hazard]), hazard, told, trace, trace.is_proposed)

    def _steps_of(self, tenant: str, key: str) -> list[tuple[Step, str, Trace]]:
        found = []
        for name, share in ((key, 1.0), ("", self.limits.tenant_share)) if key else (("", 1.0),):
            trace = self.memory.known(tenant, name)
            if trace is not None:
                if self._jobs.find(tenant, key, trace.last_t):
                    return []
                found.append((step_of(max(probabilities(trace, self.limits, share=share).values())), name, trace))
        return found

    def _note(self, suspicion: Suspicion) -> None:
        """Let a further step of a suspicion wait to be kept; each is told of once until the suspicion has gone."""
        trace = suspicion.trace
        if suspicion.step is Step.NONE:
            trace.told, trace.is_proposed, trace.is_hardened = 0, False, False
            return
        if suspicion.step.rank > trace.told:
            trace.told = suspicion.step.rank
            self._take(suspicion, StepKind(suspicion.step))
        if suspicion.proposes_suspension and not trace.is_proposed:
            trace.is_proposed = True
            self._take(suspicion, StepKind.PROPOSAL)

    def _take(self, suspicion: Suspicion, kind: StepKind) -> None:
        self.steps.add(
            StepTaken(
                at=suspicion.trace.last_t,
                tenant=suspicion.tenant,
                key=suspicion.key,
                kind=kind,
                hazard=suspicion.hazard,
                probability=suspicion.probability,
                evidence=suspicion.evidence,
            )
        )

    def _wait(self, exchange: Exchange, worst: Suspicion) -> int:
        """Return how many seconds the caller must wait; 0 when this exchange goes through."""
        trace = self.memory.trace(worst.tenant, worst.key, exchange.t)
        was_held, trace.is_held = trace.is_held, True
        passed = exchange.t - trace.admitted_at
        if not was_held and trace.admitted_at == float("-inf"):
            trace.admitted_at = exchange.t  # the first time it is told, not let through
            return worst.step.interval_seconds
        if passed >= worst.step.interval_seconds:
            trace.admitted_at, trace.is_held = exchange.t, False
            return 0
        return max(1, round(worst.step.interval_seconds - passed))


def _suspicion(tenant: str, key: str, trace: Trace, limits: Limits, share: float) -> Suspicion:
    told = probabilities(trace, limits, share=share)
    hazard = max(told, key=told.__getitem__)
    step = step_of(told[hazard])
    if step is not Step.ALERT:
        if step is Step.NONE:
            trace.alert_since = None
        return Suspicion(tenant, key, step, hazard, told, trace)
    if trace.alert_since is None:
        trace.alert_since = trace.last_t
    is_lasting = trace.last_t - trace.alert_since >= limits.suspension_after_seconds
    return Suspicion(tenant, key, step, hazard, told, trace, is_lasting)


def _finding(worst: Suspicion, wait: int) -> Finding:
    proposal = (SUSPENSION,) if worst.proposes_suspension else ()
    who = "this key" if worst.key else "this tenant"
    return Finding(
        hazard=worst.hazard,
        confidence=worst.probability,
        message=(
            f"The traffic of {who} looks like model extraction: {_WHY[worst.hazard]}. "
            f"It is slowed down to one exchange in {worst.step.interval_seconds} seconds "
            "until it looks ordinary again; a person can lift this at any time."
            + (" The operator has been asked to decide on a suspension." if worst.proposes_suspension else "")
        ),
        evidence=(f"step={worst.step}", *proposal, *worst.evidence, f"retry_after_seconds={wait}"),
    )
