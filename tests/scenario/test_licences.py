"""The licence of a model decides at each request and in the list of models; contracts end and are warned about."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from inner_house import InnerHouse, ScriptedModel, inner_house
from leeward.config.tree import Entitlement, Licences, Rules, Tenant, UpstreamTable
from leeward.licences.contracts import day_of
from leeward.wiring.clock import SystemClock

MODELS = ("mistral-large-2411", "codestral-2405", "mistral-small-2506", "mystery")
TODAY = day_of(SystemClock().now())
PRODUCTION = {"actor_type": "company", "purpose": "production"}


def house(folder: Path, **tables: Any) -> Any:
    upstream = UpstreamTable(name="model", url="http://127.0.0.1/v1", models=MODELS, api_key_env="NO_SUCH_VARIABLE")
    told = {"licences": Licences(), "tenant": (Tenant(id="default", use=PRODUCTION),), **tables}
    return inner_house(folder, ScriptedModel(), upstream=(upstream,), **told)


async def listed(running: InnerHouse) -> list[str]:
    return [card["id"] for card in (await running.get("/v1/models")).json()["data"]]


def contract(days: int, **more: Any) -> Entitlement:
    expires = TODAY + timedelta(days=days)
    return Entitlement(tenant="default", contract="C-77", expires=expires, **{"models": ("mistral-large-*",), **more})


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_SUCH_VARIABLE", "sk-model")


async def test_a_model_of_unknown_licence_is_not_served_and_the_answer_says_what_to_do(
    tmp_path: Path, key: None
) -> None:
    async with house(tmp_path) as running:
        answer = await running.chat("Hello.", model="mystery")
        shown = await running.get("/v1/models/mystery")
        line = running.record(answer)

    for told in (answer, shown):
        assert (told.status, told.json()["error"]["code"]) == (403, "license_restricted")
        assert "the registry does not know this model. Not served." in told.json()["error"]["message"]
        assert "[licences] confirmed" in told.json()["error"]["message"]
    assert running.model.requests == []
    assert line.opened.model == "mystery"


@pytest.mark.parametrize(
    ("licences", "disposition"),
    [(Licences(unknown_models="serve"), "pass"), (Licences(confirmed={"myst*": "Apache-2.0"}), "pass")],
)
async def test_one_line_of_the_settings_serves_it(
    tmp_path: Path, key: None, licences: Licences, disposition: str
) -> None:
    async with house(tmp_path, licences=licences) as running:
        answer = await running.chat("Hello.", model="mystery")
        names = await listed(running)
        await running.house.close()
        closed = running.record(answer).closed

    assert (answer.status, answer.headers["x-leeward-disposition"]) == (200, disposition)
    assert "mystery" in names
    assert closed is not None
    fired = {f.finding.hazard for f in closed.verdict.firings if f.finding}
    assert fired == ({"licence.unknown-accepted"} if licences.unknown_models == "serve" else set())


async def test_models_that_the_tenant_may_not_use_are_not_listed_and_say_why_when_asked_for(tmp_path: Path) -> None:
    async with house(tmp_path) as running:
        names = await listed(running)
        shown = await running.get("/v1/models/codestral-2405")
        card = (await running.get("/v1/models/mistral-small-2506")).json()

    assert names == ["mistral-small-2506"]
    assert shown.status == 403
    assert "MNPL-0.1 of Codestral does not cover the declared use" in shown.json()["error"]["message"]
    assert card["leeward"] == {"licence": "Apache-2.0", "resolves_to": "mistral-small-3-2-25-06"}


async def test_a_contract_serves_while_it_lasts_and_warns_of_its_end(
    tmp_path: Path, key: None, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="leeward.licences"):
        async with house(tmp_path, entitlement=(contract(5),)) as running:
            answer = await running.chat("Hello.", model="mistral-large-2411")
            other = await running.chat("Hello.", model="mistral-small-2506")
            card = (await running.get("/v1/models/mistral-large-2411")).json()
            metrics = (await running.get("/metrics")).text

    assert answer.status == 200
    for told in (answer.json(), card):
        (notice,) = told["leeward"]["notices"]
        assert notice.startswith("The licence contract C-77 of tenant default ends on ")
    assert "notices" not in other.json()["leeward"]
    assert 'leeward_entitlement_days_left{contract="C-77",kind="contract",tenant="default"} ' in metrics
    (logged,) = (record.problems for record in caplog.records)  # type: ignore[attr-defined]
    assert logged[0].startswith("The licence contract C-77 of tenant default ends on ")


async def test_a_contract_that_has_ended_serves_nothing_and_the_answer_names_it(tmp_path: Path, key: None) -> None:
    async with house(tmp_path, entitlement=(contract(-1),)) as running:
        answer = await running.chat("Hello.", model="mistral-large-2411")
        names = await listed(running)
        await running.house.close()
        closed = running.record(answer).closed

    assert (answer.status, answer.json()["error"]["code"]) == (403, "license_restricted")
    assert "the separate licence C-77 that covered it ended on" in answer.json()["error"]["message"]
    assert "mistral-large-2411" not in names
    assert running.model.requests == []
    assert closed is not None
    assert closed.verdict.violations == ()


async def test_a_stream_carries_the_notice_too(tmp_path: Path, key: None) -> None:
    async with house(tmp_path, entitlement=(contract(9),)) as running:
        answer = await running.chat("Hello.", model="mistral-large-2411", stream=True)

    assert "The licence contract C-77 of tenant default ends on" in answer.text


async def test_research_traffic_that_looks_like_production_is_recorded_and_served(tmp_path: Path, key: None) -> None:
    research = Tenant(id="default", use={"actor_type": "academic", "purpose": "research"})
    system = {"role": "system", "content": "You are the customer support assistant of Acme."}
    rules = tmp_path / "rules.toml"
    rules.write_text(
        'name = "calm"\nversion = "1.0.0"\nextends = "mistral-v1"\n'
        '[relax.RULE-MIST-010]\nreason = "One busy caller."\ndry_run = true\n'
    )
    async with house(tmp_path, tenant=(research,), rules=Rules(use=str(rules))) as running:
        answers = [
            await running.post(
                "/v1/chat/completions",
                {
                    "model": "mistral-large-2411",
                    "user": f"customer-{number % 60}",
                    "messages": [system, {"role": "user", "content": "Where is my parcel?"}],
                },
            )
            for number in range(110)
        ]

    told = [f for a in answers for f in a.json()["leeward"]["findings"] if f["hazard"] == "licence.production-shaped"]
    assert {answer.status for answer in answers} == {200}
    assert [(finding["rule"], finding["evidence"][2]) for finding in told] == [("RULE-MIST-003", "end_users=60")]


def test_an_entitlement_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="lies before"):
        Entitlement(tenant="a", contract="C", starts=date(2027, 1, 2), expires=date(2027, 1, 1))
    with pytest.raises(ValueError, match="knows no 'war'"):
        Entitlement(tenant="a", contract="C", purposes=("war",))
    with pytest.raises(ValueError, match="number of the contract"):
        Entitlement(tenant="a", contract=" ")
