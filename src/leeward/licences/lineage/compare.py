"""Whether one model's weights were made from another's."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Literal, TypeAlias

from leeward.errors import CheckpointError
from leeward.licences.lineage.axes import axis_map
from leeward.licences.lineage.layers import OUTSIDE, Agreement, Alignment, Layers, align, by_layer
from leeward.licences.lineage.names import Place
from leeward.licences.lineage.packing import unpacked
from leeward.licences.lineage.sampling import Weight, can_be_sampled, hidden_size, piece, spread_over, weights_of
from leeward.licences.lineage.streaming import Whole, read_whole
from leeward.licences.weights.checkpoint import Checkpoint, open_checkpoint

Verdict: TypeAlias = Literal["identical", "derived", "unclear", "independent"]
Progress: TypeAlias = Callable[[str, float], None]

DERIVED_FROM: Final = 0.2
UNCLEAR_FROM: Final = 0.1
_IDENTICAL_FROM = 0.999
_AS_GOOD_AS_SURE = 0.9
_IN_PLACE = 0.3
_LEAST_SHARED_PARTS = 0.5


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """What two sets of weights have to do with each other.

    Attributes:
        score: 0 for models that share nothing, 1 for the same weights; about the mean correlation of what was copied.
        layers: Layers of the first and the second model.
        identical: Matrices of the smaller model whose sampled numbers occur exactly in the other.
        matrices: Matrices of the smaller model that were compared.
        is_swapped: Whether the first model is the smaller one; `alignment` then maps first to second.
        whole: What reading every number gave; None when samples were read.
    """

    score: float
    verdict: Verdict
    alignment: Alignment
    layers: tuple[int, int]
    identical: int
    matrices: int
    is_swapped: bool
    unread: int
    whole: Whole | None = None


def compare(
    first: Path, second: Path, *, is_thorough: bool = False, progress: Progress = lambda *_: None
) -> Comparison:
    """Compare the weights of two models.

    Reads pieces of each matrix where they lie, so memory is bounded (well under 1 GB) whatever the models' size.

    Args:
        first, second: Files or folders; the order does not matter to the score.
        is_thorough: Read every number of the matrices that lie on each other, not only pieces.
        progress: Called with the step and how much of it is done, in [0, 1].

    Raises:
        CheckpointError: If weights cannot be read, or there is nothing in them to compare.
    """
    with open_checkpoint(first) as one, open_checkpoint(second) as other:
        return _compare(one, other, is_thorough, progress)


def _compare(one: Checkpoint, other: Checkpoint, is_thorough: bool, progress: Progress) -> Comparison:
    ours, theirs = _read(one, other)
    is_swapped = _size(ours) < _size(theirs)
    large, small = (theirs, ours) if is_swapped else (ours, theirs)
    large, small = _with_parts(large, small)
    hidden = hidden_size(large), hidden_size(small)
    a, b = by_layer(large), by_layer(small)
    progress("looking for exact copies", 0.0)
    identical = _identical(large, small)
    alignment = _best_alignment(large, small, a, b, hidden, progress)
    whole = read_whole(a, b, alignment, lambda share: progress("reading whole", share)) if is_thorough else None
    score = _score(alignment, identical / len(small), whole)
    layers = len(a.keys() - {OUTSIDE}), len(b.keys() - {OUTSIDE})
    return Comparison(
        score=score,
        verdict=_verdict(score, len(large) == len(small) == identical, whole),
        alignment=alignment,
        layers=layers[::-1] if is_swapped else layers,
        identical=identical,
        matrices=len(small),
        is_swapped=is_swapped,
        unread=len(one.unread) + len(other.unread),
        whole=whole,
    )


def _read(one: Checkpoint, other: Checkpoint) -> tuple[list[Weight], list[Weight]]:
    ours, theirs = weights_of(one), weights_of(other)
    ours, theirs = unpacked(ours, theirs), unpacked(theirs, ours)
    ours, theirs = [w for w in ours if can_be_sampled(w)], [w for w in theirs if can_be_sampled(w)]
    for checkpoint, found in ((one, ours), (other, theirs)):
        if not found:
            raise CheckpointError(
                f"{checkpoint.path}: no weight matrices in a format that can be read",
                meaning="Nothing was compared.",
                remedy="Name a model's weights, not an index or a tokenizer.",
            )
    return ours, theirs


def _size(weights: Sequence[Weight]) -> tuple[int, int]:
    layers = {w.place.layer for w in weights if w.place.layer is not None}
    return len(layers), sum(w.shape[0] * w.shape[1] for w in weights)


def _with_parts(large: list[Weight], small: list[Weight]) -> tuple[list[Weight], list[Weight]]:
    """Return both with parts that the two have in common: those of their names, or their shapes if names differ."""
    parts = [Counter(w.place.part for w in weights) for weights in (large, small)]
    shared = sum((parts[0] & parts[1]).values())
    if shared >= _LEAST_SHARED_PARTS * min(len(large), len(small)):
        return large, small
    return _by_shape(large), _by_shape(small)


def _by_shape(weights: Sequence[Weight]) -> list[Weight]:
    """Return matrices that go by their shape, each a layer of its own; tables of tokens keep their place."""
    return [
        weight
        if weight.place.is_token_table
        else replace(weight, place=Place(number, "x".join(map(str, sorted(weight.shape)))))
        for number, weight in enumerate(weights)
    ]


def _best_alignment(
    large: list[Weight], small: list[Weight], a: Layers, b: Layers, hidden: tuple[int, int], progress: Progress
) -> Alignment:
    steps = 2 * len({w.place.part for w in small}) + 1
    done = 0

    def told() -> None:
        nonlocal done
        done += 1
        progress("comparing", min(1.0, done / steps))

    in_place = align(a, b, hidden, None, told)
    tables = [a.similarity for a in in_place.agreements if a.is_token_table]
    if in_place.score >= _AS_GOOD_AS_SURE or (tables and min(tables) >= _IN_PLACE):
        return in_place
    axis = axis_map(large, small, hidden)
    if axis is None:
        return in_place
    steps *= 2
    mapped = align(a, b, hidden, axis, told)
    return mapped if mapped.score > in_place.score else in_place


def _identical(large: Sequence[Weight], small: Sequence[Weight]) -> int:
    """Return how many matrices of the smaller model hold, in a sample, the numbers of one of the larger."""
    known = {_digest(weight) for weight in large}
    return sum(_digest(weight) in known for weight in small)


def _digest(weight: Weight) -> bytes:
    sample = piece(weight.matrix, spread_over(weight.shape[0], 16), spread_over(weight.shape[1], 256))
    return hashlib.sha256(repr(weight.shape).encode() + sample.tobytes()).digest()


def _score(alignment: Alignment, identical: float, whole: Whole | None) -> float:
    score = max(alignment.score, whole.correlation if whole else 0.0)
    return float(min(1.0, max(score, identical * 0.999)))


def _verdict(score: float, is_all_identical: bool, whole: Whole | None) -> Verdict:
    if is_all_identical and (whole.is_identical if whole else score >= _IDENTICAL_FROM):
        return "identical"
    if score >= DERIVED_FROM:
        return "derived"
    return "unclear" if score >= UNCLEAR_FROM else "independent"


def strongest(comparison: Comparison) -> tuple[Agreement, ...]:
    """Return the parts of the models, those that agree most first."""
    return tuple(sorted(comparison.alignment.agreements, key=lambda a: (-a.similarity, a.part)))
