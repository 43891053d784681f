"""What a scan tells the registry of derivatives."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from leeward.licences.derivatives.entry import Facts, Kind, Link, Problem, filed
from leeward.licences.registry import tidy

if TYPE_CHECKING:
    from leeward.licences.lineage.artefact import Artefact
    from leeward.licences.lineage.graph import Node
    from leeward.licences.lineage.scan import Scan

WEIGHTS, DECLARATION = "weights", "declaration"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """One model as a scan saw it.

    Attributes:
        is_derivative: Whether anything shows that it was made from another model.
        place: Digest of where it lies.
        named: Tidied names of all models that its files name as its origins, near and far.
        strangers: Tidied names of models whose weights were compared with its own and have nothing in common.
    """

    is_derivative: bool
    place: str
    facts: Facts
    named: frozenset[str] = frozenset()
    strangers: frozenset[str] = frozenset()

    def settles(self, origin: str) -> bool:
        """Whether the scan shows that nothing is hidden about `origin`: it is named, or weights rule it out."""
        return tidy(origin) in self.named | self.strangers


def place_of(path: Path, where: str) -> str:
    """Return the digest under which the registry knows a place."""
    return _digest(f"{where}\0{path.resolve()}")


def place_of_name(name: str) -> str:
    """Return the digest that stands for the place of a model that was only declared."""
    return _digest(f"declared\0{filed(name)}")


def sightings(found: Scan, where: str = "") -> tuple[Sighting, ...]:
    """Return every model on disk that a scan saw, models that come from no other included.

    Args:
        where: Machine or store that the paths lie on; may be empty.
    """
    return tuple(_sighting(found, node, node.artefact, where) for node in found.graph.nodes.values() if node.artefact)


def _sighting(found: Scan, node: Node, artefact: Artefact, where: str) -> Sighting:
    findings = [f for f in found.findings if f.model == node.name]
    by_weights = _oldest(found, [f.about for f in findings if f.code == "undeclared-derivative"])
    problems = tuple(
        Problem(code=f.code, message=f.message, remedy=f.remedy, licence=f.licence, about=f.about)
        for f in findings
        if f.code != "undeclared-derivative" or f.about in by_weights
    )
    bases = tuple(dict.fromkeys([*node.parents, *by_weights]))
    inherited = next((p.licence for p in problems if p.code == "undeclared-derivative"), "")
    named = {tidy(name) for name in found.graph.ancestors(node.name) if name != node.name}
    return Sighting(
        is_derivative=bool(bases) or any(p.code == "base-undeclared" for p in problems),
        place=place_of(artefact.path, where),
        facts=Facts(
            name=node.name,
            where=where,
            path=str(artefact.path.resolve()),
            kind=_kind(artefact, node),
            bases=bases,
            licence=node.binding.id if node.parents and node.binding else inherited or _own(node),
            declared_licence=", ".join(artefact.licence_words),
            problems=problems,
            lineage=(*_links(found, node.name), *_weight_links(found, node.name, by_weights)),
        ),
        named=frozenset(named),
        strangers=frozenset(tidy(other) for other in _strangers(found, node.name)),
    )


def _oldest(found: Scan, origins: list[str]) -> list[str]:
    """Return the origins without those that were made from another of them: weights do not tell which came between."""
    return [name for name in origins if found.graph.ancestors(name).isdisjoint(o for o in origins if o != name)]


def _own(node: Node) -> str:
    return node.binding.id if node.binding else ""


def _kind(artefact: Artefact, node: Node) -> Kind:
    if not node.parents and artefact.relation != "adapter":
        return Kind.UNTOLD
    return Kind(artefact.relation) if artefact.relation != "base" else Kind.FINE_TUNE


def _links(found: Scan, name: str) -> list[Link]:
    above = found.graph.ancestors(name)
    return [
        Link(child=edge.child, parent=edge.parent, relation=edge.relation, sources=edge.sources)
        for edge in found.graph.edges
        if edge.child in above
    ]


def _weight_links(found: Scan, name: str, origins: list[str]) -> list[Link]:
    return [
        Link(
            child=name,
            parent=other,
            relation=Kind.UNTOLD,
            sources=(WEIGHTS,),
            score=pair.score,
            verdict=pair.verdict,
        )
        for pair in found.compared
        if name in (pair.first, pair.second) and (other := pair.second if pair.first == name else pair.first) in origins
    ]


def _strangers(found: Scan, name: str) -> list[str]:
    return [
        pair.second if pair.first == name else pair.first
        for pair in found.compared
        if name in (pair.first, pair.second) and pair.verdict == "independent"
    ]


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
