"""What the desk asks of the store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from leeward.domain.disposition import Disposition
from leeward.domain.ports import RecordStore


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
