from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from known_detectors import KNOWN
from leeward.cli.ruleset import Unusable, run_check, run_diff, run_show

SOUND = """
name = "acme-v1"
version = "1.0.0"
extends = "mistral-v1"

[tighten.RULE-MIST-001]
disposition = "hard_block"

[tighten.RULE-MIST-003.thresholds.licence-registry]
"licence.forbidden" = { fr = 0.4 }

[relax.RULE-MIST-009]
reason = "First week."
dry_run = true
"""
BROKEN = 'name = "acme-v1"\nversion = "1.0.0"\nextends = "mistral-v1"\n[relax.RULE-MIST-005]\n'


class Terminal:
    """A console whose output can be read."""

    def __init__(self) -> None:
        self.file = io.StringIO()
        self.console = Console(file=self.file, width=200, color_system=None)

    @property
    def text(self) -> str:
        return self.file.getvalue()


@pytest.fixture
def terminal() -> Terminal:
    return Terminal()


def written(folder: Path, text: str) -> Path:
    path = folder / "acme.toml"
    path.write_text(text, "utf-8")
    return path


def test_checking_a_sound_file_tells_its_digest(tmp_path: Path, terminal: Terminal) -> None:
    status = run_check([written(tmp_path, SOUND)], console=terminal.console, known=KNOWN)

    first, second = terminal.text.splitlines()
    assert (status, first) == (0, "ok: acme-v1 1.0.0, 10 rules")
    assert second.strip().startswith("sha256:")


def test_checking_a_broken_file_prints_every_problem_and_fails(tmp_path: Path, terminal: Terminal) -> None:
    file = written(tmp_path, BROKEN)
    status = run_check([file], console=terminal.console, known=KNOWN)

    assert status == 1
    assert terminal.text.splitlines() == [
        f"{file}: relax.RULE-MIST-005: CSAM is a hard block, which no ruleset may relax; remove this table",
        f"{file}: relax.RULE-MIST-005: reason: missing; say why, it stands in reports",
        f"{file}: relax.RULE-MIST-005: it relaxes nothing; write dry_run = true or thresholds",
        "3 problems; nothing was changed",
    ]


def test_check_prints_json_for_machines(tmp_path: Path, terminal: Terminal) -> None:
    file = written(tmp_path, BROKEN)
    run_check([file], console=terminal.console, known=KNOWN, as_json=True)

    said = json.loads(terminal.text)
    assert (said["ok"], said["rulesets"]) == (False, [])
    assert said["problems"][1] == {
        "source": str(file),
        "where": "relax.RULE-MIST-005",
        "key": "reason",
        "text": "missing; say why, it stands in reports",
    }


def test_a_file_that_cannot_be_read_is_a_usage_error(tmp_path: Path, terminal: Terminal) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")

    for files, words in (
        ([], "name at least one file"),
        ([tmp_path / "no.toml"], "no file of this name"),
        ([binary], "UTF-8"),
    ):
        with pytest.raises(Unusable, match=words):
            run_check(files, console=terminal.console, known=KNOWN)


def test_show_prints_rules_thresholds_actions_and_digest(terminal: Terminal) -> None:
    status = run_show("mistral-v1", [], console=terminal.console, known=KNOWN)

    assert status == 0
    for words in (
        "RULE-MIST-010",
        "Model Extraction",
        "extraction-watch: extraction.* ≥ 0.5",
        "does not count",
        "licence.unknown ≥ 0.5 (exchange; does not count)",
        "1, 2 on repeat",
        "hard_block",
        "sha256:",
    ):
        assert words in terminal.text


def test_show_says_what_was_relaxed_and_why(tmp_path: Path, terminal: Terminal) -> None:
    run_show(str(written(tmp_path, SOUND)), [], console=terminal.console, known=KNOWN)

    assert "RULE-MIST-009 is relaxed: First week." in terminal.text
    assert "licence.forbidden ≥ 0.5, fr 0.4" in terminal.text
    assert "sanitize (dry run)" in terminal.text


def test_show_prints_json_in_the_words_of_the_file(tmp_path: Path, terminal: Terminal) -> None:
    run_show(str(written(tmp_path, SOUND)), [], console=terminal.console, known=KNOWN, as_json=True)

    said = json.loads(terminal.text)
    rules = {rule["id"]: rule for rule in said["rules"]}
    assert said["relaxed"] == {"RULE-MIST-009": "First week."}
    assert rules["RULE-MIST-001"]["disposition"] == "hard_block"
    assert rules["RULE-MIST-003"]["conditions"][2] == {
        "detector": "licence-registry",
        "hazards": ["licence.forbidden"],
        "threshold": 0.5,
        "thresholds": {"fr": 0.4},
        "stages": ["exchange"],
        "counts": True,
        "dry_run": False,
    }


def test_diff_tells_what_becomes_stricter_and_looser(tmp_path: Path, terminal: Terminal) -> None:
    status = run_diff("mistral-v1", str(written(tmp_path, SOUND)), [], console=terminal.console, known=KNOWN)

    head, *lines = terminal.text.splitlines()
    assert status == 0
    assert head.startswith("mistral-v1@sha256:")
    assert lines == [
        "RULE-MIST-001: stricter: disposition block → hard_block",
        "RULE-MIST-003: stricter: licence-registry licence.forbidden [fr]: threshold 0.5 → 0.4 (in exchange)",
        "RULE-MIST-009: looser: dry_run false → true",
    ]


def test_diff_of_equal_rulesets_says_so(terminal: Terminal) -> None:
    run_diff("mistral-v1", "mistral-v1", [], console=terminal.console, known=KNOWN)

    assert "No difference in what they decide." in terminal.text


def test_diff_prints_json(tmp_path: Path, terminal: Terminal) -> None:
    run_diff("mistral-v1", str(written(tmp_path, SOUND)), [], console=terminal.console, known=KNOWN, as_json=True)

    said = json.loads(terminal.text)
    assert [change["effect"] for change in said["changes"]] == ["stricter", "stricter", "looser"]


@pytest.mark.parametrize("as_json", [False, True])
def test_a_broken_file_is_neither_shown_nor_compared(tmp_path: Path, terminal: Terminal, as_json: bool) -> None:
    file = str(written(tmp_path, BROKEN))

    assert run_show(file, [], console=terminal.console, known=KNOWN, as_json=as_json) == 1
    assert run_diff("mistral-v1", file, [], console=terminal.console, known=KNOWN, as_json=as_json) == 1
    assert "CSAM is a hard block" in terminal.text


def test_a_misspelt_ruleset_is_answered_with_the_nearest(terminal: Terminal) -> None:
    with pytest.raises(Unusable, match="did you mean 'mistral-v1'"):
        run_show("mistral-1", [], console=terminal.console, known=KNOWN)
