"""Which layer of one model lies on which of the other, and how well each part agrees there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from leeward.licences.lineage import units
from leeward.licences.lineage.sampling import MOST_COLUMNS, MOST_ROWS, AxisMap, Weight, spread_over
from leeward.licences.lineage.views import similarities, views
from leeward.licences.weights.formats import Floats

OUTSIDE: Final = -1
_MOST_ELEMENTS: Final = 64 << 20
_ALIKE: Final = 0.5
_LAYERS_LOOKED_INTO: Final = 6
_SURE: Final = 0.12
_LAYERS_SEARCHED: Final = 3
_MOST_NUMBERS_SEARCHED: Final = 64 << 20

Layers: TypeAlias = dict[int, dict[str, Weight]]
"""Matrices by layer and part; what lies outside the layers is layer `OUTSIDE`."""
Told: TypeAlias = Callable[[], None]


@dataclass(frozen=True)
class Agreement:
    """How well one part agrees, over all layers.

    Attributes:
        similarity: Mean correlation in place or of matched units, in [0, 1].
        is_reordered: Whether it agrees only once units are matched.
    """

    part: str
    similarity: float
    is_reordered: bool
    layers: int
    is_token_table: bool = False


@dataclass(frozen=True)
class Alignment:
    """How the second model lies on the first.

    Attributes:
        layers: For each layer of the second model the layer of the first that it agrees with most.
        agreements: Of each part that both have.
        is_stream_reordered: Whether positions of the residual stream had to be mapped.
    """

    layers: dict[int, int]
    agreements: tuple[Agreement, ...]
    is_stream_reordered: bool

    @property
    def score(self) -> float:
        """Mean agreement; a part of the layers counts 1, a table outside them half."""
        weight = [0.5 if a.is_token_table else 1.0 for a in self.agreements]
        return float(np.average([a.similarity for a in self.agreements], weights=weight)) if weight else 0.0


def by_layer(weights: Sequence[Weight]) -> Layers:
    """Sort matrices by layer and part; of several with the same place the first counts."""
    found: Layers = {}
    for weight in weights:
        layer = OUTSIDE if weight.place.layer is None else weight.place.layer
        found.setdefault(layer, {}).setdefault(weight.place.part, weight)
    return found


def align(first: Layers, second: Layers, hidden: tuple[int, int], axis: AxisMap | None, told: Told) -> Alignment:
    """Return how the second model lies on the first.

    Args:
        hidden: Width of the residual stream in the first and in the second model.
        axis: How the streams lie on each other; None when position by position.
        told: Called after each part.
    """
    ours, theirs = sorted(first.keys() - {OUTSIDE}), sorted(second.keys() - {OUTSIDE})
    tables = {
        part: found for part in _parts(first, second) if (found := _agree(first, second, part, hidden, axis, told))
    }
    inner = {part: table for part, (table, is_outside) in tables.items() if not is_outside}
    layers = _align_layers(inner, first, second, hidden, axis) if ours and theirs else {}
    agreements = []
    for part, (table, is_outside) in tables.items():
        # The map was made from the token tables, so that their agreement under it tells nothing.
        if is_outside:
            if axis is None:
                agreements.append(Agreement(part, max(0.0, float(table[0, 0])), False, 1, is_token_table=True))
            continue
        agreements.append(Agreement(part, _in_place(table, layers, first, second, part), False, len(theirs)))
    matched = _matched(agreements, layers, first, second, hidden, axis, told)
    return Alignment(layers, tuple(matched), axis is not None)


def _parts(first: Layers, second: Layers) -> list[str]:
    ours = {part for layer in first.values() for part in layer}
    return sorted(ours & {part for layer in second.values() for part in layer})


def _holders(layers: Layers, part: str) -> list[int]:
    return sorted(layer for layer, parts in layers.items() if part in parts)


def _agree(
    first: Layers, second: Layers, part: str, hidden: tuple[int, int], axis: AxisMap | None, told: Told
) -> tuple[Floats, bool] | None:
    """Return the agreement of a part in all pairs of layers, [second, first], and whether it lies outside the layers.

    None when the shapes cannot lie on each other: then only units can be matched.
    """
    ours = [first[layer][part] for layer in _holders(first, part)]
    theirs = [second[layer][part] for layer in _holders(second, part)]
    is_outside = _holders(first, part)[0] == OUTSIDE or _holders(second, part)[0] == OUTSIDE
    told()
    if len({w.shape for w in ours}) > 1 or len({w.shape for w in theirs}) > 1:
        return None
    elements = min(MOST_ROWS * MOST_COLUMNS, _MOST_ELEMENTS // (len(ours) + len(theirs)))
    ways = views(ours[0].shape, theirs[0].shape, hidden, axis, elements)
    tables = [similarities(ours, theirs, view) for view in ways]
    if not tables:
        return np.zeros((len(theirs), len(ours)), np.float32), is_outside
    return max(tables, key=lambda table: float(table.max(axis=1).mean())), is_outside


def _align_layers(
    tables: dict[str, Floats], first: Layers, second: Layers, hidden: tuple[int, int], axis: AxisMap | None
) -> dict[int, int]:
    ours, theirs = sorted(first.keys() - {OUTSIDE}), sorted(second.keys() - {OUTSIDE})
    total = np.zeros((len(theirs), len(ours)))
    parts = np.zeros(len(theirs))
    for part, table in tables.items():
        rows = [theirs.index(layer) for layer in _holders(second, part)]
        columns = [ours.index(layer) for layer in _holders(first, part)]
        total[np.ix_(rows, columns)] += table
        parts[rows] += 1
    total /= np.maximum(parts, 1)[:, None]
    found = {layer: ours[int(row.argmax())] for layer, row in zip(theirs, total, strict=True) if row.max() >= _SURE}
    if len(found) == len(theirs):
        return found
    return _search(first, second, found, hidden, axis)


def _search(
    first: Layers, second: Layers, found: dict[int, int], hidden: tuple[int, int], axis: AxisMap | None
) -> dict[int, int]:
    """Return an alignment in which layers that lie on none in place are placed by their units.

    Models with as many layers are taken to have them in the same order. In large models only a few layers are
    looked for, and those between follow the last one that was found.
    """
    ours, theirs = sorted(first.keys() - {OUTSIDE}), sorted(second.keys() - {OUTSIDE})
    if len(ours) == len(theirs):
        return {**dict(zip(theirs, ours, strict=True)), **found}
    wanted = [layer for layer in theirs if layer not in found]
    numbers = sum(w.shape[0] * w.shape[1] for layer in first.values() for w in layer.values())
    most = max(_LAYERS_SEARCHED, _MOST_NUMBERS_SEARCHED // max(1, numbers))
    for at in spread_over(len(wanted), most):
        layer = wanted[int(at)]
        found = {**found, layer: ours[units.across([first[one] for one in ours], second[layer], hidden, axis)]}
    place = {layer: at for at, layer in enumerate(ours)}
    filled, shift = {}, 0
    for at, layer in enumerate(theirs):
        if layer in found:
            shift = place[found[layer]] - at
        filled[layer] = found.get(layer, ours[min(max(at + shift, 0), len(ours) - 1)])
    return filled


def _in_place(table: NDArray[np.float32], layers: dict[int, int], first: Layers, second: Layers, part: str) -> float:
    """Return the mean agreement of a part over aligned layers."""
    rows = {layer: at for at, layer in enumerate(_holders(second, part))}
    columns = {layer: at for at, layer in enumerate(_holders(first, part))}
    values = [table[rows[b], columns[a]] for b, a in layers.items() if b in rows and a in columns]
    return max(0.0, float(np.mean(values))) if values else 0.0


def _matched(
    agreements: Sequence[Agreement],
    layers: dict[int, int],
    first: Layers,
    second: Layers,
    hidden: tuple[int, int],
    axis: AxisMap | None,
    told: Told,
) -> list[Agreement]:
    """Look for units in another order wherever parts do not agree in place."""
    weak = {a.part for a in agreements if a.similarity < _ALIKE and not a.is_token_table}
    found: dict[str, list[float]] = {}
    for at in spread_over(len(layers), _LAYERS_LOOKED_INTO) if weak else ():
        theirs, ours = list(layers.items())[int(at)]
        best: dict[str, float] = {}
        one = {part: w for part, w in first[ours].items() if part in weak}
        other = {part: w for part, w in second[theirs].items() if part in weak}
        for group in units.groups(one, other, hidden):
            value = units.units_found(group, hidden, axis)
            for part in group.parts:
                best[part] = max(best.get(part, 0.0), value)
            told()
        for part, value in best.items():
            found.setdefault(part, []).append(value)
    return [_better(a, found.get(a.part, [])) for a in agreements]


def _better(agreement: Agreement, found: Sequence[float]) -> Agreement:
    value = float(np.mean(found)) if found else 0.0
    if value <= agreement.similarity:
        return agreement
    return Agreement(agreement.part, min(1.0, value), True, agreement.layers)
