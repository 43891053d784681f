from __future__ import annotations

from pathlib import Path

import pytest

from leeward.licences.lineage.artefact import read_artefact
from leeward.licences.lineage.checks import Finding, check
from leeward.licences.lineage.graph import build
from leeward.licences.registry import builtin_registry
from model_folders import APACHE_TEXT, LARGE, MRL_NOTICE, MRL_TEXT, model

CODESTRAL = "mistralai/Codestral-22B-v0.1"
LLAMA = "meta-llama/Llama-3.1-8B"
LLAMA_NOTICE = (
    "Llama is licensed under the Llama Community License, Copyright © Meta Platforms, Inc. All Rights Reserved."
)
MRL_HEAD = f"license: other\nlicense_name: mrl\nbase_model: {LARGE}"
MRL_PAPERS = {"LICENSE": MRL_TEXT, "NOTICE": MRL_NOTICE}
LLAMA_PAPERS = {"LICENSE": "LLAMA COMMUNITY LICENSE AGREEMENT", "NOTICE": LLAMA_NOTICE}


def _findings(*folders: Path) -> list[Finding]:
    registry = builtin_registry()
    return list(check(build([read_artefact(folder) for folder in folders], registry), registry))


def _codes(*folders: Path) -> list[str]:
    return [finding.code for finding in _findings(*folders)]


@pytest.mark.parametrize(
    ("name", "head", "card", "papers"),
    [
        ("Mistral-Large-Instruct-2411", "license: other\nlicense_name: mrl", "", MRL_PAPERS),
        ("tuned", MRL_HEAD, "Fine-tuned on recipes.", MRL_PAPERS),
        ("Llama-cook", f"license: llama3.1\nbase_model: {LLAMA}", "Built with Llama.", LLAMA_PAPERS),
        ("cook", "license: mit\nbase_model: mistralai/Mistral-7B-v0.1", "", {"LICENSE": "our own words"}),
    ],
)
def test_a_model_in_order_has_no_findings(
    tmp_path: Path, name: str, head: str, card: str, papers: dict[str, str]
) -> None:
    assert _codes(model(tmp_path, name, head, card, **papers)) == []


@pytest.mark.parametrize(
    ("head", "card", "papers", "codes"),
    [
        ("tags: [text]\npipeline_tag: x", "", {}, ["licence-unknown"]),
        (MRL_HEAD.replace("other\nlicense_name: mrl", "apache-2.0"), "fine-tuned", MRL_PAPERS,
         ["licence-conflict", "licence-not-that-of-the-file"]),
        (MRL_HEAD, "fine-tuned", {"NOTICE": MRL_NOTICE}, ["licence-copy-missing"]),
        (MRL_HEAD, "fine-tuned", {"LICENSE": MRL_TEXT}, ["notice-missing"]),
        (MRL_HEAD, "a cook", MRL_PAPERS, ["changes-not-stated"]),
        (MRL_HEAD, "Fine-tuned. The official Mistral AI model for cooks.", MRL_PAPERS, ["endorsement-claimed"]),
        (MRL_HEAD, "Fine-tuned. Not an official Mistral AI model.", MRL_PAPERS, []),
        ("license: mit\nbase_model: nobody/knows", "", {"LICENSE": "x"}, ["base-unknown"]),
        (f"license: llama3.1\nbase_model: {LLAMA}", "", LLAMA_PAPERS, ["name-required", "attribution-required"]),
        (f"license: other\nlicense_name: mrl\nbase_model: [{LARGE}, {CODESTRAL}]", "merged", MRL_PAPERS,
         ["licences-incompatible"]),
        ("license: mit", "", {"config__json": {"_name_or_path": "mistralai/Mistral-7B-v0.1"}, "LICENSE": APACHE_TEXT},
         ["licence-not-that-of-the-file", "base-undeclared", "changes-not-stated"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_found(
    tmp_path: Path, head: str, card: str, papers: dict[str, str | dict[str, object]], codes: list[str]
) -> None:
    assert _codes(model(tmp_path, "m", head, card, **papers)) == codes


def test_a_finding_names_the_licence_the_place_and_what_to_do(tmp_path: Path) -> None:
    folder = model(tmp_path, "m", MRL_HEAD, "fine-tuned", LICENSE=MRL_TEXT)
    (finding,) = _findings(folder)

    assert (finding.model, finding.path, finding.licence) == ("m", str(folder), "MRL-0.1")
    assert MRL_NOTICE in finding.message
    assert "NOTICE" in finding.remedy


def test_a_notice_may_be_broken_into_lines_and_quoted(tmp_path: Path) -> None:
    notice = '> "Licensed by Mistral AI\n> under the Mistral AI   Research License"'

    assert _codes(model(tmp_path, "m", MRL_HEAD, "fine-tuned", LICENSE=MRL_TEXT, NOTICE=notice)) == []


def test_an_adapter_of_nothing_is_found(tmp_path: Path) -> None:
    folder = model(tmp_path, "m", "license: mit", LICENSE="x", adapter_config__json={"peft_type": "LORA"})

    assert _codes(folder) == ["base-undeclared"]


def test_a_name_that_stands_for_a_model_asks_for_its_origin(tmp_path: Path) -> None:
    folder = model(tmp_path, "cook-codestral-22b-v9", "license: mit", "tuned", LICENSE="x")

    assert {"licence-conflict", "base-undeclared"} <= set(_codes(folder))


def test_circles_and_broken_files_are_found(tmp_path: Path) -> None:
    one = model(tmp_path, "one", "license: mit\nbase_model: x/two", LICENSE="x")
    two = model(tmp_path, "two", "license: mit\nbase_model: x/one", LICENSE="x")
    (two / "model.safetensors").write_bytes(b"\0")

    assert _codes(one, two).count("origin-loop") == 2
    assert "unreadable" in _codes(one, two)
