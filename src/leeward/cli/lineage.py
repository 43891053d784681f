"""`leeward licence compare`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final

import cyclopts
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from leeward.licences.lineage.compare import Comparison
from leeward.licences.lineage.compare import compare as compare_weights
from leeward.licences.lineage.evidence import Told, tell

COMPARED, DERIVATIVE_FOUND = 0, 1

_Flag = Annotated[bool, cyclopts.Parameter(negative=())]
_Json = Annotated[bool, cyclopts.Parameter(name="--json", negative=())]
_COLOURS: Final = {"identical": "red", "derived": "red", "unclear": "yellow", "independent": "green"}


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
    comparison = _compare(checkpoint_a, checkpoint_b, is_thorough=thorough)
    told = tell(comparison)
    console = Console()
    if json:
        text = msgspec.json.format(msgspec.json.encode(told), indent=2).decode()
        console.print(text, markup=False, highlight=False, soft_wrap=True)
    else:
        _print(console, told)
    return DERIVATIVE_FOUND if fail_on_derived and told.verdict != "independent" else COMPARED


def _compare(first: Path, second: Path, *, is_thorough: bool) -> Comparison:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading headers", total=1.0)
        return compare_weights(
            first,
            second,
            is_thorough=is_thorough,
            progress=lambda step, share: progress.update(task, description=step, completed=share),
        )


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
