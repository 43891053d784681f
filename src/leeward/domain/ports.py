"""Ports: what the core asks of the outside."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, runtime_checkable

from leeward.domain.caller import Caller
from leeward.domain.finding import Finding, Reading
from leeward.domain.record import Closed, Evidence, Opened
from leeward.domain.view import Stage, View


class Placement(StrEnum):
    """Where a detector runs."""

    INLINE = "inline"  # linear time and short: on the event loop
    THREAD = "thread"  # may take long or block: in a worker thread, under a deadline


@dataclass(frozen=True, slots=True, kw_only=True)
class DetectorInfo:
    """What the house must know of a detector.

    Attributes:
        id: Name in rulesets, e.g. `front-text`.
        hazards: Hazards it can give; a trailing `*` stands for a family, e.g. `CWE-*`.
        stages: Stages it understands.
        reach_chars: Longest text that one finding may need to be seen whole. A stream releases text only
            when it lies further back than the reach of every detector that watches it.
        budget_seconds: Longest time for one look; a THREAD detector is cut off there.
        placement: Where it runs.
    """

    id: str
    hazards: tuple[str, ...]
    stages: tuple[Stage, ...]
    reach_chars: int
    budget_seconds: float
    placement: Placement = Placement.INLINE


class Detector(Protocol):
    """Looks at a view and says what it sees; does not decide, log, retry, or know the rules."""

    info: DetectorInfo

    def open(self) -> None:
        """Load what is needed; called once, before the first `examine`.

        Raises:
            DetectorError: If it cannot be used; the gateway does not start.
        """

    def examine(self, view: View) -> Reading:
        """Return what is seen in `view`; may raise anything, which means "could not look"."""


@runtime_checkable
class Explains(Protocol):
    """A detector whose scores alone are cheap, and that says why when one of them fires a rule."""

    def explain(self, view: View, hazard: str, confidence: float) -> Finding:
        """Return the finding behind a score that it gave for `view`."""


@runtime_checkable
class Glances(Protocol):
    """A THREAD detector that can often tell at once, so that most views need no thread."""

    def glance(self, view: View) -> Reading | None:
        """Return what is seen in `view`, on the event loop, so in linear time and short; None means look whole."""


@runtime_checkable
class MayBeBlind(Protocol):
    """A detector that may have nothing to compare with; its rules then count as unchecked, though nothing failed."""

    @property
    def is_blind(self) -> bool:
        """Whether looking tells nothing."""


class Judges(Protocol):
    """A model elsewhere that is asked where a classifier is unsure; asking may block for `timeout_seconds`."""

    @property
    def timeout_seconds(self) -> float:
        """Longest time that one `ask` takes."""

    def is_unsure(self, score: float) -> bool:
        """Whether a classifier's score lies in the band in which the judge is asked."""

    def ask(self, text: str, context: str, stage: Stage, hazards: Collection[str] = ()) -> Mapping[str, float] | None:
        """Return a probability for each of `hazards` that the judge can tell of; without hazards, for all that it can.

        Args:
            text: The text in question.
            context: As `View.context`.
            stage: Where the text comes from.
            hazards: The unsure ones; each may cost a request.

        Returns:
            Probabilities in [0, 1]; None when the judge could not be asked, or told nothing, and the classifier's own
            score stands: the finding must say so.

        Raises:
            DetectorError: In the same case, where the operator wants that to count as "could not look".
        """


@runtime_checkable
class Consults(Protocol):
    """A detector that asks judges where it is unsure."""

    def consult(self, judges: Judges) -> None:
        """Ask `judges` from now on; called before the first `examine`, and not at all where no judge is set up."""


class Clock(Protocol):
    """Time."""

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""


class Ids(Protocol):
    """Ids of decisions."""

    def new(self) -> str:
        """Return a fresh ULID: 26 characters, sorted by time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordLine:
    """A record as lists show it: opened and, once it has ended, closed."""

    opened: Opened
    closed: Closed | None


class RecordStore(Protocol):
    """Keeps records; append-only."""

    async def open_record(self, record: Opened) -> None:
        """Return when the record is safely kept.

        Raises:
            StorageError: If it is not; the exchange must not go on unless the operator said so.
        """

    def close_record(self, record: Closed, evidence: Sequence[Evidence] = ()) -> None:
        """Queue the end of an exchange; kept within a second or counted as lost."""

    def latest(self, limit: int, before: str = "") -> Sequence[RecordLine]:
        """Return the newest records, newest first, older than id `before` when given."""

    def find(self, record_id: str) -> RecordLine | None:
        """Return one record, or None."""


class KeyStore(Protocol):
    """Knows virtual keys by the hash of their secret."""

    def caller_of(self, secret_hash: bytes) -> Caller | None:
        """Return who holds the key with this SHA-256, or None when it is unknown or revoked."""

    def is_empty(self) -> bool:
        """Whether no key was ever made; may be up to two seconds old."""
