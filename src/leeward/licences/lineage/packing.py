"""Reads packed four-bit codes in the shape that the other model gives away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from leeward.licences.lineage.sampling import Weight, fingerprint, piece, spread_over
from leeward.licences.weights.nibbles import BYTES_OF, readings
from leeward.licences.weights.scaled import Scaled
from leeward.licences.weights.tensor import Matrix, Tensor

_MOST_TRIED = 3
_MOST_PARTNERS = 32
_LEAST_AGREEMENT = 0.1


def unpacked(weights: Sequence[Weight], others: Sequence[Weight]) -> list[Weight]:
    """Return `weights` with four-bit codes unpacked.

    How codes are laid out is not written down, so every layout is tried on a few matrices, and the one that agrees
    best with any matrix of the same part in the other model is used for all.
    """
    by_part: dict[str, list[Weight]] = {}
    for other in others:
        by_part.setdefault(other.place.part, []).append(other)
    packed = {at: shape for at, weight in enumerate(weights) if (shape := _true_shape(weight, by_part))}
    if not packed:
        return list(weights)
    totals: dict[int, float] = {}
    for at in list(packed)[:_MOST_TRIED]:
        partners = [w for w in by_part[weights[at].place.part] if w.shape in (packed[at], packed[at][::-1])]
        for layout, matrix in enumerate(_layouts(weights[at], packed[at])):
            totals[layout] = totals.get(layout, 0.0) + _best_agreement(matrix, partners[:_MOST_PARTNERS])
    chosen = max(totals, key=lambda layout: totals[layout], default=0)
    if totals.get(chosen, 0.0) < _LEAST_AGREEMENT * min(len(packed), _MOST_TRIED):
        chosen = 0  # nothing agrees in place, so the commonest layout is as good as any
    return [
        Weight(_chosen(weight, packed[at], chosen), weight.place) if at in packed else weight
        for at, weight in enumerate(weights)
    ]


def _true_shape(weight: Weight, by_part: Mapping[str, Sequence[Weight]]) -> tuple[int, int] | None:
    """Return the shape of the matrix that `weight` packs; None when it packs none."""
    codes = _codes(weight)
    if codes is None or codes.kind not in BYTES_OF:
        return None
    shapes = {other.shape for other in by_part.get(weight.place.part, ())}
    if weight.shape in shapes or weight.shape[::-1] in shapes:
        return None
    for shape in sorted(shapes | {shape[::-1] for shape in shapes}, key=lambda shape: shape[0] != weight.shape[0]):
        if next(_layouts(weight, shape), None) is not None:
            return shape
    return None


def _codes(weight: Weight) -> Tensor | None:
    matrix = weight.matrix.codes if isinstance(weight.matrix, Scaled) else weight.matrix
    return matrix if isinstance(matrix, Tensor) else None


def _layouts(weight: Weight, shape: tuple[int, int]) -> Iterator[Matrix]:
    codes = _codes(weight)
    if codes is not None:
        scaled = weight.matrix if isinstance(weight.matrix, Scaled) else None
        yield from readings(codes, shape, scaled.scales if scaled else None, scaled.zeros if scaled else None)


def _chosen(weight: Weight, shape: tuple[int, int], layout: int) -> Matrix:
    found = list(_layouts(weight, shape))
    return found[layout] if layout < len(found) else found[0]


def _best_agreement(matrix: Matrix, partners: Sequence[Weight]) -> float:
    rows, columns = spread_over(matrix.rows, 32), spread_over(matrix.columns, 256)
    ours = fingerprint(piece(matrix, rows, columns))
    best = 0.0
    for partner in partners:
        is_same = partner.shape == (matrix.rows, matrix.columns)
        block = piece(partner.matrix, rows, columns) if is_same else piece(partner.matrix, columns, rows).T
        best = max(best, float(ours @ fingerprint(block)))
    return best
