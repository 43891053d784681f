from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import lineage_families as made
from leeward.cli.licence import app
from leeward.errors import LeewardError
from model_folders import LARGE, MRL_NOTICE, MRL_TEXT, model
from weight_files import write_safetensors

SHAPE = made.Shape(160, 32, 2, 2, 96, False)
BASE = made.born(SHAPE, np.random.default_rng(1))
OTHER = made.born(SHAPE, np.random.default_rng(2))
HEAD = f"license: other\nlicense_name: mrl\nbase_model: {LARGE}"


def _run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as left:
        app(list(words))
    return int(left.value.code or 0), capsys.readouterr().out


def _pair(tmp_path: Path, second: made.State) -> tuple[str, str]:
    one = write_safetensors(tmp_path / "one.safetensors", BASE)
    return str(one), str(write_safetensors(tmp_path / "two.safetensors", second))


@pytest.mark.parametrize(
    ("second", "verdict"), [(BASE, "identical"), (made.merged(BASE, OTHER), "derived"), (OTHER, "independent")]
)
def test_a_comparison_prints_score_verdict_and_evidence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: made.State, verdict: str
) -> None:
    status, out = _run(capsys, "compare", *_pair(tmp_path, second), "--json")
    told = json.loads(out)

    assert status == 0
    assert list(told) == ["score", "verdict", "evidence"]
    assert told["verdict"] == verdict
    assert 0 <= told["score"] <= 1
    assert {part["part"] for part in told["evidence"]["parts"]} >= {"q", "down", "embed"}


@pytest.mark.parametrize(("second", "status"), [(BASE, 1), (OTHER, 0)])
def test_a_comparison_fails_on_derivatives_when_asked(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], second: made.State, status: int
) -> None:
    assert _run(capsys, "compare", *_pair(tmp_path, second), "--fail-on-derived")[0] == status


def test_a_comparison_is_told_to_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    permuted = made.with_units_permuted(BASE, np.random.default_rng(0), SHAPE)
    _, out = _run(capsys, "compare", *_pair(tmp_path, permuted))

    assert "one was made from the other" in out
    assert "units are in another order" in out


def test_a_scan_without_findings_exits_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model(tmp_path, "tuned", HEAD, "Fine-tuned.", LICENSE=MRL_TEXT, NOTICE=MRL_NOTICE)
    status, out = _run(capsys, "scan", str(tmp_path))

    assert status == 0
    assert "No findings." in out


def test_a_scan_with_findings_exits_1_and_says_what_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model(tmp_path, "tuned", HEAD, "Fine-tuned.", LICENSE=MRL_TEXT)
    status, out = _run(capsys, "scan", str(tmp_path))

    assert status == 1
    assert "notice-missing: tuned" in out
    assert "Put it into a file NOTICE" in out


def test_a_scan_as_json_holds_models_edges_and_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model(tmp_path, "tuned", HEAD, "Fine-tuned.", LICENSE=MRL_TEXT)
    status, out = _run(capsys, "scan", str(tmp_path), "--json", "--no-weights")
    told = json.loads(out)

    assert status == 1
    assert told["edges"] == [{"from": LARGE, "to": "tuned", "relation": "fine-tune", "sources": ["README.md"]}]
    assert {"name": "tuned", "licence": "MRL-0.1", "relation": "fine-tune"}.items() <= told["models"][0].items()
    assert [finding["code"] for finding in told["findings"]] == ["notice-missing"]


@pytest.mark.parametrize("words", [("scan",), ("scan", "nowhere"), ("compare", "nowhere", "nowhere")])
def test_what_cannot_be_done_is_an_error_that_says_what_to_do(words: tuple[str, ...]) -> None:
    with pytest.raises(LeewardError) as refused:
        app(list(words))

    assert refused.value.remedy


@pytest.mark.parametrize("words", [("compare", "one"), ("compare", "a", "b", "--colour"), ("scan", "a", "--colour")])
def test_a_misused_command_exits_2(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit) as left:
        app(list(words))

    assert left.value.code == 2


def test_names_in_cards_are_printed_and_not_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model(tmp_path, "m", "license: mit\nmodel_name: '[red]x[/blue]'", LICENSE="x")
    status, out = _run(capsys, "scan", str(tmp_path))

    assert status == 0
    assert "[red]x[/blue]" in out
