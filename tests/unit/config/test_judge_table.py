from __future__ import annotations

from pathlib import Path

import pytest

from leeward.config.load import load_settings
from leeward.errors import SettingsError


def loaded(folder: Path, table: str) -> object:
    path = folder / "leeward.toml"
    path.write_text(f"[judge]\n{table}\n")
    return load_settings(path, {}).judge


def test_a_judge_is_read_with_its_defaults(tmp_path: Path) -> None:
    judge = load_settings(None, {"LEEWARD_JUDGE__URL": "http://h/v1", "LEEWARD_JUDGE__FAMILY": "qwen3guard"}).judge

    assert (judge.url, judge.family, judge.band, judge.on_failure) == ("http://h/v1", "qwen3guard", (0.3, 0.7), "keep")
    assert loaded(tmp_path, 'url = "http://h/v1"\nfamily = "qwen3guard"') == judge


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ('url = "http://h/v1"\nfamily = "qwenguard"', "did you mean 'qwen3guard'"),
        ('url = "http://h/v1"', "no family of guard models is called ''"),
        ('url = "h:8000"\nfamily = "shieldstral"', "not an http or https address"),
        ('url = "http://u:s3cret@h/v1"\nfamily = "shieldstral"', "a key goes into `key_env`"),
        ('url = "http://h/v1"\nfamily = "shieldstral"\nform = "completion"', "no family with a completion form"),
        ('family = "shieldstral"', "`url` is missing"),
        ("band = [0.7, 0.3]", "two rising numbers from 0 to 1"),
        ("band = [0.3, 1.5]", "two rising numbers from 0 to 1"),
        ("band = [0.3]", "Expected `array` of length 2"),
        ("timeout_ms = 0", "between 1 and 60000"),
        ("budget_per_minute = -1", "cannot be below 0"),
        ('on_failure = "block"', "Invalid enum value 'block'"),
        ("budget_per_minut = 5", "did you mean `budget_per_minute`"),
    ],
)
def test_a_judge_that_cannot_be_used_is_refused_with_why(tmp_path: Path, table: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        loaded(tmp_path, table)

    assert said in refused.value.message
    assert "s3cret" not in refused.value.message
    assert "leeward.toml" in refused.value.message
