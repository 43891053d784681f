"""Which model was made from which, and whose licence binds it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from leeward.licences.lineage.artefact import Artefact, Claim, Relation
from leeward.licences.registry import Licence, Registry, tidy

NOTHING_KNOWN: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Edge:
    """One model made from another.

    Attributes:
        child, parent: Names of nodes.
        sources: Files that say so.
    """

    child: str
    parent: str
    relation: Relation
    sources: tuple[str, ...]


@dataclass(slots=True)
class Node:
    """A model of the graph.

    Attributes:
        artefact: What was found on disk; None for a model that is only named.
        own: The licence that its own name falls under in the registry; None when unknown.
        is_row: Whether the registry has a row for just this name.
        parents: Names of the models it was made from.
        binding: The strictest licence that comes with its origins, or its own; None when no licence is known.
    """

    name: str
    artefact: Artefact | None
    own: Licence | None
    is_row: bool
    parents: list[str] = field(default_factory=list)
    binding: Licence | None = None


@dataclass(frozen=True)
class Graph:
    """Models by name, and how they come from one another.

    Attributes:
        loops: Names of models that are said to come from themselves.
    """

    nodes: dict[str, Node]
    edges: tuple[Edge, ...]
    loops: tuple[str, ...]

    def ancestors(self, name: str) -> set[str]:
        """Return all models that `name` is said to be made from, itself included."""
        seen: set[str] = set()
        waiting = [name]
        while waiting:
            one = waiting.pop()
            if one not in seen:
                seen.add(one)
                waiting += self.nodes[one].parents
        return seen


def build(artefacts: Sequence[Artefact], registry: Registry, known: Mapping[str, str] = NOTHING_KNOWN) -> Graph:
    """Return the graph of what artefacts say about themselves.

    Args:
        known: Ids of the licences of models that earlier scans found, by name in lower case; for origins that neither
            lie among `artefacts` nor stand in `registry`.
    """
    nodes: dict[str, Node] = {}
    names = _distinct(artefacts)
    for artefact, name in zip(artefacts, names, strict=True):
        nodes[name] = _node(name, artefact, registry)
    keys = {key: name for name, node in nodes.items() for key in _keys(node.artefact)}
    exact = {_bare(key): name for name, node in nodes.items() if node.artefact for key in _names(node.artefact)}
    edges: dict[tuple[str, str], Edge] = {}
    for artefact, name in zip(artefacts, names, strict=True):
        for claim in artefact.claims:
            if _is_own_name(claim, artefact):
                continue
            parent = keys.get(_local(claim.base, artefact), _called(claim.base, name, keys, exact))
            if parent not in nodes:
                nodes[parent] = _named(parent, registry, known)
            _join(edges, name, parent, claim, artefact)
    for edge in edges.values():
        nodes[edge.child].parents.append(edge.parent)
    loops = tuple(name for name in nodes if any(name in _above(nodes, parent) for parent in nodes[name].parents))
    for name in nodes:
        _bind(nodes, name, registry, ())
    return Graph(nodes, tuple(edges.values()), loops)


def _distinct(artefacts: Sequence[Artefact]) -> list[str]:
    """Return a name for each artefact; those that share one go by their path."""
    names = [artefact.name for artefact in artefacts]
    return [name if names.count(name) == 1 else str(a.path) for name, a in zip(names, artefacts, strict=True)]


def _node(name: str, artefact: Artefact | None, registry: Registry) -> Node:
    match = registry.resolve(name)
    if match is None and artefact is not None:
        match = registry.resolve(artefact.path.resolve().name)
    return Node(name, artefact, match.licence if match else None, bool(match and match.model))


def _named(name: str, registry: Registry, known: Mapping[str, str]) -> Node:
    """Return the node of a model that is only named."""
    node = _node(name, None, registry)
    if node.own is None:
        node.own = registry.licences.get(known.get(name.strip().lower(), ""))
    return node


def _keys(artefact: Artefact | None) -> set[str]:
    """Return the tidied names by which others may call an artefact."""
    if artefact is None:
        return set()
    path = artefact.path.resolve()
    return {tidy(artefact.name), tidy(path.name), str(path)} - {""}


def _names(artefact: Artefact) -> tuple[str, str]:
    return artefact.name, artefact.path.resolve().name


def _bare(name: str) -> str:
    """Return a name without path and upper case, but with its packaging."""
    return name.strip().rstrip("/").rsplit("/", 1)[-1].lower()


def _is_own_name(claim: Claim, artefact: Artefact) -> bool:
    """Whether a model names itself: who saves one writes down where it was loaded from, which is often its own name.

    A card that names the unpackaged model, as `ours-GGUF` names `ours`, names another one.
    """
    if claim.source == "README.md":
        return _bare(claim.base) in {_bare(name) for name in _names(artefact)}
    return tidy(claim.base) in _keys(artefact)


def _called(base: str, child: str, keys: dict[str, str], exact: dict[str, str]) -> str:
    """Return the scanned model that `child` calls `base`, or `base` itself."""
    found = exact.get(_bare(base), keys.get(tidy(base), base))
    return base if found == child else found


def _local(base: str, artefact: Artefact) -> str:
    """Return the path that a base would have if it is named by a path beside the artefact."""
    if "\0" in base or len(base) > 1_000:
        return base
    folder = artefact.path if artefact.path.is_dir() else artefact.path.parent
    return str((folder / Path(base)).resolve())


def _join(edges: dict[tuple[str, str], Edge], child: str, parent: str, claim: Claim, artefact: Artefact) -> None:
    if child == parent:
        return
    own = artefact.relation if artefact.relation != "base" else "fine-tune"
    found = edges.get((child, parent))
    if found is None:
        edges[child, parent] = Edge(child, parent, claim.relation or own, (claim.source,))
    elif claim.source not in found.sources:
        edges[child, parent] = replace(found, sources=(*found.sources, claim.source))


def _above(nodes: dict[str, Node], name: str) -> set[str]:
    return Graph(nodes, (), ()).ancestors(name)


def _bind(nodes: dict[str, Node], name: str, registry: Registry, path: tuple[str, ...]) -> Licence | None:
    """Return the licence that binds a model: of several origins the strictest counts."""
    node = nodes[name]
    if node.binding is None and name not in path and len(path) < 100:
        inherited = [found for p in node.parents if (found := _bind(nodes, p, registry, (*path, name)))]
        declared = registry.licences.get(node.artefact.licence) if node.artefact else None
        candidates = inherited or [licence for licence in (node.own, declared) if licence][:1]
        node.binding = max(candidates, key=lambda licence: licence.strictness, default=None)
    return node.binding
