from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from leeward.errors import CheckpointError
from leeward.licences.weights.checkpoint import open_checkpoint, weight_files
from weight_files import write_gguf, write_safetensors, write_shards

ARRAYS = {f"model.layers.{at}.self_attn.q_proj.weight": np.full((32, 32), at, np.float32) for at in range(3)}


def test_shards_are_found_by_their_index(tmp_path: Path) -> None:
    folder = write_shards(tmp_path / "m", ARRAYS, 2)
    write_safetensors(folder / "leftover.safetensors", ARRAYS)
    with open_checkpoint(folder) as found:
        assert sorted(t.name for t in found.tensors) == sorted(ARRAYS)
        assert len(found.files) == 2
    assert weight_files(folder / "model.safetensors.index.json") == weight_files(folder)


def test_weights_kept_twice_are_read_once(tmp_path: Path) -> None:
    for name in ("model.safetensors", "consolidated.safetensors"):
        write_safetensors(tmp_path / name, ARRAYS)

    assert [file.name for file in weight_files(tmp_path)] == ["model.safetensors"]


def test_of_several_gguf_files_the_largest_is_read(tmp_path: Path) -> None:
    write_gguf(tmp_path / "a.Q4_0.gguf", ARRAYS, "Q4_0")
    write_gguf(tmp_path / "b.F16.gguf", ARRAYS, "F16")

    assert [file.name for file in weight_files(tmp_path)] == ["b.F16.gguf"]


def test_a_split_gguf_is_read_whole(tmp_path: Path) -> None:
    for at, (name, array) in enumerate(list(ARRAYS.items())[:2], 1):
        write_gguf(tmp_path / f"m-{at:05d}-of-00002.gguf", {name: array}, "F32")
    with open_checkpoint(tmp_path / "m-00002-of-00002.gguf") as found:
        assert [t.name for t in found.tensors] == ["blk.0.attn_q.weight", "blk.1.attn_q.weight"]


def test_nothing_leads_out_of_the_folder(tmp_path: Path) -> None:
    outside = write_safetensors(tmp_path / "secret.safetensors", ARRAYS)
    folder = tmp_path / "m"
    folder.mkdir()
    index = {"weight_map": {"a": f"../{outside.name}"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))

    with pytest.raises(CheckpointError, match="is missing"):
        weight_files(folder)


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({}, "no .safetensors or .gguf"),
        ({"pytorch_model.bin": b"x"}, "only pickled weights"),
        ({"model.safetensors.index.json": b"{"}, "cannot be read"),
        ({"model.safetensors.index.json": b'{"weight_map": {"a": "gone.safetensors"}}'}, "is missing"),
    ],
)
def test_what_cannot_be_opened_is_told(tmp_path: Path, files: dict[str, bytes], why: str) -> None:
    for name, raw in files.items():
        (tmp_path / name).write_bytes(raw)

    with pytest.raises(CheckpointError, match=why):
        weight_files(tmp_path)


def test_a_tensor_that_two_files_hold_is_refused(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "a.safetensors", ARRAYS)
    write_safetensors(tmp_path / "b.safetensors", ARRAYS)

    with pytest.raises(CheckpointError, match="two files hold"):
        open_checkpoint(tmp_path)


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no such file"):
        open_checkpoint(tmp_path / "none")
