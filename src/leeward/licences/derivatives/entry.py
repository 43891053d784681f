"""What the registry of derivatives keeps: entries, what is wrong with them, and their history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Kind(StrEnum):
    """How a model was made from others."""

    FINE_TUNE = "fine-tune"
    MERGE = "merge"
    QUANTISATION = "quantisation"
    ADAPTER = "adapter"
    UNTOLD = "untold"  # its weights or its name show an origin, and no file says how it was made


class State(StrEnum):
    """Where an entry stands."""

    CLEAR = "clear"
    NOTICED = "noticed"  # a notice is out, with a deadline
    RESTRICTED = "restricted"  # the deadline passed: the gateway refuses the model
    LIFTED = "lifted"  # a person accepts what is wrong, with a reason
    CLOSED = "closed"  # a person put the entry away, with a reason


class Step(StrEnum):
    """What happened to an entry."""

    RECORDED = "recorded"
    DECLARED = "declared"
    CHANGED = "changed"
    NOTICED = "noticed"
    EXTENDED = "extended"
    RESTRICTED = "restricted"
    LIFTED = "lifted"
    REMEDIED = "remedied"
    CLOSED = "closed"
    REOPENED = "reopened"


class Fault(StrEnum):
    """What kind of thing is wrong; `UNCLEAR` needs a person's look and brings no notice."""

    MISSING_NOTICE = "missing-notice"
    WRONG_NAME = "wrong-name"
    INCOMPATIBLE_LICENCE = "incompatible-licence"
    UNDECLARED = "undeclared-derivative"
    UNCLEAR = "unclear"


# Every code of a scan's findings, and what kind of fault it is.
FAULTS: Final[Mapping[str, Fault]] = MappingProxyType(
    {
        "licence-copy-missing": Fault.MISSING_NOTICE,
        "notice-missing": Fault.MISSING_NOTICE,
        "changes-not-stated": Fault.MISSING_NOTICE,
        "attribution-required": Fault.MISSING_NOTICE,
        "name-required": Fault.WRONG_NAME,
        "endorsement-claimed": Fault.WRONG_NAME,
        "licence-conflict": Fault.INCOMPATIBLE_LICENCE,
        "licences-incompatible": Fault.INCOMPATIBLE_LICENCE,
        "licence-not-that-of-the-file": Fault.INCOMPATIBLE_LICENCE,
        "base-undeclared": Fault.UNDECLARED,
        "undeclared-derivative": Fault.UNDECLARED,
        "origin-loop": Fault.UNDECLARED,
        "base-unknown": Fault.UNCLEAR,
        "licence-unknown": Fault.UNCLEAR,
        "unreadable": Fault.UNCLEAR,
    }
)


def filed(name: str) -> str:
    """Return the name under which the registry files a model: packaging counts, upper case does not."""
    return name.strip().lower()


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Something to put right.

    Attributes:
        code: Of the scan's finding; a key of `FAULTS`.
        licence: Id of the licence that asks for it; empty when none does.
        about: The other model that it is about; empty when none is.
    """

    code: str
    message: str
    remedy: str
    licence: str = ""
    about: str = ""

    @property
    def fault(self) -> Fault:
        """What kind of thing is wrong."""
        return FAULTS[self.code]

    @property
    def key(self) -> str:
        """What makes it the same problem in another scan."""
        return f"{self.code} {self.about}".strip()


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One model made from another, and what says so.

    Attributes:
        relation: How, as the files tell it; `untold` when only weights do.
        sources: Files that say so, `weights`, or `declaration`.
        score: Likeness of the weights, in [0, 1]; None when they were not compared.
        verdict: On the weights; empty when they were not compared.
    """

    child: str
    parent: str
    relation: str
    sources: tuple[str, ...]
    score: float | None = None
    verdict: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a derivative.

    Attributes:
        where: Machine or store that it lies on, as the person who scanned calls it; may be empty.
        path: Where it lies; empty while it was only declared.
        bases: Models that it was made from, nearest first.
        licence: Id of the licence that binds it; empty when none is known.
        declared_licence: What its files call its licence.
        lineage: All that lies above it, and what says so.
    """

    name: str
    where: str = ""
    path: str = ""
    kind: Kind
    bases: tuple[str, ...]
    licence: str = ""
    declared_licence: str = ""
    problems: tuple[Problem, ...] = ()
    lineage: tuple[Link, ...] = ()

    @property
    def faults(self) -> tuple[Problem, ...]:
        """The problems that bring a notice."""
        return tuple(problem for problem in self.problems if problem.fault is not Fault.UNCLEAR)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One derivative in the registry.

    Attributes:
        id: ULID.
        place: Digest of where it lies, or of its name while it was only declared.
        declared_bases: Models that a person declared it to be made from.
        served_as: Further names under which servers offer it.
        due_at: When the notice runs out; None while none is out.
        excused: Keys of the problems that a person accepted.
        recorded_at, first_seen, last_seen: Seconds since the epoch; a declared one may not have been seen.
    """

    id: str
    place: str
    facts: Facts
    state: State = State.CLEAR
    due_at: float | None = None
    declared_bases: tuple[str, ...] = ()
    served_as: tuple[str, ...] = ()
    excused: tuple[str, ...] = ()
    recorded_at: float
    first_seen: float | None = None
    last_seen: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One step of an entry's history.

    Attributes:
        who: A person, `scan by` a person, or `deadline`.
        state, due_at: As the step left them.
    """

    at: float
    who: str
    step: Step
    why: str
    state: State
    due_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries are wanted; empty and None stand for all.

    Attributes:
        text: Part of the name, a base, or the path.
        with_closed: Whether those that a person put away are wanted too.
        before: Only entries older than this id.
    """

    state: State | None = None
    kind: Kind | None = None
    fault: Fault | None = None
    text: str = ""
    with_closed: bool = False
    before: str = ""
