from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from leeward.cli import serve as command
from leeward.config.tree import Settings
from leeward.errors import SettingsError, StorageError

URL = "http://127.0.0.1:9/v1"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("LEEWARD_SERVER__PORT", "LEEWARD_SERVER__HOST"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def served(monkeypatch: pytest.MonkeyPatch, **how: Any) -> Settings:
    """Return the settings with which the server would run."""
    handed: list[Settings] = []
    monkeypatch.setattr("leeward.wiring.server.run", handed.append)
    command.serve(**how)
    (settings,) = handed
    return settings


def test_what_is_said_on_the_command_line_wins(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (here / "l.toml").write_text('[server]\nport = 1000\nworkers = 3\n[[upstream]]\nname = "a"\nurl = "http://a/v1"\n')
    settings = served(monkeypatch, config=here / "l.toml", port=2000, upstream=URL)

    assert (settings.server.port, settings.server.workers, settings.server.host) == (2000, 3, "127.0.0.1")
    assert [u.name for u in settings.upstream] == ["a", "upstream"]


@pytest.mark.parametrize(("url", "dialect"), [(URL, "openai"), ("https://api.mistral.ai/v1", "mistral")])
def test_mistrals_own_api_is_known_by_its_address(
    here: Path, monkeypatch: pytest.MonkeyPatch, url: str, dialect: str
) -> None:
    assert served(monkeypatch, upstream=url).upstream[0].dialect == dialect


def test_a_demo_needs_no_model_server(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(monkeypatch, demo=True).demo


def test_port_0_asks_the_machine_for_any(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert served(monkeypatch, upstream=URL, port=0).server.port == 0


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ({}, "no model server is configured"),
        ({"upstream": URL, "workers": 0}, "--workers 0 makes no sense"),
        ({"upstream": URL, "workers": -1}, "--workers -1 makes no sense"),
    ],
)
def test_what_cannot_be_served_is_told_with_what_to_do(here: Path, how: dict[str, Any], told: str) -> None:
    with pytest.raises(SettingsError, match=told) as refused:
        command.serve(**how)

    assert refused.value.remedy


def test_a_gateway_that_anyone_may_use_is_not_shown_to_the_network(here: Path) -> None:
    (here / "l.toml").write_text('keys = "open"\n')
    with pytest.raises(SettingsError, match="would let anyone on the network use the model server"):
        command.serve(config=here / "l.toml", upstream=URL, host="0.0.0.0")


def test_a_store_that_cannot_be_used_keeps_it_from_starting(here: Path) -> None:
    (here / "l.toml").write_text('[store]\nurl = "sqlite:////proc/none/x.db"\n')
    with pytest.raises(StorageError):
        command.serve(config=here / "l.toml", upstream=URL)


def test_without_a_settings_file_models_of_unknown_licence_are_served_and_recorded(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (here / "l.toml").write_text("")

    assert served(monkeypatch, upstream=URL).licences.unknown_models == "serve"
    assert served(monkeypatch, config=here / "l.toml", upstream=URL).licences.unknown_models == "refuse"
    monkeypatch.setenv("LEEWARD_LICENCES__UNKNOWN_MODELS", "refuse")
    assert served(monkeypatch, upstream=URL).licences.unknown_models == "refuse"
