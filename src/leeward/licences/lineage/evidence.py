"""What a comparison of weights found, for a person and for a program."""

from __future__ import annotations

import msgspec

from leeward.licences.lineage.compare import Comparison, Verdict, strongest

MEANING: dict[Verdict, str] = {
    "identical": "the same weights",
    "derived": "one was made from the other, or both from a third",
    "unclear": "more alike than unrelated models are, less than derivatives usually are: a person must look",
    "independent": "no sign that they have anything in common",
}


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """How well one part of the models agrees.

    Attributes:
        similarity: In [0, 1]; about the correlation of what was copied.
        found_by: `place` when the same numbers lie in the same places, `units` when units had to be matched.
    """

    part: str
    similarity: float
    found_by: str
    layers: int


class Evidence(msgspec.Struct, omit_defaults=True, frozen=True, kw_only=True):
    """What the verdict rests on.

    Attributes:
        says: Sentences for a person.
        identical_matrices: Matrices of the smaller model whose sampled numbers occur exactly in the other.
        matrices: Matrices of the smaller model.
        layer_map: For each layer of the smaller model the layer of the other that it agrees with most; left out
            when each layer agrees with its own number.
        smaller: Which of the two has fewer layers or numbers.
    """

    says: tuple[str, ...]
    parts: tuple[Part, ...]
    identical_matrices: int
    matrices: int
    layers: tuple[int, int]
    smaller: str
    sampled: bool
    layer_map: dict[int, int] = {}
    equal_numbers: float | None = None
    unread_tensors: int = 0


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What `leeward licence compare` prints."""

    score: float
    verdict: Verdict
    evidence: Evidence


def tell(comparison: Comparison) -> Told:
    """Return a comparison with its evidence."""
    parts = tuple(
        Part(
            part=agreement.part,
            similarity=round(agreement.similarity, 4),
            found_by="units" if agreement.is_reordered else "place",
            layers=agreement.layers,
        )
        for agreement in strongest(comparison)
    )
    layers = comparison.alignment.layers
    is_related = comparison.verdict != "independent"
    evidence = Evidence(
        says=tuple(_says(comparison)),
        parts=parts,
        identical_matrices=comparison.identical,
        matrices=comparison.matrices,
        layers=comparison.layers,
        smaller="first" if comparison.is_swapped else "second",
        sampled=comparison.whole is None,
        layer_map=layers if is_related and any(one != other for one, other in layers.items()) else {},
        equal_numbers=round(comparison.whole.equal, 6) if comparison.whole else None,
        unread_tensors=comparison.unread,
    )
    return Told(score=round(comparison.score, 4), verdict=comparison.verdict, evidence=evidence)


def _says(comparison: Comparison) -> list[str]:
    says = [MEANING[comparison.verdict]]
    if comparison.unread:
        says.append(f"{comparison.unread} tensors are in a number format that cannot be read and were left out")
    if comparison.verdict == "independent":
        return says
    if comparison.identical:
        says.append(f"{comparison.identical} of {comparison.matrices} matrices hold the same numbers")
    if comparison.layers[0] != comparison.layers[1]:
        says.append(f"layers were dropped or added: {comparison.layers[0]} and {comparison.layers[1]}")
    if comparison.alignment.is_stream_reordered:
        says.append("the positions of the hidden state are in another order in one of them")
    reordered = sorted(a.part for a in comparison.alignment.agreements if a.is_reordered and a.similarity >= 0.1)
    if reordered:
        says.append(f"units are in another order in {', '.join(reordered[:8])}")
    return says
