from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from leeward.licences.lineage.artefact import Claim, is_model, read_artefact
from model_folders import APACHE_TEXT, LARGE, model
from weight_files import write_gguf, write_safetensors

MATRIX = {"model.layers.0.self_attn.q_proj.weight": np.ones((32, 32), np.float32)}


def test_a_card_names_licence_and_base(tmp_path: Path) -> None:
    found = read_artefact(model(tmp_path, "m", f"license: other\nlicense_name: mrl\nbase_model: {LARGE}"))

    assert (found.name, found.licence, found.licence_words) == ("m", "MRL-0.1", ("mrl", "other"))
    assert found.claims == (Claim(LARGE, None, "README.md"),)
    assert found.relation == "fine-tune"


@pytest.mark.parametrize(
    ("head", "files", "relation"),
    [
        ("license: mit", {}, "base"),
        ("base_model: a/b", {}, "fine-tune"),
        ("base_model: a/b\nbase_model_relation: quantized", {}, "quantisation"),
        ("base_model: a/b\ntags: [gguf]", {}, "quantisation"),
        ("base_model: [a/b, c/d]", {}, "merge"),
        ("base_model: a/b\ntags: [mergekit]", {}, "merge"),
        ("tags: [base_model:quantized:a/b]", {}, "quantisation"),
        ("", {"adapter_config__json": {"base_model_name_or_path": "a/b"}}, "adapter"),
        ("base_model: a/b", {"config__json": {"quantization_config": {"quant_method": "gptq"}}}, "quantisation"),
        ("", {"mergekit_config__yml": "models:\n  - model: a/b\n  - model: c/d\n"}, "merge"),
    ],
)
def test_files_tell_how_a_model_was_made(
    tmp_path: Path, head: str, files: dict[str, str | dict[str, object]], relation: str
) -> None:
    assert read_artefact(model(tmp_path, "m", head, **files)).relation == relation


def test_a_gguf_header_names_the_model_its_licence_and_its_base(tmp_path: Path) -> None:
    words = {
        "general.name": "Ada", "general.license": "apache-2.0", "general.base_model.count": "1",
        "general.base_model.0.repo_url": "https://huggingface.co/org/base",
    }  # fmt: skip
    found = read_artefact(write_gguf(tmp_path / "ada.gguf", MATRIX, "Q8_0", words=words))

    assert (found.name, found.licence, found.relation) == ("Ada", "Apache-2.0", "quantisation")
    assert found.claims == (Claim("org/base", None, "GGUF header"),)


def test_tensors_of_an_adapter_are_known(tmp_path: Path) -> None:
    folder = model(tmp_path, "m")
    write_safetensors(folder / "adapter_model.safetensors", {"q_proj.lora_A.weight": np.ones((4, 32), np.float32)})

    assert read_artefact(folder).relation == "adapter"


def test_a_local_path_of_whoever_saved_the_model_is_no_origin(tmp_path: Path) -> None:
    found = read_artefact(model(tmp_path, "m", config__json={"_name_or_path": "/data/out/checkpoint-100"}))

    assert found.claims == ()


def test_licences_and_notices_are_read(tmp_path: Path) -> None:
    found = read_artefact(model(tmp_path, "m", "license: mit", LICENSE=APACHE_TEXT, NOTICE__txt="by Ada"))

    assert found.licence_of_files == "Apache-2.0"
    assert found.notice_files == {"NOTICE.txt": "by Ada"}


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", "\1\2\3"),
        ("m.gguf", "GGUF" + "\0" * 40),
        ("config.json", "[" * 50_000),
        ("config.json", "[]"),
    ],
)
def test_a_broken_file_is_kept_as_unreadable(tmp_path: Path, file: str, content: str) -> None:
    folder = model(tmp_path, "m", "license: mit")
    (folder / file).write_text(content)

    assert list(read_artefact(folder).unreadable) == [file]


@pytest.mark.parametrize(
    ("files", "expected"),
    [({"config__json": {"architectures": ["A"]}}, True), ({"config__json": {"colour": 1}}, False), ({}, False)],
)
def test_a_folder_is_a_model_only_with_something_of_one(
    tmp_path: Path, files: dict[str, str | dict[str, object]], expected: bool
) -> None:
    assert is_model(model(tmp_path, "m", **files)) is expected
    assert not is_model(model(tmp_path, "docs", "title: notes"))
