from __future__ import annotations

from pathlib import Path

import numpy as np

import lineage_families as made
from leeward.licences.lineage.compare import compare
from leeward.licences.lineage.evidence import Told, tell
from weight_files import write_safetensors

SHAPE = made.Shape(160, 32, 4, 2, 96, False)
BASE = made.born(SHAPE, np.random.default_rng(1))


def _told(tmp_path: Path, second: made.State) -> Told:
    one = write_safetensors(tmp_path / "one.safetensors", BASE)
    return tell(compare(one, write_safetensors(tmp_path / "two.safetensors", second)))


def test_dropped_layers_are_told_with_where_the_others_came_from(tmp_path: Path) -> None:
    evidence = _told(tmp_path, made.without_layers(BASE, np.random.default_rng(0), SHAPE, 2)).evidence

    assert evidence.layers == (4, 2)
    assert evidence.smaller == "second"
    assert list(evidence.layer_map) == [0, 1]
    assert evidence.layer_map != {0: 0, 1: 1}
    assert "layers were dropped or added: 4 and 2" in evidence.says
    assert evidence.identical_matrices == evidence.matrices


def test_reordered_units_are_told_by_part(tmp_path: Path) -> None:
    evidence = _told(tmp_path, made.with_units_permuted(BASE, np.random.default_rng(0), SHAPE)).evidence

    assert {part.part for part in evidence.parts if part.found_by == "units"} >= {"gate", "up", "down"}


def test_a_reordered_stream_is_told(tmp_path: Path) -> None:
    says = _told(tmp_path, made.with_stream_permuted(BASE, np.random.default_rng(0), SHAPE)).evidence.says

    assert any("hidden state are in another order" in sentence for sentence in says)


def test_of_strangers_nothing_is_claimed(tmp_path: Path) -> None:
    told = _told(tmp_path, made.born(SHAPE, np.random.default_rng(9)))

    assert told.verdict == "independent"
    assert told.evidence.says == ("no sign that they have anything in common",)
    assert told.evidence.layer_map == {}
