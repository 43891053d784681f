"""`leeward licence scan|compare`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Final

import cyclopts
import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from leeward.errors import SettingsError
from leeward.licences.lineage.checks import Finding
from leeward.licences.lineage.compare import compare as compare_weights
from leeward.licences.lineage.evidence import Told, tell
from leeward.licences.lineage.graph import NOTHING_KNOWN
from leeward.licences.lineage.scan import Scan
from leeward.licences.lineage.scan import scan as scan_models
from leeward.licences.registry import builtin_registry

CLEAN, FOUND, MISUSED = 0, 1, 2

_Flag = Annotated[bool, cyclopts.Parameter(negative=())]
_Config = Annotated[Path | None, cyclopts.Parameter(name=["--config", "-c"])]
_Json = Annotated[bool, cyclopts.Parameter(name="--json", negative=())]
_Switch = Annotated[bool, cyclopts.Parameter(negative="--no-weights")]
_COLOURS: Final = {"identical": "red", "derived": "red", "unclear": "yellow", "independent": "green"}


def scan(
    *paths: Path,
    weights: _Switch = True,
    record: _Flag = False,
    where: str = "",
    by: str = "",
    config: _Config = None,
    json: _Json = False,
) -> int:
    """Say where the models under paths come from and what their licences ask for; exit 0 clean, 1 findings, 2 misuse.

    Reads model cards, configurations, adapters, headers of weights, licence and notice files; builds the lineage of
    bases, fine-tunes, merges, quantisations and adapters; compares the weights of models that name no common origin.

    Args:
        paths: Folders, a model's folder, or weights files.
        weights: Compare weights; with many models that takes a while.
        record: Keep derivatives in the registry; what is wrong brings a notice with a deadline.
        where: Machine or store that the paths lie on, for the registry; the same path elsewhere is another place.
        by: Who has the scan made, for the registry; the user of this machine when nothing is said.
        config: Settings file; its `[store]` says where the registry is kept, its `[licences]` how long a notice gives.
        json: Print JSON.
    """
    if not paths:
        raise SettingsError("nothing to scan", remedy="Name a folder: leeward licence scan PATH")
    if not record and (where or by or config):
        raise SettingsError(
            "--where, --by and --config are for the registry", remedy="Add --record, or leave them out."
        )
    known = _known(config) if record else NOTHING_KNOWN
    with _progress() as told:
        found = scan_models(paths, builtin_registry(), with_weights=weights, known=known, progress=told)
    console = Console()
    if record:
        _record(console, found, (where, by, config), as_json=json)
    elif json:
        _print_json(console, _Lineage.of(found))
    else:
        _print_scan(console, found)
    return FOUND if found.findings else CLEAN


def compare(
    checkpoint_a: Path,
    checkpoint_b: Path,
    *,
    thorough: _Flag = False,
    fail_on_derived: _Flag = False,
    json: _Json = False,
) -> int:
    """Say whether one model's weights were made from another's; exit 0 when they were compared, 2 when not.

    Args:
        checkpoint_a: A .safetensors or .gguf file, an index of shards, or the folder of a model.
        checkpoint_b: Another one; the order does not matter.
        thorough: Read every number, not only pieces of each matrix.
        fail_on_derived: Exit 1 when the verdict is not `independent`.
        json: Print JSON: score in [0, 1], verdict, evidence.
    """
    with _progress() as shown:
        told = tell(compare_weights(checkpoint_a, checkpoint_b, is_thorough=thorough, progress=shown))
    console = Console()
    if json:
        _print_json(console, told)
    else:
        _print(console, told)
    return FOUND if fail_on_derived and told.verdict != "independent" else CLEAN


class _Model(msgspec.Struct, omit_defaults=True, kw_only=True):
    """One model of the lineage, as JSON."""

    name: str
    relation: str
    licence: str | None
    declared_licence: str | None
    path: str | None = None
    weight_files: int = 0


class _Lineage(msgspec.Struct, kw_only=True):
    """What `scan --json` prints."""

    models: list[_Model]
    edges: list[dict[str, object]]
    findings: tuple[Finding, ...]
    compared: list[dict[str, object]]
    pairs_left: int
    recorded: list[object] | msgspec.UnsetType = msgspec.UNSET

    @classmethod
    def of(cls, found: Scan) -> _Lineage:
        return cls(
            models=[
                _Model(
                    name=node.name,
                    relation=_relation(found, node.name),
                    licence=node.binding.id if node.binding else None,
                    declared_licence=", ".join(node.artefact.licence_words) or None if node.artefact else None,
                    path=str(node.artefact.path) if node.artefact else None,
                    weight_files=len(node.artefact.weight_files) if node.artefact else 0,
                )
                for node in found.graph.nodes.values()
            ],
            edges=[
                {"from": edge.parent, "to": edge.child, "relation": edge.relation, "sources": edge.sources}
                for edge in found.graph.edges
            ],
            findings=found.findings,
            compared=[
                {"first": pair.first, "second": pair.second, "score": pair.score, "verdict": pair.verdict}
                for pair in found.compared
            ],
            pairs_left=found.pairs_left,
        )


def _known(config: Path | None) -> Mapping[str, str]:
    """Return the licences of the models in the registry: an origin need not be scanned again with what came from it."""
    from leeward.cli.recording import registry_of

    with registry_of(config) as registry:
        return registry.derivatives.licences()


def _record(console: Console, found: Scan, told: tuple[str, str, Path | None], *, as_json: bool) -> None:
    """Keep a scan in the registry and print it; without that, a scan does not wait for a store to be imported."""
    from leeward.cli.recording import Line, keep, print_kept

    kept = keep(found, *told)
    if as_json:
        lines: list[object] = [Line.of(one.entry) for one in kept]
        _print_json(console, msgspec.structs.replace(_Lineage.of(found), recorded=lines))
    else:
        _print_scan(console, found)
        print_kept(console, kept)


def _relation(found: Scan, name: str) -> str:
    relations = {edge.relation for edge in found.graph.edges if edge.child == name}
    return "base" if not relations else "merge" if len(relations) > 1 else relations.pop()


@contextmanager
def _progress() -> Iterator[Callable[[str, float], None]]:
    """Show a bar on the terminal while something is done; nothing where no terminal is."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading headers", total=1.0)
        yield lambda step, share: progress.update(task, description=escape(step), completed=share)


