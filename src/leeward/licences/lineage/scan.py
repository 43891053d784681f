"""Looks through folders for models, and says where they come from and what they lack."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Final, TypeAlias

from leeward.errors import CheckpointError
from leeward.licences.lineage.artefact import Artefact, is_model, read_artefact
from leeward.licences.lineage.checks import Finding, check
from leeward.licences.lineage.compare import compare
from leeward.licences.lineage.graph import NOTHING_KNOWN, Graph, Node, build
from leeward.licences.registry import Registry

Progress: TypeAlias = Callable[[str, float], None]
MOST_PAIRS: Final = 200
_MOST_FOLDERS = 20_000
_KINSHIP: Final = {"identical": "are those of", "derived": "were made from those of"}


@dataclass(frozen=True, slots=True)
class Pair:
    """Two models whose weights were compared.

    Attributes:
        verdict: As `compare` gives it.
    """

    first: str
    second: str
    score: float
    verdict: str


@dataclass(frozen=True)
class Scan:
    """What was found.

    Attributes:
        compared: Pairs of models whose weights were compared.
        pairs_left: Pairs that were not compared, for there were too many.
    """

    graph: Graph
    findings: tuple[Finding, ...]
    compared: tuple[Pair, ...]
    pairs_left: int = 0


def scan(
    paths: Sequence[Path],
    registry: Registry,
    *,
    with_weights: bool = True,
    known: Mapping[str, str] = NOTHING_KNOWN,
    progress: Progress = lambda *_: None,
) -> Scan:
    """Return the lineage of all models under `paths` and what is wrong with them.

    Args:
        with_weights: Compare the weights of models that are not said to be related.
        known: Ids of the licences of models that earlier scans found, by name in lower case.
        progress: Called with the step and how much of it is done, in [0, 1].

    Raises:
        CheckpointError: If a path does not exist, or no model lies under any of them.
    """
    progress("reading cards and headers", 0.0)
    artefacts = [read_artefact(path) for path in find_models(paths)]
    if not artefacts:
        raise CheckpointError(
            f"no model under {', '.join(map(str, paths))}",
            remedy="Name a folder with a model card, a config.json, or .safetensors or .gguf files.",
        )
    graph = build(artefacts, registry, known)
    findings = list(check(graph, registry))
    compared, left = _compare_weights(graph, progress) if with_weights else ([], 0)
    findings += [_undeclared(graph, pair) for pair in compared if pair.verdict in ("identical", "derived")]
    return Scan(graph, tuple(findings), tuple(compared), left)


def find_models(paths: Iterable[Path]) -> list[Path]:
    """Return the folders and files of models under `paths`; links to folders are not followed."""
    found: dict[Path, None] = {}
    for path in paths:
        if not path.exists():
            raise CheckpointError(f"{path}: no such file or folder", remedy="Name what to scan.")
        if path.is_file():
            found[path if path.suffix in (".safetensors", ".gguf") else path.parent] = None
            continue
        found |= dict.fromkeys(_models_under(path))
    return list(found)


def _models_under(root: Path) -> Iterator[Path]:
    for count, (name, folders, _) in enumerate(os.walk(root)):
        if count >= _MOST_FOLDERS:
            raise CheckpointError(f"{root}: more than {_MOST_FOLDERS} folders", remedy="Name folders further down.")
        folders[:] = sorted(folder for folder in folders if not folder.startswith("."))
        if is_model(Path(name)):
            yield Path(name)


def _compare_weights(graph: Graph, progress: Progress) -> tuple[list[Pair], int]:
    """Compare models of which neither is said to be made from the other, nor both from a third."""
    holders = [(node, node.artefact) for node in graph.nodes.values() if node.artefact and _has_weights(node.artefact)]
    pairs = [
        (one, other, a.path, b.path)
        for (one, a), (other, b) in combinations(holders, 2)
        if not _are_related(graph, one, other)
    ]
    compared = []
    for at, (one, other, first, second) in enumerate(pairs[:MOST_PAIRS]):
        progress(f"comparing {one.name} and {other.name}", at / min(len(pairs), MOST_PAIRS))
        try:
            found = compare(first, second)
        except CheckpointError:
            continue  # an adapter alone, or a file that is a finding already
        compared.append(Pair(one.name, other.name, round(found.score, 4), found.verdict))
    return compared, max(0, len(pairs) - MOST_PAIRS)


def _has_weights(artefact: Artefact) -> bool:
    return bool(artefact.weight_files) and artefact.relation != "adapter"


def _are_related(graph: Graph, one: Node, other: Node) -> bool:
    return not graph.ancestors(one.name).isdisjoint(graph.ancestors(other.name))


def _undeclared(graph: Graph, pair: Pair) -> Finding:
    """Return the finding about two models; the one that names no origin is asked to."""
    first, second = graph.nodes[pair.first], graph.nodes[pair.second]
    silent, other = (first, second) if second.is_row or (not first.is_row and second.parents) else (second, first)
    licence = other.binding.id if other.binding else ""
    return Finding(
        code="undeclared-derivative",
        model=silent.name,
        path=str(silent.artefact.path) if silent.artefact else "",
        message=f"its weights {_KINSHIP[pair.verdict]} {other.name} (score {pair.score:.2f}), and no file says so",
        remedy=f"Name the origin in README.md, and keep to its licence{f' ({licence})' if licence else ''}",
        licence=licence,
        about=other.name,
    )
