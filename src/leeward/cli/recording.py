"""What the commands about the registry of derivatives share: opening it, and how entries are told."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from rich.console import Console

from leeward.cli.opening import opened
from leeward.licences.derivatives.entry import Entry, Problem, Step
from leeward.licences.derivatives.sighting import sightings
from leeward.licences.derivatives.steps import Stamp
from leeward.licences.lineage.scan import Scan
from leeward.storage.derivatives import Recorded, SqlDerivatives, unknown_entry
from leeward.wiring.clock import SystemClock, Ulids

_DAY_SECONDS = 86_400.0


class Line(msgspec.Struct, kw_only=True):
    """One entry, as JSON; times are seconds since the epoch."""

    id: str
    name: str
    state: str
    kind: str
    bases: tuple[str, ...]
    licence: str
    declared_licence: str
    where: str
    path: str
    due_at: float | None
    problems: tuple[Problem, ...]
    declared_bases: tuple[str, ...]
    served_as: tuple[str, ...]
    first_seen: float | None
    last_seen: float | None

    @classmethod
    def of(cls, entry: Entry) -> Line:
        """Return an entry without its lineage and history."""
        facts = entry.facts
        return cls(
            id=entry.id,
            name=facts.name,
            state=entry.state.value,
            kind=facts.kind.value,
            bases=facts.bases,
            licence=facts.licence,
            declared_licence=facts.declared_licence,
            where=facts.where,
            path=facts.path,
            due_at=entry.due_at,
            problems=facts.problems,
            declared_bases=entry.declared_bases,
            served_as=entry.served_as,
            first_seen=entry.first_seen,
            last_seen=entry.last_seen,
        )


@dataclass(frozen=True, slots=True)
class Opened:
    """The registry, open.

    Attributes:
        notice_days: As the settings say.
    """

    derivatives: SqlDerivatives
    clock: SystemClock
    notice_days: float

    def stamp(self, by: str, days: float | None = None) -> Stamp:
        """Return who does something now; a notice that this brings gives `days`, or what the settings say."""
        given = self.notice_days if days is None else days
        return Stamp(self.clock.now(), by or me(), given * _DAY_SECONDS)

    def find(self, word: str) -> Entry:
        """Return the entry with this id, or the newest of a model with this name.

        Raises:
            StorageError: If there is none.
        """
        found = self.derivatives.find(word) or next(
            (entry for i in self.derivatives.ids_of([word]).values() if (entry := self.derivatives.find(i))), None
        )
        if found is None:
            raise unknown_entry(word)
        return found


@contextmanager
def registry_of(config: Path | None) -> Iterator[Opened]:
    """Yield the registry that the settings name.

    Raises:
        SettingsError: If the settings cannot be used.
        StorageError: If the store cannot.
    """
    with opened(config) as (settings, engine):
        clock = SystemClock()
        yield Opened(SqlDerivatives(engine, clock, Ulids()), clock, settings.licences.notice_days)


def keep(found: Scan, where: str, by: str, config: Path | None) -> tuple[Recorded, ...]:
    """Keep what a scan found in the registry, and return the entries that it touched."""
    with registry_of(config) as registry:
        stamp = registry.stamp(f"scan by {by or me()}")
        return registry.derivatives.record(sightings(found, where), stamp.who, stamp.notice_seconds)


def print_kept(console: Console, kept: Sequence[Recorded]) -> None:
    """Print what a scan added to the registry."""
    new = sum(one.is_new for one in kept)
    console.print(f"Recorded: {len(kept)} derivative{'' if len(kept) == 1 else 's'}, {new} new.", highlight=False)
    for one in kept:
        for event in one.events:
            told = f"  {one.entry.id} {one.entry.facts.name}: {event.step}"
            due = f" until {minute(event.due_at)} UTC" if event.step in (Step.NOTICED, Step.EXTENDED) else ""
            console.print(f"{told}{due}: {event.why}", markup=False, highlight=False, soft_wrap=True)


def me() -> str:
    """Return the name of the user of this machine."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container without a user database
        return "nobody"


def minute(seconds: float | None) -> str:
    """Return a time to the minute, in UTC; empty when there is none."""
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")


def print_json(console: Console, value: object) -> None:
    """Print a value as indented JSON."""
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    console.print(text, markup=False, highlight=False, soft_wrap=True)
