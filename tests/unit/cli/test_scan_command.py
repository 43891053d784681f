from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from leeward.cli.scan import scan
from leeward.errors import SettingsError


@pytest.fixture
def texts(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": "a", "text": "Good morning!"}\n{"id": "b", "text": "How are you?"}\n')
    return path


def ids(output: Path) -> list[str]:
    return [json.loads(line)["id"] for line in output.read_text().splitlines()]


def test_each_row_has_a_line(tmp_path: Path, texts: Path) -> None:
    output = tmp_path / "out.jsonl"
    scan(texts, output=output)

    assert ids(output) == ["a", "b"]


def test_what_is_done_is_not_done_again_unless_asked(tmp_path: Path, texts: Path) -> None:
    output = tmp_path / "out.jsonl"
    output.write_text('{"id": "b"}\n{"id": "gone"}\n')
    scan(texts, output=output)
    assert ids(output) == ["b", "gone", "a"]

    scan(texts, output=output, force=True)

    assert ids(output) == ["a", "b"]


@pytest.mark.parametrize("jobs", [0, -2])
def test_fewer_than_one_process_makes_no_sense(tmp_path: Path, texts: Path, jobs: int) -> None:
    with pytest.raises(SettingsError, match=f"--jobs {jobs} makes no sense"):
        scan(texts, output=tmp_path / "out.jsonl", jobs=jobs)


def test_the_input_is_not_overwritten(tmp_path: Path, texts: Path) -> None:
    before = texts.read_text()
    with pytest.raises(SettingsError, match="would overwrite the input"):
        scan(texts, output=tmp_path / "." / "in.jsonl", force=True)

    assert texts.read_text() == before


def test_an_input_that_is_not_there_leaves_the_output_alone(tmp_path: Path) -> None:
    output = tmp_path / "out.jsonl"
    with pytest.raises(SettingsError, match="cannot be read"):
        scan(tmp_path / "none.jsonl", output=output)

    assert not output.exists()


def test_ray_is_asked_for_when_it_is_not_there(tmp_path: Path, texts: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match="needs Ray"):
        scan(texts, output=tmp_path / "out.jsonl", engine="ray")
