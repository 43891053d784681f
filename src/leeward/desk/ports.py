"""What the desk asks of the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from leeward.domain.disposition import Disposition
from leeward.domain.ports import RecordStore
from leeward.licences.derivatives.entry import Entry, Event, State, Wanted


class Counts(Protocol):
    """How many exchanges ended how."""

    @property
    def exchanges(self) -> int:
        """All that have ended."""

    @property
    def dispositions(self) -> Mapping[Disposition, int]:
        """By disposition."""

    @property
    def rules(self) -> Mapping[str, int]:
        """By rule that fired; an exchange counts once for each of its rules."""


class Records(RecordStore, Protocol):
    """Records, and counts of them."""

    def counts_since(self, since: float) -> Counts:
        """Return counts over the exchanges that began at `since` or later and have ended."""


class Derivatives(Protocol):
    """The registry of derivatives."""

    def list(self, wanted: Wanted, limit: int = ...) -> tuple[Entry, ...]:
        """Return entries, newest first."""

    def counts(self) -> Mapping[State, int]:
        """Return how many entries stand where; every state has a number."""

    def find(self, entry_id: str) -> Entry | None:
        """Return one entry, or None."""

    def history(self, entry_id: str) -> tuple[Event, ...]:
        """Return all steps of an entry, oldest first."""

    def ids_of(self, names: Collection[str]) -> Mapping[str, str]:
        """Return the ids of entries that go by these names, as the registry files them."""


class _Nothing:
    """A registry without entries."""

    def list(self, _: Wanted, limit: int = 0) -> tuple[Entry, ...]:  # noqa: ARG002 - nothing to limit
        return ()

    def counts(self) -> Mapping[State, int]:
        return dict.fromkeys(State, 0)

    def find(self, _: str) -> Entry | None:
        return None

    def history(self, _: str) -> tuple[Event, ...]:
        return ()

    def ids_of(self, _: Collection[str]) -> Mapping[str, str]:
        return {}


NOTHING_REGISTERED: Derivatives = _Nothing()
