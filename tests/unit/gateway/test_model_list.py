from __future__ import annotations

from pathlib import Path

from inner_house import inner_house
from leeward.config.tree import Rules, Tenant, UpstreamTable

FREE = Rules(use="unsafe-allow-all")
NOWHERE = "http://127.0.0.1/v1"


def upstream(name: str = "model", **how: object) -> UpstreamTable:
    return UpstreamTable(name=name, url=NOWHERE, **how)  # type: ignore[arg-type]


async def test_models_of_the_server_are_listed_so_that_every_client_can_read_them(tmp_path: Path) -> None:
    async with inner_house(tmp_path, rules=FREE) as running:
        listed = (await running.get("/v1/models")).json()

    assert listed["object"] == "list"
    assert [card["id"] for card in listed["data"]] == ["small", "large", "codegen"]
    assert all({"type", "capabilities"} <= set(card) for card in listed["data"])


async def test_names_of_the_settings_are_listed_where_the_server_does_not_know_them(tmp_path: Path) -> None:
    served = upstream(models=("small", "own-*", "mine"), rename={"nice": "small"})
    async with inner_house(tmp_path, rules=FREE, upstream=(served,)) as running:
        listed = (await running.get("/v1/models")).json()["data"]

    assert [card["id"] for card in listed] == ["small", "large", "codegen", "nice", "mine"]


async def test_a_server_that_cannot_be_asked_shows_what_the_settings_say(tmp_path: Path) -> None:
    served = upstream(models=("mine",), api_key_env="NO_SUCH_VARIABLE_IS_SET")
    async with inner_house(tmp_path, rules=FREE, upstream=(served,)) as running:
        listed = (await running.get("/v1/models")).json()["data"]

    assert [(card["id"], card["owned_by"]) for card in listed] == [("mine", "model")]


async def test_a_model_of_two_servers_is_listed_once(tmp_path: Path) -> None:
    async with inner_house(tmp_path, rules=FREE, upstream=(upstream("a"), upstream("b"))) as running:
        listed = (await running.get("/v1/models")).json()["data"]

    assert [card["id"] for card in listed] == ["small", "large", "codegen"]


async def test_one_model_is_shown_by_name_also_when_the_name_is_escaped(tmp_path: Path) -> None:
    served = upstream(models=("*", "org/mine"))
    async with inner_house(tmp_path, rules=FREE, upstream=(served,)) as running:
        shown = [await running.get(f"/v1/models/{name}") for name in ("small", "org%2Fmine", "org/mine", "none")]

    assert [answer.status for answer in shown] == [200, 200, 200, 404]
    assert shown[1].json()["id"] == "org/mine"


async def test_a_model_that_a_tenant_may_not_use_is_as_one_that_is_not(tmp_path: Path) -> None:
    async with inner_house(tmp_path, rules=FREE, tenant=(Tenant(id="default", models=("s*",)),)) as running:
        listed = (await running.get("/v1/models")).json()["data"]
        hidden, unknown = [await running.get(f"/v1/models/{name}") for name in ("large", "large2")]

    assert [card["id"] for card in listed] == ["small"]
    assert (hidden.status, unknown.status) == (404, 404)
    assert hidden.text.replace("large", "large2") == unknown.text


async def test_without_a_key_nothing_is_listed(tmp_path: Path) -> None:
    async with inner_house(tmp_path, rules=FREE, keys="required") as running:
        answers = [await running.get(path) for path in ("/v1/models", "/v1/models/small")]

    assert [answer.status for answer in answers] == [401, 401]
