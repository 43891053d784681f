from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from datetime import date

import pytest

from leeward.config.tree import Entitlement, Licences, Settings, Tenant, UpstreamTable
from leeward.errors import SettingsError
from leeward.licences.contracts import Contract
from leeward.licences.terms import Terms
from leeward.licences.usage import UsageLimits
from leeward.wiring.licences import days_left, terms_of, watch_ends

NOON = 1_795_521_600.0  # 2026-11-24T12:00:00Z


@dataclass
class FixedClock:
    t: float = NOON

    def now(self) -> float:
        return self.t


def held(**ends: date | None) -> Terms:
    return Terms(contracts={name: (Contract(reference=f"C-{name}", expires=day),) for name, day in ends.items()})


def test_settings_become_terms() -> None:
    told = Settings(
        tenant=(Tenant(id="acme", use={"purpose": "research", "valid_until": "2027-01-31"}),),
        entitlement=(
            Entitlement(
                tenant="acme", contract="C-1", models=("a",), purposes=("production",), expires=date(2027, 1, 1)
            ),
            Entitlement(tenant="acme", contract="C-2"),
        ),
        licences=Licences(unknown_models="serve", confirmed={"ours": "MIT"}, warn_days=7),
        usage=UsageLimits(watch=False, end_users=9),
    )
    terms = terms_of(told)

    assert [c.reference for c in terms.contracts_of("acme")] == ["C-1", "C-2"]
    assert terms.contracts_of("acme")[0] == Contract(
        reference="C-1", models=("a",), purposes=("production",), expires=date(2027, 1, 1)
    )
    assert terms.declared["acme"].valid_until == "2027-01-31"
    assert (terms.serves_unknown, terms.confirmed, terms.warn_days) == (True, {"ours": "MIT"}, 7)
    assert (terms.usage.watch, terms.usage.end_users) == (False, 9)


def test_a_confirmation_that_nobody_can_read_keeps_the_gateway_from_starting() -> None:
    with pytest.raises(SettingsError, match="neither a licence nor a model"):
        terms_of(Settings(licences=Licences(confirmed={"ours": "my own"})))


def test_the_scripted_model_of_a_demo_needs_no_licence_and_a_real_one_beside_it_does() -> None:
    beside = Settings(demo=True, upstream=(UpstreamTable(name="real", url="http://127.0.0.1:1/v1"),))

    assert terms_of(Settings(demo=True)).confirmed_for("anything", "anything") == "MIT"
    assert terms_of(beside).confirmed_for("anything", "anything") == ""


def test_the_gauge_counts_the_days_of_what_has_an_end() -> None:
    terms = held(acme=date(2026, 12, 1), bank=None, lab=date(2026, 11, 20))

    assert list(days_left(terms, FixedClock())) == [
        (("acme", "contract", "C-acme"), 7),
        (("lab", "contract", "C-lab"), -4),
    ]


async def test_what_ends_is_logged_when_the_gateway_starts(caplog: pytest.LogCaptureFixture) -> None:
    terms = held(acme=date(2026, 12, 1), bank=date(2099, 1, 1), lab=date(2026, 11, 20))
    with caplog.at_level(logging.WARNING, logger="leeward.licences"):
        task = asyncio.ensure_future(watch_ends(terms, FixedClock()))
        await asyncio.sleep(0)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    assert [record.problems[0].split(" of ")[0] for record in caplog.records] == [  # type: ignore[attr-defined]
        "The licence contract C-acme",
        "The licence contract C-lab",
    ]
