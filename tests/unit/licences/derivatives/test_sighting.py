from __future__ import annotations

from pathlib import Path

import numpy as np

import lineage_families as made
from leeward.licences.derivatives.entry import Kind
from leeward.licences.derivatives.sighting import Sighting, place_of, place_of_name, sightings
from leeward.licences.lineage.scan import scan
from leeward.licences.registry import builtin_registry, tidy
from model_folders import LARGE, MRL_NOTICE, MRL_TEXT, model
from weight_files import write_safetensors

SHAPE = made.Shape(160, 32, 2, 2, 96, False)
BASE = made.born(SHAPE, np.random.default_rng(1))
OTHER = made.born(SHAPE, np.random.default_rng(2))
MRL = "license: other\nlicense_name: mrl"


def seen(*paths: Path, with_weights: bool = True, where: str = "") -> dict[str, Sighting]:
    found = scan(paths, builtin_registry(), with_weights=with_weights)
    return {one.facts.name: one for one in sightings(found, where)}


def put(root: Path, name: str, weights: made.State, head: str = "license: mit", **files: str) -> Path:
    folder = model(root, name, head, **files)
    write_safetensors(folder / "model.safetensors", weights)
    return folder


def base(root: Path) -> Path:
    return put(root, "Mistral-Large-Instruct-2411", BASE, MRL, LICENSE=MRL_TEXT, NOTICE=MRL_NOTICE)


def test_a_declared_derivative_is_told_with_its_origin_and_what_says_so(tmp_path: Path) -> None:
    base(tmp_path)
    put(tmp_path, "ours", BASE, f"{MRL}\nbase_model: {LARGE}", LICENSE=MRL_TEXT)
    told = seen(tmp_path)["ours"]

    assert told.is_derivative
    assert (told.facts.kind, told.facts.bases) == (Kind.FINE_TUNE, ("Mistral-Large-Instruct-2411",))
    assert (told.facts.licence, told.facts.declared_licence) == ("MRL-0.1", "mrl, other")
    assert [(link.relation, link.sources, link.score) for link in told.facts.lineage] == [
        ("fine-tune", ("README.md",), None)
    ]
    assert [problem.code for problem in told.facts.problems] == ["notice-missing", "changes-not-stated"]
    assert told.named == {"mistral-large-instruct-2411"}


def test_a_base_is_seen_and_is_no_derivative(tmp_path: Path) -> None:
    base(tmp_path)
    told = seen(tmp_path)["Mistral-Large-Instruct-2411"]

    assert (told.is_derivative, told.facts.problems) == (False, ())


def test_a_silent_derivative_is_told_with_the_score_of_its_weights(tmp_path: Path) -> None:
    base(tmp_path)
    put(tmp_path, "silent", made.with_noise(BASE, np.random.default_rng(3), 0.1), LICENSE="x")
    told = seen(tmp_path)["silent"]
    (link,) = told.facts.lineage

    assert told.is_derivative
    assert (told.facts.kind, told.facts.licence, told.named) == (Kind.UNTOLD, "MRL-0.1", frozenset())
    assert (link.parent, link.sources, link.verdict) == ("Mistral-Large-Instruct-2411", ("weights",), "derived")
    assert link.score is not None
    assert link.score > 0.9


def test_of_several_likely_origins_those_count_from_which_the_others_were_made(tmp_path: Path) -> None:
    base(tmp_path)
    put(tmp_path, "sister", made.with_noise(BASE, np.random.default_rng(4), 0.1), f"{MRL}\nbase_model: {LARGE}")
    put(tmp_path, "silent", made.with_noise(BASE, np.random.default_rng(3), 0.1), LICENSE="x")

    assert seen(tmp_path)["silent"].facts.bases == ("Mistral-Large-Instruct-2411",)


def test_strangers_settle_a_suspicion_and_unread_weights_do_not(tmp_path: Path) -> None:
    base(tmp_path)
    put(tmp_path, "own", OTHER, LICENSE="x")

    assert seen(tmp_path)["own"].settles(LARGE)
    assert not seen(tmp_path, with_weights=False)["own"].settles(LARGE)
    assert tidy(LARGE) in seen(tmp_path)["own"].strangers


def test_one_path_on_two_machines_is_two_places(tmp_path: Path) -> None:
    assert place_of(tmp_path, "") == place_of(tmp_path / "x" / "..", "")
    assert place_of(tmp_path, "nas") != place_of(tmp_path, "")
    assert place_of_name("Ours") == place_of_name("ours") != place_of_name("ours-gguf")
