"""`leeward licence entitlements`, and the tenant of `leeward licence check`."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Annotated

import cyclopts
import msgspec
from rich.console import Console
from rich.table import Table

from leeward.config.load import load_settings
from leeward.errors import SettingsError
from leeward.licences.contracts import WARN_DAYS, Contract, Held, Standing, day_of
from leeward.licences.decide import Allowed, Decision
from leeward.licences.registry import Match
from leeward.licences.terms import NO_TERMS, Terms
from leeward.licences.use import Use
from leeward.wiring.clock import SystemClock
from leeward.wiring.licences import terms_of

OK, ENDED = 0, 1
DEFAULT_CONFIG = Path("leeward.toml")
_Json = Annotated[bool, cyclopts.Parameter(name="--json", negative=())]
_COLOURS = {Standing.VALID: "green", Standing.EXPIRING: "yellow", Standing.EXPIRED: "red", Standing.UPCOMING: "dim"}


class _Row(msgspec.Struct, kw_only=True):
    tenant: str
    kind: str
    contract: str
    models: tuple[str, ...]
    purposes: tuple[str, ...]
    starts: date | None
    expires: date | None
    days_left: int | None
    standing: Standing


def entitlements(*, config: Path | None = None, json: _Json = False) -> int:
    """List contracts and declarations of tenants with their ends; exit 1 when one has ended.

    Args:
        config: Settings file; `leeward.toml` when there is one.
        json: Print JSON.
    """
    return run_list(_terms(config), today_utc(), console=Console(), as_json=json)


def run_list(terms: Terms, today: date, *, console: Console, as_json: bool) -> int:
    """Print what tenants hold; return the exit status."""
    rows = [_row(held, today, terms.warn_days) for held in terms.held()]
    if as_json:
        text = msgspec.json.format(msgspec.json.encode(rows), indent=2).decode()
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    else:
        console.print(_table(rows) if rows else "No tenant holds a contract, and no declaration has an end.")
        for sentence in terms.told(today):
            console.print(sentence, markup=False, highlight=False, soft_wrap=True)
    return ENDED if any(row.standing is Standing.EXPIRED for row in rows) else OK


@dataclass(frozen=True, slots=True)
class Tenanted:
    """What one tenant declares and holds, by the settings.

    Attributes:
        name: Its id; empty when none was named.
    """

    name: str = ""
    terms: Terms = NO_TERMS

    @classmethod
    def read(cls, tenant: str, config: Path | None) -> Tenanted:
        """Return what the settings say of `tenant`, or of models alone when it is empty.

        Raises:
            SettingsError: If they do not know it.
        """
        terms = _terms(config)
        known = sorted({*terms.declared, *terms.contracts})
        if tenant and tenant not in known:
            raise SettingsError(
                f"the settings know no tenant {tenant!r}; there is {', '.join(known) or 'none'}",
                remedy="Name one of them, or declare it in [[tenant]] or [[entitlement]].",
            )
        return cls(tenant, terms)

    @property
    def contracts(self) -> tuple[Contract, ...]:
        """Separate licences that it holds."""
        return self.terms.contracts_of(self.name)

    def under(self, said: Use, model: str) -> Use:
        """Return what the tenant declares and the operator confirmed, under what was said on the command line."""
        confirmed = self.terms.confirmed_for(model, model)
        told = replace(self.terms.declared.get(self.name, Use()))
        if confirmed:
            told = replace(told, licence=confirmed, base_model=confirmed)
        spoken = {f.name: value for f in fields(Use) if (value := getattr(said, f.name)) not in (None, "")}
        return replace(told, **spoken)

    def notices(self, decision: Decision, match: Match | None, today: date) -> tuple[str, ...]:
        """Return the ends that are near of what covers the use."""
        told = self.terms.notices(self.name, match, today)
        contract = decision.contract if isinstance(decision, Allowed) else None
        if contract is None or contract in self.contracts:
            return told
        near = Held(self.name or "unnamed", contract).told(today, WARN_DAYS)
        return (*told, near) if near and near not in told else told


def today_utc() -> date:
    """Return the day, UTC."""
    return day_of(SystemClock().now())


def _terms(config: Path | None) -> Terms:
    path = config or (DEFAULT_CONFIG if DEFAULT_CONFIG.exists() else None)
    return terms_of(load_settings(path, os.environ))


def _row(held: Held, today: date, warn_days: int) -> _Row:
    contract = held.contract
    return _Row(
        tenant=held.tenant,
        kind=held.kind,
        contract=contract.reference,
        models=contract.models,
        purposes=contract.purposes,
        starts=contract.starts,
        expires=contract.expires,
        days_left=contract.days_left(today),
        standing=contract.standing(today, warn_days),
    )


def _covered(row: _Row) -> str:
    if row.kind != "contract":
        return ""
    models = ", ".join(row.models) or "any model"
    return f"{models} for {', '.join(row.purposes)}" if row.purposes else models


def _table(rows: list[_Row]) -> Table:
    table = Table()
    for column in ("Tenant", "Contract", "Covers", "Until", "Days", "Standing"):
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(
            row.tenant,
            row.contract or "declared use",
            _covered(row),
            str(row.expires or "no end"),
            "" if row.days_left is None else str(row.days_left),
            f"[{_COLOURS[row.standing]}]{row.standing}[/]",
        )
    return table
