from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import lineage_families as made
import weight_files as files
from leeward.errors import CheckpointError
from leeward.licences.lineage.compare import DERIVED_FROM, UNCLEAR_FROM, compare

SHAPE = made.Shape(160, 32, 4, 4, 96, False)
BASE = made.born(SHAPE, np.random.default_rng(1))
OTHER = made.born(SHAPE, np.random.default_rng(2))


def _rng() -> np.random.Generator:
    return np.random.default_rng(3)


def _plain(path: Path, state: made.State) -> Path:
    return files.write_safetensors(path / "two.safetensors", state)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return files.write_safetensors(tmp_path / "one.safetensors", BASE)


MIXED = made.with_units_permuted(made.with_stream_permuted(BASE, _rng(), SHAPE), _rng(), SHAPE)
CHANGES: dict[str, made.State] = {
    "noise": made.with_noise(BASE, _rng(), 0.5),
    "low rank": made.with_lora(BASE, _rng(), 4, 0.5),
    "pruned": made.pruned(BASE, 0.7),
    "layers dropped": made.without_layers(BASE, _rng(), SHAPE, 2),
    "units permuted": made.with_units_permuted(BASE, _rng(), SHAPE),
    "stream permuted": made.with_stream_permuted(BASE, _rng(), SHAPE),
    "merged": made.merged(BASE, OTHER),
    "merged and permuted": made.with_units_permuted(made.merged(BASE, OTHER), _rng(), SHAPE),
    "permuted and layers dropped": made.without_layers(MIXED, _rng(), SHAPE, 1),
}
KEPT: dict[str, Callable[[Path, made.State], Path]] = {
    "safetensors": _plain,
    "bfloat16": lambda path, state: files.write_safetensors(path / "two.safetensors", state, bf16=True),
    "shards": lambda path, state: files.write_shards(path / "two", state, 3),
    "int8": lambda path, state: files.write_safetensors(path / "two.safetensors", files.int8_codes(state)),
    "int4": lambda path, state: files.write_safetensors(path / "two.safetensors", files.int4_codes(state)),
    "int4, high first": lambda path, state: files.write_safetensors(
        path / "two.safetensors", files.int4_codes(state, high_first=True)
    ),
    **{
        kind: lambda path, state, kind=kind: files.write_gguf(path / "two.gguf", state, kind)
        for kind in ("F32", "F16", "BF16", "Q8_0", "Q4_0")
    },
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_was_made_from_a_model_is_found(tmp_path: Path, base: Path, change: str) -> None:
    found = compare(base, _plain(tmp_path, CHANGES[change]))

    assert found.score >= 0.3
    assert found.verdict == "derived"


@pytest.mark.parametrize("kept", KEPT)
def test_a_copy_is_found_however_it_is_kept(tmp_path: Path, base: Path, kept: str) -> None:
    found = compare(base, KEPT[kept](tmp_path, BASE))

    assert found.score >= 0.98
    assert found.verdict in ("identical", "derived")


@pytest.mark.parametrize("kept", KEPT)
def test_models_of_the_same_shape_have_nothing_in_common(tmp_path: Path, base: Path, kept: str) -> None:
    found = compare(base, KEPT[kept](tmp_path, OTHER))

    assert found.score < UNCLEAR_FROM
    assert found.verdict == "independent"


@pytest.mark.parametrize("change", ["units permuted", "stream permuted", "layers dropped", "merged and permuted"])
def test_what_people_do_to_hide_a_copy_makes_no_stranger_alike(tmp_path: Path, base: Path, change: str) -> None:
    strange = {
        "units permuted": made.with_units_permuted(OTHER, _rng(), SHAPE),
        "stream permuted": made.with_stream_permuted(OTHER, _rng(), SHAPE),
        "layers dropped": made.without_layers(OTHER, _rng(), SHAPE, 1),
        "merged and permuted": made.merged(OTHER, made.born(SHAPE, np.random.default_rng(9))),
    }[change]

    assert compare(base, _plain(tmp_path, strange)).score < UNCLEAR_FROM


def test_norms_and_position_tables_that_models_share_count_for_nothing(tmp_path: Path) -> None:
    table = np.sin(np.outer(np.arange(160), 1 / 10 ** np.arange(32))).astype(np.float32)
    shared = {"model.embed_positions.pos.weight": table, "model.position_embeddings.weight": table}
    one = files.write_safetensors(tmp_path / "one.safetensors", BASE | shared)

    assert compare(one, _plain(tmp_path, OTHER | shared)).score < UNCLEAR_FROM


def test_a_table_of_tokens_alone_does_not_make_a_derivative(tmp_path: Path, base: Path) -> None:
    words = {"model.embed_tokens.weight": BASE["model.embed_tokens.weight"]}

    assert compare(base, _plain(tmp_path, OTHER | words)).score < DERIVED_FROM


def test_the_order_of_the_two_does_not_matter(tmp_path: Path, base: Path) -> None:
    other = _plain(tmp_path, CHANGES["layers dropped"])
    one, two = compare(base, other), compare(other, base)

    assert one.score == two.score
    assert (one.layers, two.layers) == ((4, 2), (2, 4))
    assert (one.is_swapped, two.is_swapped) == (False, True)


def test_the_same_file_is_identical_and_a_part_of_it_is_not(tmp_path: Path, base: Path) -> None:
    assert compare(base, base).verdict == "identical"
    assert compare(base, _plain(tmp_path, CHANGES["layers dropped"])).verdict == "derived"


def test_names_that_tell_nothing_do_not_hide_a_copy(tmp_path: Path, base: Path) -> None:
    renamed = {f"tensor_{number}_x": array for number, array in enumerate(BASE.values())}

    assert compare(base, _plain(tmp_path, renamed)).score > 0.9


def test_matrices_kept_on_their_side_are_found(tmp_path: Path, base: Path) -> None:
    turned = {name: array.T.copy() if array.ndim == 2 else array for name, array in BASE.items()}

    assert compare(base, _plain(tmp_path, turned)).score > 0.9


def test_reading_everything_tells_a_copy_with_one_number_changed(tmp_path: Path, base: Path) -> None:
    changed = {name: array.copy() for name, array in BASE.items()}
    changed["lm_head.weight"][17, 3] += 1
    other = _plain(tmp_path, changed)
    found = compare(base, other, is_thorough=True)

    assert found.whole is not None
    assert 0.999 < found.whole.equal < 1
    assert found.verdict == "derived"
    assert compare(base, base, is_thorough=True).verdict == "identical"


def test_progress_is_told_and_ends_within_bounds(tmp_path: Path, base: Path) -> None:
    told: list[tuple[str, float]] = []
    compare(base, _plain(tmp_path, OTHER), is_thorough=True, progress=lambda step, share: told.append((step, share)))

    assert {step for step, _ in told} == {"looking for exact copies", "comparing", "reading whole"}
    assert all(0 <= share <= 1 for _, share in told)


def test_a_file_without_matrices_is_refused(tmp_path: Path, base: Path) -> None:
    empty = files.write_safetensors(tmp_path / "two.safetensors", {"norm.weight": np.ones(64, np.float32)})

    with pytest.raises(CheckpointError, match="no weight matrices"):
        compare(base, empty)
