"""Real extractors with the real client are caught at a gateway of two workers; honest programs are left alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from served_gateway import Gateway, start, stop

from extractors import EXTRACTORS, HONEST, run


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("extractors")
    (folder / "leeward.toml").write_text('[answers]\ncontact = "desk@example.org"\n')
    running = start(folder, "--demo", "--workers", "2", "--config", "leeward.toml")
    yield running
    stop(running)


def key_of(gateway: Gateway, tenant: str) -> tuple[str, str]:
    told = json.loads(gateway.leeward("key", "create", tenant, "--json"))
    return told["public_id"], told["secret"]


@pytest.mark.parametrize("name", list(EXTRACTORS))
def test_an_extractor_is_slowed_down_and_told_why(gateway: Gateway, name: str) -> None:
    _, secret = key_of(gateway, f"tenant-{name}")
    ran = run(name, gateway.url, secret)

    assert 0 < ran.held <= 400
    assert ran.wait_seconds >= 1
    assert "looks like model extraction" in ran.told
    assert "desk@example.org" in ran.told


@pytest.mark.parametrize("name", list(HONEST))
def test_an_honest_program_is_left_alone(gateway: Gateway, name: str) -> None:
    _, secret = key_of(gateway, f"tenant-{name}")

    assert run(name, gateway.url, secret, most=150).held == 0


def test_what_was_done_is_kept_when_the_gateway_stops(tmp_path: Path) -> None:
    (tmp_path / "leeward.toml").write_text("")
    running = start(tmp_path, "--demo", "--config", "leeward.toml")
    try:
        public_id, secret = key_of(running, "acme")
        run("logit-probe", running.url, secret)
    finally:
        stop(running)
    suspects = json.loads(running.leeward("extraction", "suspects", "--json"))
    steps = json.loads(running.leeward("extraction", "steps", public_id, "--json"))
    said = running.leeward("extraction", "lift", public_id, "--reason", "agreed", "--by", "anna")

    assert [s["key"] for s in suspects] == [public_id]
    assert steps[-1]["kind"] == "soft"
    assert f"Lifted: key {public_id}" in said
    assert json.loads(running.leeward("extraction", "suspects", "--json")) == []
