from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import lineage_families as made
from leeward.errors import CheckpointError
from leeward.licences.lineage.scan import Scan, find_models, scan
from leeward.licences.registry import builtin_registry
from model_folders import LARGE, MRL_NOTICE, MRL_TEXT, model
from weight_files import write_gguf, write_safetensors

SHAPE = made.Shape(160, 32, 2, 2, 96, False)
BASE = made.born(SHAPE, np.random.default_rng(1))
OTHER = made.born(SHAPE, np.random.default_rng(2))


def _scan(*paths: Path, with_weights: bool = True) -> Scan:
    return scan(paths, builtin_registry(), with_weights=with_weights)


def _zoo(tmp_path: Path, head: str = "license: mit") -> Path:
    own = "license: other\nlicense_name: mrl"
    large = model(tmp_path, "Mistral-Large-Instruct-2411", own, LICENSE=MRL_TEXT, NOTICE=MRL_NOTICE)
    write_safetensors(large / "model.safetensors", BASE)
    copy = model(tmp_path, "ours", head, LICENSE="x")
    write_gguf(copy / "ours.gguf", made.with_units_permuted(BASE, np.random.default_rng(3), SHAPE), "Q8_0")
    return tmp_path


def test_a_derivative_that_does_not_say_so_is_found_by_its_weights(tmp_path: Path) -> None:
    (finding,) = _scan(_zoo(tmp_path)).findings

    assert (finding.code, finding.model, finding.licence) == ("undeclared-derivative", "ours", "MRL-0.1")
    assert "Mistral-Large-Instruct-2411" in finding.message


def test_a_derivative_that_says_so_is_not_compared(tmp_path: Path) -> None:
    found = _scan(_zoo(tmp_path, f"license: mit\nbase_model: {LARGE}"))

    assert found.compared == ()
    assert "undeclared-derivative" not in [finding.code for finding in found.findings]


def test_strangers_are_compared_and_left_alone(tmp_path: Path) -> None:
    folder = _zoo(tmp_path)
    for file in (folder / "ours").glob("*.gguf"):
        file.unlink()
    write_safetensors(folder / "ours" / "model.safetensors", OTHER)
    found = _scan(folder)

    assert [(pair.verdict, pair.score < 0.1) for pair in found.compared] == [("independent", True)]
    assert found.findings == ()


def test_weights_are_left_unread_when_asked(tmp_path: Path) -> None:
    assert _scan(_zoo(tmp_path), with_weights=False).compared == ()


def test_broken_weights_are_a_finding_and_do_not_end_the_scan(tmp_path: Path) -> None:
    folder = _zoo(tmp_path)
    (folder / "ours" / "ours.gguf").write_bytes(b"GGUF" + b"\xff" * 64)

    assert [finding.code for finding in _scan(folder).findings] == ["unreadable"]


def test_models_are_found_in_folders_and_by_file(tmp_path: Path) -> None:
    folder = _zoo(tmp_path / "deep")
    hidden = model(tmp_path / ".cache", "m", "license: mit")
    names = [path.name for path in find_models([tmp_path])]

    assert names == ["Mistral-Large-Instruct-2411", "ours"]
    assert find_models([hidden]) == [hidden]
    assert find_models([folder / "ours" / "README.md", folder / "ours" / "ours.gguf"]) == [
        folder / "ours", folder / "ours" / "ours.gguf"
    ]  # fmt: skip


def test_nothing_to_scan_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no model under"):
        _scan(tmp_path)
    with pytest.raises(CheckpointError, match="no such file"):
        _scan(tmp_path / "none")
