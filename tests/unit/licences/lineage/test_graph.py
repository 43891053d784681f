from __future__ import annotations

from pathlib import Path

from leeward.licences.lineage.artefact import read_artefact
from leeward.licences.lineage.graph import Edge, Graph, build
from leeward.licences.registry import builtin_registry
from model_folders import LARGE, model


def _graph(*folders: Path) -> Graph:
    return build([read_artefact(folder) for folder in folders], builtin_registry())


def _binding(graph: Graph, name: str) -> str | None:
    found = graph.nodes[name].binding
    return found.id if found else None


def test_the_licence_of_the_base_binds_what_was_made_from_it_and_what_was_made_from_that(tmp_path: Path) -> None:
    tuned = model(tmp_path, "tuned", f"license: mit\nbase_model: {LARGE}")
    quantised = model(tmp_path, "small-tuned", "license: mit\nbase_model: me/tuned\ntags: [gguf]")
    graph = _graph(tuned, quantised)

    assert [_binding(graph, name) for name in ("tuned", "small-tuned", LARGE)] == ["MRL-0.1"] * 3
    assert Edge("small-tuned", "tuned", "quantisation", ("README.md",)) in graph.edges
    assert graph.ancestors("small-tuned") == {"small-tuned", "tuned", LARGE}


def test_of_several_parents_the_strictest_binds(tmp_path: Path) -> None:
    merged = model(tmp_path, "m", f"base_model: [mistralai/Mistral-7B-v0.1, {LARGE}]")

    assert _binding(_graph(merged), "m") == "MRL-0.1"


def test_a_base_may_be_named_by_its_path(tmp_path: Path) -> None:
    base = model(tmp_path, "base", "license: mit")
    adapter = model(tmp_path, "adapter", adapter_config__json={"base_model_name_or_path": "../base"})

    assert [(e.child, e.parent) for e in _graph(base, adapter).edges] == [("adapter", "base")]


def test_a_model_that_names_itself_is_a_base(tmp_path: Path) -> None:
    own = model(tmp_path, "Mistral-7B-v0.1", config__json={"_name_or_path": "mistralai/Mistral-7B-v0.1"})

    assert _graph(own).edges == ()


def test_several_files_that_say_the_same_are_one_edge(tmp_path: Path) -> None:
    folder = model(tmp_path, "m", "base_model: a/b", adapter_config__json={"base_model_name_or_path": "a/b"})

    assert _graph(folder).edges == (Edge("m", "a/b", "adapter", ("README.md", "adapter_config.json")),)


def test_a_circle_is_told_and_ends(tmp_path: Path) -> None:
    one, two = model(tmp_path, "one", "base_model: x/two"), model(tmp_path, "two", "base_model: x/one")

    assert _graph(one, two).loops == ("one", "two")


def test_models_of_one_name_go_by_their_path(tmp_path: Path) -> None:
    folders = [model(tmp_path / place, "m", "license: mit") for place in ("a", "b")]

    assert list(_graph(*folders).nodes) == [str(folder) for folder in folders]


def test_a_packaged_model_comes_from_the_one_that_it_is_named_after(tmp_path: Path) -> None:
    model(tmp_path, "ours-13b", f"license: mit\nbase_model: {LARGE}")
    model(tmp_path, "ours-13b-GGUF", "license: mit\nbase_model: acme/ours-13b\nbase_model_relation: quantized")
    graph = _graph(tmp_path / "ours-13b", tmp_path / "ours-13b-GGUF")

    assert graph.nodes["ours-13b-GGUF"].parents == ["ours-13b"]
    assert graph.ancestors("ours-13b-GGUF") >= {LARGE}
    assert graph.loops == ()


def test_the_licence_of_an_origin_that_was_found_earlier_binds_without_its_folder(tmp_path: Path) -> None:
    artefacts = [read_artefact(model(tmp_path, "blend", "license: mit\nbase_model: acme/Ours-13B"))]
    alone = build(artefacts, builtin_registry())
    together = build(artefacts, builtin_registry(), {"acme/ours-13b": "MRL-0.1"})

    assert (_binding(alone, "blend"), _binding(together, "blend")) == ("MIT", "MRL-0.1")
