from __future__ import annotations

from pathlib import Path

import pytest

from leeward.cli.init import init
from leeward.config.load import load_settings
from leeward.config.tree import Settings
from leeward.errors import SettingsError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_file_can_be_served_and_the_next_step_is_told(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init()

    assert isinstance(load_settings(here / "leeward.toml", {}), Settings)
    assert "leeward serve --config leeward.toml" in capsys.readouterr().out


def test_a_file_that_is_there_is_not_overwritten_unless_asked(here: Path) -> None:
    path = here / "leeward.toml"
    path.write_text("mine")
    with pytest.raises(SettingsError, match="already exists") as refused:
        init()

    assert path.read_text() == "mine"
    assert "--force" in refused.value.remedy
    init(force=True)
    assert path.read_text() != "mine"


def test_a_place_that_cannot_be_written_is_told(here: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be written"):
        init(output=here / "none" / "leeward.toml")
