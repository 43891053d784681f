from __future__ import annotations

import json

import pytest

from leeward.cli.licence import app


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        app(list(words))
    captured = capsys.readouterr()
    return int(left.value.code or 0), captured.out + captured.err


def _json(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, dict]:
    status, out = _run(capsys, *words, "--json")
    return status, json.loads(out)


def test_a_use_that_is_covered_exits_0(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _json(capsys, "check", "mistral-small-2506", "--use", "commercial")

    assert status == 0
    assert (told["decision"], told["allowed"], told["licence"]) == ("allowed", True, "Apache-2.0")
    assert "include_licence_text_on_redistribution" in told["obligations"]


def test_a_use_that_is_not_covered_exits_1_and_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _json(capsys, "check", "mistralai/Mistral-Large-Instruct-2411", "--use", "commercial")

    assert status == 1
    assert (told["decision"], told["allowed"], told["licence"], told["rule"]) == ("denied", False, "MRL-0.1", "R2")
    assert "research only" in told["reason"]
    assert told["assumed"] == {"purpose": "production", "environment": "production", "actor_type": "company"}


def test_research_is_taken_as_the_licence_means_it_and_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = _run(capsys, "check", "mistral-large-2411", "--use", "research")

    assert status == 0
    assert "assumed: actor_type=individual" in out


def test_what_is_said_goes_before_what_is_assumed(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _json(capsys, "check", "mistral-large-2411", "--use", "research", "--actor", "company")

    assert status == 1
    assert told["rule"] == "R2"
    assert "actor_type" not in told["assumed"]


def test_what_must_be_declared_is_asked_for_by_option(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = _run(capsys, "check", "devstral-2512", "--use", "commercial")

    assert status == 1
    assert "undeclared" in out
    assert "say --revenue" in out


@pytest.mark.parametrize(("revenue", "status"), [("19e6", 0), ("21e6", 1)])
def test_revenue_decides_under_a_cap(capsys: pytest.CaptureFixture[str], revenue: str, status: int) -> None:
    assert _run(capsys, "check", "devstral-2512", "--use", "commercial", "--revenue", revenue)[0] == status


def test_a_moving_name_is_warned_about(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = _run(capsys, "check", "mistral-large-latest", "--use", "commercial")

    assert status == 0
    assert "mistral-large-3-25-12" in out
    assert "name a dated model" in out


def test_an_unknown_model_exits_1(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _json(capsys, "check", "never-heard-of", "--use", "personal")

    assert status == 1
    assert (told["decision"], told["licence"]) == ("unknown", None)


def test_the_base_of_a_derivative_decides(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _json(capsys, "check", "our-tune", "--use", "commercial", "--base-model", "codestral-2405")

    assert (status, told["rule"]) == (1, "R4")


@pytest.mark.parametrize(
    "words",
    [("check",), ("check", "m", "--use", "war"), ("check", "m", "--revenue", "lots"), ("check", "m", "--colour")],
)
def test_a_misused_command_exits_2(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        app(list(words))

    assert left.value.code == 2


def test_the_registry_is_listed(capsys: pytest.CaptureFixture[str]) -> None:
    status, told = _json(capsys, "list")

    assert status == 0
    assert told["licences"]["MRL-0.1"]["spdx"] == "LicenseRef-Mistral-MRL-0.1"
    assert {"id": "codestral-24-05", "licence": "MNPL-0.1"}.items() <= told["models"][0].items()


def test_the_registry_is_listed_for_people(capsys: pytest.CaptureFixture[str]) -> None:
    status, out = _run(capsys, "list")

    assert status == 0
    assert "MNPL-0.1" in out
    assert "Not legal advice" in out
