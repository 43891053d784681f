from __future__ import annotations

from pathlib import Path

import pytest

from leeward.cli.ruleset import app

SOUND = 'name = "acme-v1"\nversion = "1.0.0"\nextends = "mistral-v1"\n'


def status_of(*words: str) -> int:
    result = app(list(words), result_action="return_value")
    assert isinstance(result, int)
    return result


def test_the_exit_status_tells_sound_broken_and_misused_apart(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, broken = tmp_path / "sound.toml", tmp_path / "broken.toml"
    sound.write_text(SOUND, "utf-8")
    broken.write_text(SOUND + "[relax.RULE-MIST-005]\n", "utf-8")

    assert [status_of("check", str(sound)), status_of("check", str(broken)), status_of("check")] == [0, 1, 2]
    assert "name at least one file" in capsys.readouterr().err


def test_rulesets_are_shown_and_compared_by_name_or_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(SOUND + '[tighten.RULE-MIST-001]\ndisposition = "hard_block"\n', "utf-8")

    assert status_of("show") == 0
    assert status_of("diff", "mistral-v1", str(file)) == 0
    assert "stricter: disposition block → hard_block" in capsys.readouterr().out


def test_an_unknown_option_is_a_usage_error() -> None:
    with pytest.raises(SystemExit) as caught:
        app(["check", "--loud"])

    assert caught.value.code == 2
