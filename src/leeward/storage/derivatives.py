"""The registry of derivatives: who was made from whom, what is wrong with it, and when that has consequences."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from leeward.domain.ports import Clock, Ids
from leeward.errors import StorageError
from leeward.licences.derivatives import steps
from leeward.licences.derivatives.entry import Entry, Event, Facts, State, Step, Wanted, filed
from leeward.licences.derivatives.restrictions import Restrictions
from leeward.licences.derivatives.sighting import Sighting, place_of_name
from leeward.licences.derivatives.steps import Change, Stamp
from leeward.licences.registry import Registry
from leeward.storage.derivative_rows import entry_of, entry_row, event_of, event_row
from leeward.storage.engine import translated, writing
from leeward.storage.tables import DERIVATIVE_HISTORY, DERIVATIVES

PAGE: Final = 50
_ALL: Final = 100_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry as a scan left it, and what that added to its history."""

    entry: Entry
    events: tuple[Event, ...]

    @property
    def is_new(self) -> bool:
        """Whether the scan found it for the first time."""
        return any(event.step is Step.RECORDED for event in self.events)


class SqlDerivatives:
    """The registry in a database; every step is written with its history in one transaction, or not at all.

    Args:
        ids: Gives an id to a new entry.
    """

    def __init__(self, engine: Engine, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._clock = clock
        self._ids = ids

    def record(self, seen: Iterable[Sighting], who: str, notice_seconds: float) -> tuple[Recorded, ...]:
        """Keep what a scan saw, and return the entries that it touched.

        A model that comes from no other is kept only where the registry knows its place already: a derivative does
        not leave the registry by saying less of itself.

        Args:
            who: Who had the scan made.
            notice_seconds: Time that a notice gives.

        Raises:
            StorageError: If it cannot be kept.
        """
        stamp = Stamp(self._clock.now(), who, notice_seconds)
        with self._writing("recording derivatives") as connection:
            told = [self._record(connection, sighting, stamp) for sighting in seen]
        return tuple(one for one in told if one is not None)

    def _record(self, connection: Connection, seen: Sighting, stamp: Stamp) -> Recorded | None:
        known = _known(connection, seen.place, seen.facts.name)
        if known is None and not seen.is_derivative:
            return None
        change = steps.see(known, seen, stamp) if known else steps.record(self._ids.new(), seen, stamp)
        _write(connection, change, is_new=known is None)
        return Recorded(change.entry, change.events)

    def declare(self, facts: Facts, served_as: tuple[str, ...], why: str, stamp: Stamp) -> Entry:
        """Keep what a person declares of a model, found by its name or new, and return its entry.

        Raises:
            StorageError: If it cannot be kept.
        """
        with self._writing("declaring a derivative") as connection:
            known = _named(connection, facts.name)
            if known is None:
                place = place_of_name(facts.name)
                change = steps.declare_new(self._ids.new(), place, facts, served_as, why, stamp)
            else:
                change = steps.declare(known, facts, served_as, why, stamp)
            _write(connection, change, is_new=known is None)
        return change.entry

    def change(self, entry_id: str, step: Callable[[Entry], Change]) -> Entry:
        """Do a step, and return the entry after it.

        Raises:
            StorageError: If there is no such entry, or if it cannot be kept.
            TransitionError: If the entry does not allow this step.
        """
        return self._change(entry_id, step).entry

    def _change(self, entry_id: str, step: Callable[[Entry], Change]) -> Change:
        with self._writing("changing an entry") as connection:
            row = connection.execute(_locked(DERIVATIVES.c.id == entry_id)).mappings().one_or_none()
            if row is None:
                raise unknown_entry(entry_id)
            change = step(entry_of(row))
            _write(connection, change, is_new=False)
        return change

    def sweep(self) -> tuple[Entry, ...]:
        """Restrict every model whose notice has run out, and return the entries of those.

        Any number of processes may do this at once: each entry is restricted by the one that locks its row first.

        Raises:
            StorageError: If the store cannot be read or written.
        """
        stamp = Stamp(self._clock.now(), steps.DEADLINE)
        due = [entry.id for entry in self.due(stamp.at)]
        changes = [self._change(entry_id, partial(steps.restrict, stamp=stamp)) for entry_id in due]
        return tuple(change.entry for change in changes if change.events)

    def due(self, now: float) -> tuple[Entry, ...]:
        """Return the entries whose notice has run out at `now`, longest ago first.

        Raises:
            StorageError: If they cannot be read.
        """
        is_due = sa.and_(DERIVATIVES.c.state == State.NOTICED.value, DERIVATIVES.c.due_at <= now)
        return self._read(sa.select(DERIVATIVES).where(is_due).order_by(DERIVATIVES.c.due_at))

    def noticed(self) -> tuple[Entry, ...]:
        """Return the entries under a notice or a restriction, first deadline first.

        Raises:
            StorageError: If they cannot be read.
        """
        states = (State.NOTICED.value, State.RESTRICTED.value)
        return self._read(sa.select(DERIVATIVES).where(DERIVATIVES.c.state.in_(states)).order_by(DERIVATIVES.c.due_at))

    def restrictions(self, registry: Registry) -> Restrictions:
        """Return which models are restricted now.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = sa.select(DERIVATIVES).where(DERIVATIVES.c.state == State.RESTRICTED.value)
        return Restrictions(self._read(statement.order_by(DERIVATIVES.c.id)), registry)

    def list(self, wanted: Wanted, limit: int = _ALL) -> tuple[Entry, ...]:
        """Return entries, newest first.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = sa.select(DERIVATIVES).where(*_conditions(wanted)).order_by(DERIVATIVES.c.id.desc())
        return self._read(statement.limit(limit))

    def counts(self) -> Mapping[State, int]:
        """Return how many entries stand where; every state has a number.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = sa.select(DERIVATIVES.c.state, sa.func.count()).group_by(DERIVATIVES.c.state)
        with translated(self._engine, "counting derivatives"), self._engine.connect() as connection:
            found = {State(state): count for state, count in connection.execute(statement)}
        return {state: found.get(state, 0) for state in State}

    def find(self, entry_id: str) -> Entry | None:
        """Return one entry, or None.

        Raises:
            StorageError: If it cannot be read.
        """
        return next(iter(self._read(sa.select(DERIVATIVES).where(DERIVATIVES.c.id == entry_id))), None)

    def ids_of(self, names: Collection[str]) -> Mapping[str, str]:
        """Return the ids of entries that go by these names, as the registry files them; the newest of several.

        Raises:
            StorageError: If they cannot be read.
        """
        asked = DERIVATIVES.c.name.in_(sorted({filed(name) for name in names}))
        statement = sa.select(DERIVATIVES.c.name, DERIVATIVES.c.id).where(asked).order_by(DERIVATIVES.c.id)
        with translated(self._engine, "reading derivatives"), self._engine.connect() as connection:
            return {row.name: row.id for row in connection.execute(statement)}

    def licences(self) -> Mapping[str, str]:
        """Return the ids of the licences that bind the models of the registry, by name as it files them.

        Raises:
            StorageError: If they cannot be read.
        """
        entries = reversed(self.list(Wanted(with_closed=True)))
        return {filed(entry.facts.name): entry.facts.licence for entry in entries}

    def history(self, entry_id: str) -> tuple[Event, ...]:
        """Return all steps of an entry, oldest first.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = sa.select(DERIVATIVE_HISTORY).where(DERIVATIVE_HISTORY.c.entry == entry_id)
        with translated(self._engine, "reading a history"), self._engine.connect() as connection:
            rows = connection.execute(statement.order_by(DERIVATIVE_HISTORY.c.number)).mappings().all()
        return tuple(event_of(row) for row in rows)

    def _read(self, statement: sa.Select[Any]) -> tuple[Entry, ...]:
        with translated(self._engine, "reading derivatives"), self._engine.connect() as connection:
            return tuple(entry_of(row) for row in connection.execute(statement).mappings())

    @contextmanager
    def _writing(self, doing: str) -> Iterator[Connection]:
        with translated(self._engine, doing), writing(self._engine) as connection:
            yield connection


def unknown_entry(entry_id: str) -> StorageError:
    """Return the error for an entry that was never made."""
    return StorageError(
        f"There is no entry {entry_id!r} in the registry of derivatives.",
        remedy="`leeward licence registry list --all` shows the ids of all entries.",
    )


def _conditions(wanted: Wanted) -> Iterable[sa.ColumnElement[bool]]:
    table = DERIVATIVES.c
    if wanted.state is not None:
        yield table.state == wanted.state.value
    elif not wanted.with_closed:
        yield table.state != State.CLOSED.value
    if wanted.kind is not None:
        yield table.kind == wanted.kind.value
    if wanted.fault is not None:
        yield table.faults.contains(f" {wanted.fault.value} ", autoescape=True)
    if wanted.text:
        yield table.searched.contains(wanted.text.lower(), autoescape=True)
    if wanted.before:
        yield table.id < wanted.before


def _locked(condition: sa.ColumnElement[bool]) -> sa.Select[Any]:
    return sa.select(DERIVATIVES).where(condition).with_for_update()


def _known(connection: Connection, place: str, name: str) -> Entry | None:
    """Return the entry of a place, or the one that a person declared under this name before anybody saw it."""
    row = connection.execute(_locked(DERIVATIVES.c.place == place)).mappings().one_or_none()
    if row is None:
        declared = place_of_name(name)
        row = connection.execute(_locked(DERIVATIVES.c.place == declared)).mappings().one_or_none()
    return entry_of(row) if row is not None else None


def _named(connection: Connection, name: str) -> Entry | None:
    """Return the newest entry of a model that goes by this name, or None."""
    statement = _locked(DERIVATIVES.c.name == filed(name)).order_by(DERIVATIVES.c.id.desc()).limit(1)
    row = connection.execute(statement).mappings().one_or_none()
    return entry_of(row) if row is not None else None


def _write(connection: Connection, change: Change, *, is_new: bool) -> None:
    entry = change.entry
    if is_new:
        connection.execute(sa.insert(DERIVATIVES).values(entry_row(entry)))
    else:
        connection.execute(sa.update(DERIVATIVES).where(DERIVATIVES.c.id == entry.id).values(entry_row(entry)))
    count = sa.select(sa.func.count()).where(DERIVATIVE_HISTORY.c.entry == entry.id)
    begun = 0 if is_new else connection.scalar(count) or 0
    for number, event in enumerate(change.events, begun + 1):
        connection.execute(sa.insert(DERIVATIVE_HISTORY).values(event_row(entry.id, number, event)))
