"""Steps that are taken about a caller, and jobs that the operator knows."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from enum import StrEnum

# Steps that wait to be kept; more than this come only while the store is away for long.
_MOST_WAITING = 1_000


class StepKind(StrEnum):
    """What was done."""

    SOFT = "soft"
    HARD = "hard"
    ALERT = "alert"
    PROPOSAL = "proposal"  # a person is asked to decide on a suspension
    HARDENING = "hardening"  # replies began to be hardened
    LIFT = "lift"  # a person ended the suspicion


@dataclass(frozen=True, slots=True, kw_only=True)
class StepTaken:
    """One step, as it is kept.

    Attributes:
        at: Seconds since the epoch, UTC.
        key: Public id of the key; empty for the tenant as a whole.
        hazard: What was suspected; empty for what a person did.
        evidence: Counters as `name=number`, or what was changed in requests; never text of an exchange.
        actor: Who did it: `extraction-watch`, or the name that a person gave.
        reason: Why a person did it.
    """

    at: float
    tenant: str
    key: str
    kind: StepKind
    hazard: str = ""
    probability: float = 0.0
    evidence: tuple[str, ...] = ()
    actor: str = "extraction-watch"
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownJob:
    """A job that the operator knows: it is watched, but nothing follows from what is seen.

    Attributes:
        key: Public id of the key; empty stands for every key of the tenant.
        until: When it ends, in seconds since the epoch, UTC.
    """

    tenant: str
    key: str
    until: float
    reason: str


class KnownJobs:
    """The jobs that the operator knows."""

    def __init__(self, jobs: tuple[KnownJob, ...] = ()) -> None:
        self._jobs = {(job.tenant, job.key): job for job in jobs}

    def find(self, tenant: str, key: str, t: float) -> KnownJob | None:
        """Return the job that a caller runs at time `t`, or None."""
        if not self._jobs:
            return None
        for name in ((tenant, key), (tenant, "")):
            job = self._jobs.get(name)
            if job is not None and t < job.until:
                return job
        return None


class StepsWaiting:
    """Steps that have been taken and wait to be kept; the oldest give way when nobody takes them."""

    def __init__(self) -> None:
        self._waiting: deque[StepTaken] = deque(maxlen=_MOST_WAITING)
        self.lost = 0

    def add(self, step: StepTaken) -> None:
        """Let a step wait."""
        self.lost += len(self._waiting) == _MOST_WAITING
        self._waiting.append(step)

    def take(self) -> tuple[StepTaken, ...]:
        """Return those that wait, and forget them here."""
        taken = tuple(self._waiting)
        self._waiting.clear()
        return taken

    def put_back(self, steps: tuple[StepTaken, ...]) -> None:
        """Let steps wait again that could not be kept."""
        for step in reversed(steps):
            if len(self._waiting) == _MOST_WAITING:
                self.lost += 1
            else:
                self._waiting.appendleft(step)
