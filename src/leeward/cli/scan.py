"""`leeward scan`: a file of texts against the ruleset."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from leeward.errors import SettingsError
from leeward.scanning.job import Job, scan_local
from leeward.scanning.rows import Row, done_ids, read_rows


def scan(
    input: Path,
    *,
    output: Path,
    jobs: Annotated[int, Parameter(name=["--jobs", "-j"])] = 1,
    engine: Literal["local", "ray"] = "local",
    ruleset: str = "mistral-v1",
    packs: tuple[str, ...] = (),
    force: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Check every row of a JSON Lines file and write a verdict for each.

    A scan that was interrupted goes on where it stopped: rows whose id is in the output are not checked again.

    Args:
        input: Rows `{"id", "text", "stage"?, "lang"?, "messages"?, "code_language"?}`.
        output: Where verdicts go, one line a row.
        jobs: Processes.
        engine: `local` uses processes of this machine, `ray` a Ray cluster.
        ruleset: Name of a built-in ruleset or path of a file.
        packs: Further built-in packs, e.g. `usage-policy`.
        force: Begin again, overwriting the output.
    """
    if jobs < 1:
        raise SettingsError(f"--jobs {jobs} makes no sense", remedy="Give 1 or more.")
    if input.resolve() == output.resolve():
        raise SettingsError("the output would overwrite the input", remedy="Choose another --output.")
    if force:
        output.unlink(missing_ok=True)
    rows = read_rows(input)
    done = done_ids(output)
    waiting = [row for row in rows if row.id not in done]
    job = Job(ruleset=ruleset, packs=packs)
    with output.open("ab") as file, _progress() as progress:
        task = progress.add_task("scanning", total=len(rows), completed=len(rows) - len(waiting))
        for line in _lines(engine, job, waiting, jobs):
            file.write(line)
            progress.advance(task)


def _lines(engine: str, job: Job, rows: list[Row], jobs: int) -> Iterator[bytes]:
    if engine == "local":
        return scan_local(job, rows, jobs)
    from leeward.scanning.ray import scan_ray

    return scan_ray(job, rows, jobs)


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(file=sys.stderr),
        disable=not sys.stderr.isatty(),
    )
