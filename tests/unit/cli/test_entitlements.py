from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from leeward.cli.entitlements import today_utc
from leeward.cli.licence import app

SETTINGS = """
[licences]
confirmed = {{ "our-tune" = "mistral-large-2411" }}

[[tenant]]
id = "acme"
use = {{ actor_type = "company", purpose = "production" }}

[[entitlement]]
tenant = "acme"
contract = "C-1"
models = ["mistral-large-*"]
expires = {near}

[[entitlement]]
tenant = "acme"
contract = "C-2"
models = ["codestral-2405"]
purposes = ["production"]
expires = {past}
"""


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    near, past = today_utc() + timedelta(days=7), today_utc() - timedelta(days=7)
    (tmp_path / "leeward.toml").write_text(SETTINGS.format(near=near, past=past))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "leeward.toml"


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        app(list(words))
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out + captured.err


def test_contracts_are_listed_with_their_standing_and_one_that_has_ended_exits_1(
    capsys: pytest.CaptureFixture[str], settings: Path
) -> None:
    status, out = _run(capsys, "entitlements", "--json")
    rows = json.loads(out)

    assert status == 1
    assert [(row["contract"], row["standing"]) for row in rows] == [("C-1", "expiring"), ("C-2", "expired")]


def test_contracts_are_listed_for_people_with_what_to_do(capsys: pytest.CaptureFixture[str], settings: Path) -> None:
    status, out = _run(capsys, "entitlements", "--config", str(settings))

    assert status == 1
    assert "The licence contract C-1 of tenant acme ends on" in out
    assert "Renew it." in out
    assert "The licence contract C-2 of tenant acme ended on" in out


def test_without_contracts_there_is_nothing_to_end(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert _run(capsys, "entitlements") == (0, "No tenant holds a contract, and no declaration has an end.\n")


def test_a_model_is_checked_for_a_tenant_of_the_settings_with_a_warning_ahead(
    capsys: pytest.CaptureFixture[str], settings: Path
) -> None:
    status, out = _run(capsys, "check", "mistral-large-2411", "--tenant", "acme", "--json")
    told = json.loads(out)

    assert (status, told["decision"], told["rule"], told["contract"]) == (0, "allowed", "R1", "C-1")
    assert "ends on" in told["warnings"][0]


def test_what_ended_is_told_and_exits_1(capsys: pytest.CaptureFixture[str], settings: Path) -> None:
    status, out = _run(capsys, "check", "codestral-2405", "--tenant", "acme")

    assert status == 1
    assert out.startswith("expired: codestral-2405")
    assert "the separate licence C-2 that covered it ended on" in out


def test_what_is_said_goes_before_what_the_settings_say(capsys: pytest.CaptureFixture[str], settings: Path) -> None:
    said = ("--use", "research", "--actor", "academic")

    assert _run(capsys, "check", "mistral-large-2407", "--tenant", "acme")[0] == 0
    assert _run(capsys, "check", "ministral-8b-2410", "--tenant", "acme")[0] == 1
    assert (
        _run(capsys, "check", "ministral-8b-2410", "--tenant", "acme", *said, "--environment", "non-production")[0] == 0
    )


def test_confirmed_models_of_the_settings_count(capsys: pytest.CaptureFixture[str], settings: Path) -> None:
    status, out = _run(capsys, "check", "our-tune", "--use", "commercial", "--config", str(settings), "--json")

    assert (status, json.loads(out)["rule"]) == (1, "R2")


def test_a_tenant_that_the_settings_do_not_know_is_refused(capsys: pytest.CaptureFixture[str], settings: Path) -> None:
    from leeward.errors import SettingsError

    with pytest.raises(SettingsError, match="no tenant 'nobody'; there is acme"):
        app(["check", "codestral-2405", "--tenant", "nobody"], exit_on_error=False)


@pytest.mark.parametrize(("day", "status"), [("2099-12-31", 0), ("2020-01-01", 1)])
def test_a_contract_on_the_command_line_has_an_end_too(
    capsys: pytest.CaptureFixture[str], day: str, status: int
) -> None:
    words = ("check", "codestral-2405", "--use", "commercial", "--separate-licence", "X-1", "--expires", day)

    assert _run(capsys, *words)[0] == status