def _print_json(console: Console, value: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _print_scan(console: Console, found: Scan) -> None:
    table = Table(title="Lineage", title_justify="left")
    for column in ("Model", "Is", "Made from", "Falls under", "Declares"):
        table.add_column(column, overflow="fold")
    for node in found.graph.nodes.values():
        declared = ", ".join(node.artefact.licence_words) if node.artefact else ""
        binding = node.binding.id if node.binding else "unknown"
        row = (node.name, _relation(found, node.name), "\n".join(node.parents), binding, declared)
        table.add_row(*(escape(cell) for cell in row))
    console.print(table)
    for pair in found.compared:
        told = f"weights of {pair.first} and {pair.second}: {pair.verdict}, score {pair.score:.2f}"
        console.print(told, style=_COLOURS[pair.verdict], markup=False, highlight=False, soft_wrap=True)
    if found.pairs_left:
        left = f"{found.pairs_left} more pairs of weights were not compared: scan fewer models at once"
        console.print(left, style="yellow", highlight=False, soft_wrap=True)
    for finding in found.findings:
        console.print(f"{finding.code}: {finding.model}: {finding.message}", style="red", markup=False, soft_wrap=True)
        console.print(f"  {finding.remedy}.", markup=False, highlight=False, soft_wrap=True)
    count = len(found.findings)
    console.print(f"{count} finding{'s' if count != 1 else ''}" if count else "No findings.", highlight=False)


def _print(console: Console, told: Told) -> None:
    evidence = told.evidence
    console.print(f"{told.verdict}: score {told.score:.2f}", style=_COLOURS[told.verdict], highlight=False)
    for sentence in evidence.says:
        console.print(f"  {sentence}", markup=False, highlight=False, soft_wrap=True)
    table = Table(title="Agreement by part", title_justify="left")
    for column in ("Part", "Similarity", "Found by", "Layers"):
        table.add_column(column, justify="left" if column in ("Part", "Found by") else "right", overflow="fold")
    for part in evidence.parts[:40]:
        table.add_row(part.part, f"{part.similarity:.3f}", part.found_by, str(part.layers))
    console.print(table)
    if evidence.sampled:
        console.print("Pieces of each matrix were read; --thorough reads all of it.", style="dim", highlight=False)
