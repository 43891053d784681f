"""What the operator settles about licences: contracts of tenants, confirmed models, what to do with unknown ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from typing import Final

from leeward.errors import SettingsError
from leeward.licences.contracts import WARN_DAYS, Contract, Held
from leeward.licences.registry import Match, Registry, tidy
from leeward.licences.usage import UsageLimits
from leeward.licences.use import Use, day_in, read_declaration


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What the operator has settled.

    Attributes:
        contracts: Separate licences by tenant.
        declared: What each tenant declares of its use, as in the settings.
        confirmed: By name or glob of a model: id of the licence that a person has read, or the model it was made from.
        serves_unknown: Whether models are served whose licence nobody knows; they are recorded.
        warn_days: How long before its end a contract or declaration is warned about.
        usage: From when on traffic of a tenant that declares research looks like production.
    """

    contracts: Mapping[str, tuple[Contract, ...]] = field(default_factory=dict)
    declared: Mapping[str, Use] = field(default_factory=dict)
    confirmed: Mapping[str, str] = field(default_factory=dict)
    serves_unknown: bool = False
    warn_days: int = WARN_DAYS
    usage: UsageLimits = field(default_factory=UsageLimits)

    def contracts_of(self, tenant: str) -> tuple[Contract, ...]:
        """Return the separate licences of a tenant."""
        return self.contracts.get(tenant, ())

    def confirmed_for(self, model: str, requested: str) -> str:
        """Return the licence or base that a person has confirmed for a model; empty when none was.

        Args:
            model: As the model server calls it.
            requested: As the caller calls it.
        """
        for glob, told in self.confirmed.items():
            if any(fnmatchcase(name, tidy(glob)) for name in (tidy(model), tidy(requested))):
                return told
        return ""

    def held(self) -> Iterator[Held]:
        """Yield everything that has an end or might have one: contracts first, then declarations."""
        for tenant, contracts in self.contracts.items():
            yield from (Held(tenant, contract) for contract in contracts)
        for tenant, use in self.declared.items():
            if use.separate_licence_reference:
                last = _last_day(use.separate_licence_expires)
                yield Held(tenant, Contract(reference=use.separate_licence_reference, expires=last))
            if use.valid_until:
                ends = Contract(reference="", expires=_last_day(use.valid_until))
                yield Held(tenant, ends, kind="declaration")

    def told(self, today: date) -> Iterator[str]:
        """Yield a sentence about each contract and declaration whose end is near or past."""
        yield from filter(None, (held.told(today, self.warn_days) for held in self.held()))

    def notices(self, tenant: str, match: Match | None, today: date) -> tuple[str, ...]:
        """Return what a tenant should know when it uses a model: ends that are near, of what covers this model."""
        return tuple(
            text
            for held in self.held()
            if held.tenant == tenant
            and not held.contract.is_over(today)
            and (
                held.kind == "declaration" or (match is not None and held.contract.covers(match, self._purpose(tenant)))
            )
            and (text := held.told(today, self.warn_days))
        )

    def _purpose(self, tenant: str) -> str | None:
        use = self.declared.get(tenant)
        return use.purpose if use else None


NO_TERMS: Final = Terms()


def checked(terms: Terms, registry: Registry) -> Terms:
    """Return `terms`.

    Raises:
        SettingsError: If a confirmed model is said to be under a licence, or made from a model, that nobody knows.
    """
    for model, told in terms.confirmed.items():
        if told not in registry.licences and registry.resolve(told) is None:
            raise SettingsError(
                f"[licences] confirmed: {told!r}, said of {model!r}, is neither a licence nor a model of the registry",
                remedy="Name the id of a licence, or the model that it was made from, from: leeward licence list",
            )
    return terms


def declared_uses(uses: Mapping[str, Mapping[str, str | int | bool]]) -> dict[str, Use]:
    """Return what tenants declare, by tenant."""
    return {tenant: read_declaration(use).use for tenant, use in uses.items()}


def _last_day(text: str) -> date | None:
    return (day_in(text) or date.min) if text else None
