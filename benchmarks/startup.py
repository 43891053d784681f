"""Time from process start to the first good answer, and memory of one worker: `python startup.py`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

import rivals
from rounds import Goal, Phase, goals_table, run_load, spread

# Reads the files into the page cache, so that the first start is like the others.
_UNCOUNTED = 1


@dataclass(slots=True)
class Starts:
    """One value a run."""

    seconds: list[float] = field(default_factory=list)
    idle_mib: list[float] = field(default_factory=list)
    loaded_mib: list[float] = field(default_factory=list)


def measure(make: Callable[[Path], rivals.Proxy], runs: int, load: Phase) -> Starts:
    """Start a proxy `runs` times, each in a folder of its own, and put a load on it."""
    starts = Starts()
    for run in range(runs + _UNCOUNTED):
        with tempfile.TemporaryDirectory(prefix="startup-") as name:
            proxy = make(Path(name))
            with rivals.running([proxy]):
                idle = proxy.memory_mib()
                if run < _UNCOUNTED:
                    continue
                run_load(proxy, load, run)
                starts.seconds.append(proxy.start_seconds)
                starts.idle_mib.append(idle)
                starts.loaded_mib.append(proxy.memory_mib())
    return starts


def starts_table(measured: dict[str, Starts]) -> Table:
    table = Table(title="start and memory, one worker", title_justify="left")
    for heading in ("proxy", "s to the first answer", "MiB resident, idle", "MiB resident, after load"):
        table.add_column(heading, justify="left" if heading == "proxy" else "right")
    for name, starts in measured.items():
        table.add_row(name, spread(starts.seconds), spread(starts.idle_mib), spread(starts.loaded_mib))
    return table


def makers(arguments: argparse.Namespace) -> dict[str, Callable[[Path], rivals.Proxy]]:
    upstream, port = arguments.first_port, arguments.first_port + 1
    found: dict[str, Callable[[Path], rivals.Proxy]] = {
        "leeward": lambda folder: rivals.leeward("leeward", arguments.leeward, port, upstream, folder)
    }
    with tempfile.TemporaryDirectory() as name:
        for rival in rivals.those_there(
            {"litellm": lambda: rivals.litellm(port, upstream, Path(name))}, arguments.without
        ):
            found[rival.name] = lambda folder: rivals.litellm(port, upstream, folder)
    return found


def main(arguments: argparse.Namespace) -> None:
    console = Console(width=arguments.width)
    load = Phase("whole replies, 16 at once", False, 16, arguments.seconds)
    with tempfile.TemporaryDirectory(prefix="startup-mock-") as name:
        mock = rivals.mock(arguments.first_port, 10.0, Path(name))
        with rivals.running([mock]):
            measured = {name: measure(make, arguments.runs, load) for name, make in makers(arguments).items()}
    ours = measured["leeward"]
    goals = [
        Goal("s from process start to the first answer", ours.seconds, 1),
        Goal("MiB resident, idle", ours.idle_mib, 120),
        Goal("MiB resident, after load", ours.loaded_mib, 120),
    ]
    console.print(starts_table(measured))
    console.print(goals_table(goals, "Leeward with all ten rules, one worker"))
    console.print(f"Each cell: min / median / max of {arguments.runs} runs.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leeward", default=rivals.LEEWARD, help="command, with {port} and {upstream}")
    parser.add_argument("--without", action="append", default=[], choices=["litellm"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of the load")
    parser.add_argument("--first-port", type=int, default=19300, help="this one and the next must be free")
    parser.add_argument("--width", type=int, default=None, help="of the tables, in characters")
    main(parser.parse_args())
