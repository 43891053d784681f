"""Entries of the registry of derivatives as tests need them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from leeward.licences.derivatives.entry import Entry, Facts, Kind, Link, Problem
from leeward.licences.derivatives.sighting import Sighting
from leeward.licences.derivatives.steps import Stamp, record
from leeward.licences.registry import tidy
from model_folders import LARGE
from services_fixtures import START, record_id

DAY = 86_400.0
NOTICE = Problem(
    code="notice-missing", message="MRL-0.1 wants this notice", remedy="Put it into NOTICE", licence="MRL-0.1"
)
COPY = Problem(code="licence-copy-missing", message="MRL-0.1 wants its text", remedy="Put it there", licence="MRL-0.1")
HIDDEN = Problem(
    code="undeclared-derivative", message="its weights were made from", remedy="Say so", licence="MRL-0.1", about=LARGE
)


@dataclass
class Numbers:
    """Gives ids in order."""

    count: int = 0

    def new(self) -> str:
        self.count += 1
        return record_id(START, self.count)


def facts(name: str = "ours-13b", *problems: Problem, bases: tuple[str, ...] = (LARGE,), **changed: object) -> Facts:
    told = Facts(
        name=name,
        path=f"/models/{name}",
        kind=Kind.FINE_TUNE,
        bases=bases,
        licence="MRL-0.1",
        declared_licence="mrl",
        problems=problems,
        lineage=tuple(Link(child=name, parent=base, relation="fine-tune", sources=("README.md",)) for base in bases),
    )
    return replace(told, **changed)  # type: ignore[arg-type]


def sighting(told: Facts, **changed: object) -> Sighting:
    """Return what a scan tells; the files name the bases unless `named` says otherwise."""
    fields: dict[str, object] = {
        "is_derivative": bool(told.bases),
        "place": f"place of {told.path}",
        "facts": told,
        "named": frozenset(tidy(base) for base in told.bases),
    }
    return Sighting(**{**fields, **changed})  # type: ignore[arg-type]


def stamp(days: float = 0.0, who: str = "scan by ada", notice_days: float = 30.0) -> Stamp:
    return Stamp(START + days * DAY, who, notice_days * DAY)


def entry(*problems: Problem, name: str = "ours-13b", **changed: object) -> Entry:
    """Return an entry as the first scan leaves it."""
    made = record(record_id(START, 7), sighting(facts(name, *problems)), stamp()).entry
    return replace(made, **changed)  # type: ignore[arg-type]
