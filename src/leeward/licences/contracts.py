"""Separate licences that tenants hold: which models they cover, and until when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Final

from leeward.licences.registry import Match, tidy

WARN_DAYS: Final = 30
DAY_SECONDS: Final = 86_400


class Standing(StrEnum):
    """Where a contract stands on a day."""

    UPCOMING = "upcoming"
    VALID = "valid"
    EXPIRING = "expiring"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """A separate licence from a licensor.

    Attributes:
        reference: Its number, as it stands in the contract.
        models: Names or globs that it covers; empty means every model.
        purposes: Words of `use.PURPOSES` that it covers; empty means every purpose.
        starts: First day, UTC; None when it has begun.
        expires: Last day, UTC, that day included; None when it has no end.
    """

    reference: str
    models: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    starts: date | None = None
    expires: date | None = None

    def covers(self, match: Match, purpose: str | None) -> bool:
        """Whether it is about this model, under any of its names, and about this purpose.

        A contract about every model covers none whose licensor nobody knows; one that names such a model does.
        """
        if self.purposes and purpose not in self.purposes:
            return False
        globs = {tidy(glob) for glob in self.models} - {"*"}
        if (not globs or "*" in self.models) and (match.model or match.licence):
            return True
        return any(fnmatchcase(name, glob) for name in _names(match) for glob in globs)

    def is_over(self, today: date | None) -> bool:
        """Whether its last day has passed; where nobody knows the day, what has an end counts as over."""
        return self.expires is not None and (today is None or today > self.expires)

    def is_in_force(self, today: date | None) -> bool:
        """Whether it has begun and is not over."""
        has_begun = self.starts is None or (today is not None and today >= self.starts)
        return has_begun and not self.is_over(today)

    def days_left(self, today: date) -> int | None:
        """Return the days until its last day, 0 on that day, negative when it is over; None without an end."""
        return None if self.expires is None else (self.expires - today).days

    def standing(self, today: date, warn_days: int = WARN_DAYS) -> Standing:
        """Return where it stands; it is expiring during its last `warn_days` days."""
        left = self.days_left(today)
        if left is not None and left < 0:
            return Standing.EXPIRED
        if self.starts is not None and today < self.starts:
            return Standing.UPCOMING
        return Standing.EXPIRING if left is not None and left <= warn_days else Standing.VALID


@dataclass(frozen=True, slots=True)
class Held:
    """A contract, or a declaration that must be renewed, of one tenant.

    Attributes:
        kind: `contract`, or `declaration` for what the tenant declares about its use.
    """

    tenant: str
    contract: Contract
    kind: str = "contract"

    def told(self, today: date, warn_days: int) -> str:
        """Return one sentence about an end that is near or past; empty when there is nothing to say."""
        left = self.contract.days_left(today)
        what = f"The licence contract {self.contract.reference}" if self.kind == "contract" else "The declared use"
        match self.contract.standing(today, warn_days):
            case Standing.EXPIRING:
                return f"{what} of tenant {self.tenant} ends on {self.contract.expires}, in {left} days. Renew it."
            case Standing.EXPIRED:
                return f"{what} of tenant {self.tenant} ended on {self.contract.expires}: it covers nothing any more."
            case _:
                return ""


def day_of(t: float) -> date:
    """Return the day, UTC, of a time in seconds since the epoch."""
    return datetime.fromtimestamp(t, UTC).date()


def in_force(contracts: Iterable[Contract], match: Match, purpose: str | None, today: date | None) -> Contract | None:
    """Return the contract that covers the model today: of several the one that lasts longest."""
    some = [c for c in contracts if c.covers(match, purpose) and c.is_in_force(today)]
    return max(some, key=lambda c: c.expires or date.max, default=None)


def last_over(contracts: Iterable[Contract], match: Match, purpose: str | None, today: date | None) -> Contract | None:
    """Return the contract that covered the model and ended last."""
    some = [c for c in contracts if c.covers(match, purpose) and c.is_over(today)]
    return max(some, key=lambda c: c.expires or date.min, default=None)


def _names(match: Match) -> Sequence[str]:
    return list(dict.fromkeys(_all_names(match)))


def _all_names(match: Match) -> Iterator[str]:
    yield tidy(match.name)
    if match.model:
        yield match.model.id
        yield from (tidy(name) for name in (*match.model.repos, *match.model.names))
