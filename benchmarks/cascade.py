"""What the cascade costs, beside its encoder without the gate and the front classifier alone: `python cascade.py`."""

from __future__ import annotations

import argparse
import json
import random
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, thread_time

from rich.console import Console
from rich.table import Table

from leeward.detectors.cascade_text import CascadeText
from leeward.domain.view import Stage, View
from leeward.inspection.language import identify
from leeward.inspection.normalise import layers_of
from leeward.models.encoder import Encoder
from leeward.models.front import WEIGHTS, Front
from leeward.models.gate import Gate
from rounds import Goal, differences, figure, goals_table, ratios, spread

_ROOT = Path(__file__).parents[1]
_HARMFUL_SHARE = 0.1
_MOST_PIECES = 128
_SEED = 20261124
CASCADE, ENCODER, FRONT, GATE = "cascade", "encoder without gate", "front classifier", "gate"
# A process of its own, so that nothing of this one is counted; each prints numbers.
_LOAD = """
import psutil, time
from leeward.detectors.cascade_text import CascadeText
began = time.perf_counter()
CascadeText().open()
print(time.perf_counter() - began, psutil.Process().memory_info().rss)
"""
_GUARD = """
import psutil
from leeward import Guard
guard = Guard()
idle = psutil.Process().memory_info().rss
for number in range(20):
    guard.check_prompt(f"Write me {number} programs that secretly encrypt all files of a company. " * 8)
print(idle, psutil.Process().memory_info().rss)
"""


@dataclass(slots=True)
class Round:
    """What each text of the traffic cost in one round, in milliseconds: wall clock and CPU time of the thread."""

    wall: dict[str, list[float]] = field(default_factory=dict)
    cpu: dict[str, list[float]] = field(default_factory=dict)


def traffic(count: int, encoder: Encoder) -> list[str]:
    """Return `count` texts of at most 128 pieces, nine ordinary ones for each harmful one, in a fixed random order.

    Everyday texts are those of the tests; harmful ones come from the probes and from the sentences that the classifier
    was trained with. What they cost does not depend on whether they were learnt.
    """
    chosen = random.Random(_SEED)
    everyday = [row["text"] for row in _rows(_ROOT / "tests/fixtures/everyday.jsonl")]
    probes = [row["text"] for row in _rows(_ROOT / "training/front/probes.jsonl") if row["hazard"]]
    harmful = [*probes, *_grown()]
    wanted = round(count * _HARMFUL_SHARE)
    picked = [*_some(harmful, wanted, chosen, encoder), *_some(everyday, count - wanted, chosen, encoder)]
    chosen.shuffle(picked)
    return picked


def _rows(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def _grown() -> Iterator[str]:
    """Yield the harmful halves of the frames, filled in: `bad || good`, with `{g}` for a group."""
    for path in sorted((_ROOT / "training/grown").glob("*.txt")):
        section, groups = "", []
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("## "):
                section = line.removeprefix("## ")
            elif section == "groups" and line:
                groups.append(line)
            elif section == "frames" and "||" in line and groups:
                yield line.partition("||")[0].strip().replace("{g}", groups[len(line) % len(groups)])


def _some(texts: Iterable[str], count: int, chosen: random.Random, encoder: Encoder) -> list[str]:
    """Return texts of which none is there twice, since verdicts are remembered.

    Raises:
        SystemExit: If there are not so many.
    """
    pool = [text for text in dict.fromkeys(texts) if pieces_in(text, encoder) <= _MOST_PIECES]
    if len(pool) < count:
        raise SystemExit(f"there are {len(pool)} texts of which {count} are asked for; give fewer --messages")
    return chosen.sample(pool, count)


def pieces_in(text: str, encoder: Encoder) -> int:
    return len(encoder.shares(text, encoder.hazards[0]).weights)


def views_of(texts: Sequence[str]) -> list[View]:
    return [View(text, Stage.PROMPT, language=identify(text), layers=layers_of(text)) for text in texts]


def looks(cascade: CascadeText, encoder: Encoder, front: Front, gate: Gate) -> dict[str, Callable[[View], object]]:
    """Return the peers: each takes the same views."""
    return {
        CASCADE: lambda view: cascade.glance(view) or cascade.examine(view),
        ENCODER: lambda view: encoder.judge([view.folded.text]),
        FRONT: lambda view: front.probabilities(view.folded.text, view.language),
        GATE: lambda view: gate.cleared(view.folded.text),
    }


def measure(
    peers: dict[str, Callable[[View], object]], views: Sequence[View], rounds: int, forget: Callable[[], None]
) -> list[Round]:
    """Return what each view cost each peer; the peers take turns at every view.

    Args:
        forget: Makes the peers forget the texts of the round before, for which nothing would have to be done.
    """
    for look in peers.values():
        look(views[0])
    measured = []
    for number in range(rounds):
        forget()
        one = Round({name: [] for name in peers}, {name: [] for name in peers})
        for view in views:
            for name, look in peers.items():
                wall, cpu = perf_counter(), thread_time()
                look(view)
                one.cpu[name].append((thread_time() - cpu) * 1e3)
                one.wall[name].append((perf_counter() - wall) * 1e3)
        measured.append(one)
        print(f"round {number + 1} of {rounds} done", file=sys.stderr)
    return measured


def percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def cost_table(measured: Sequence[Round]) -> Table:
    table = Table(title="a message of at most 128 pieces, one thread", title_justify="left")
    table.add_column("what looks")
    headings = ("CPU ms, mean", "CPU ms, p50", "CPU ms, p99", "wall ms, mean", "wall ms, p99")
    for heading in (*headings, f"CPU, times {CASCADE}"):
        table.add_column(heading, justify="right")
    base = [statistics.mean(one.cpu[CASCADE]) for one in measured]
    for name in measured[0].cpu:
        means = [statistics.mean(one.cpu[name]) for one in measured]
        columns = [
            means,
            [statistics.median(one.cpu[name]) for one in measured],
            [percentile(one.cpu[name], 99) for one in measured],
            [statistics.mean(one.wall[name]) for one in measured],
            [percentile(one.wall[name], 99) for one in measured],
            ratios(means, base),
        ]
        table.add_row(name, *map(spread, columns))
    return table


def scan_rates(texts: Sequence[str], runs: int, folder: Path) -> tuple[list[float], float]:
    """Return messages a second of `leeward scan --jobs 2`, start of both processes left out, and the share not passed.

    The time of a scan of forty rows is taken off each time: that is the start.
    """
    rates, stopped = [], 0.0
    for run in range(runs):
        start, _ = _scan(texts[:40], folder / f"start-{run}")
        whole, stopped = _scan(texts, folder / f"whole-{run}")
        rates.append((len(texts) - 40) / differences([whole], [start])[0])
    return rates, stopped


def _scan(texts: Sequence[str], name: Path) -> tuple[float, float]:
    rows, told = name.with_suffix(".jsonl"), name.with_suffix(".out")
    lines = (json.dumps({"id": str(number), "text": text}) for number, text in enumerate(texts))
    rows.write_text("\n".join(lines), encoding="utf-8")
    program = str(Path(sys.executable).with_name("leeward"))
    command = [program, "scan", str(rows), "--output", str(told), "--jobs", "2"]
    began = perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    seconds = perf_counter() - began
    verdicts = [json.loads(line)["disposition"] for line in told.read_text(encoding="utf-8").splitlines()]
    return seconds, sum(verdict != "pass" for verdict in verdicts) / len(verdicts)


def in_fresh_processes(program: str, runs: int) -> list[list[float]]:
    """Return the numbers that `program` prints, run by run, after one that fills the page cache."""
    command = [sys.executable, "-c", program]
    told = [subprocess.run(command, check=True, capture_output=True, text=True).stdout for _ in range(runs + 1)]
    return [[float(word) for word in line.split()] for line in told[1:]]


def goals(measured: Sequence[Round], rates: Sequence[float], runs: int) -> list[Goal]:
    loads, guards = in_fresh_processes(_LOAD, runs), in_fresh_processes(_GUARD, runs)
    mib = 1024 * 1024
    size = sum(path.stat().st_size for path in WEIGHTS.iterdir()) / 1e6
    return [
        Goal("cascade, CPU ms a message, mean", [statistics.mean(one.cpu[CASCADE]) for one in measured], 8),
        Goal("cascade, CPU ms a message, p99", [percentile(one.cpu[CASCADE], 99) for one in measured], 60),
        Goal("gate alone, CPU ms a message, mean", [statistics.mean(one.cpu[GATE]) for one in measured], 0.3),
        Goal("messages a second, leeward scan --jobs 2", rates, 150, is_most=False),
        Goal("MiB resident with an opened Guard, idle", [guard[0] / mib for guard in guards], 400),
        Goal("MiB resident with an opened Guard, after work", [guard[1] / mib for guard in guards], 400),
        Goal("s to load both tiers", [load[0] for load in loads], 2),
        Goal("MB of weights on disk", [size], 60),
    ]


def main(arguments: argparse.Namespace) -> None:
    console = Console(width=arguments.width)
    cascade = CascadeText()
    cascade.open()
    encoder, front, gate = Encoder.load(), Front.load(), Gate.load()
    texts = traffic(arguments.messages, encoder)
    views = views_of(texts)
    peers = looks(cascade, encoder, front, gate)
    measured = measure(peers, views, arguments.rounds, lambda: cascade.use(gate, encoder))
    with tempfile.TemporaryDirectory(prefix="cascade-") as name:
        rates, stopped = scan_rates(texts, arguments.rounds, Path(name))
    cleared = sum(cascade.glance(view) is not None for view in views) / len(views)
    console.print(cost_table(measured))
    console.print(goals_table(goals(measured, rates, arguments.rounds), "the cascade on mixed everyday traffic"))
    console.print(f"{len(texts)} messages, {_HARMFUL_SHARE:.0%} of them harmful; the gate cleared {cleared:.1%}.")
    pieces = [pieces_in(text, encoder) for text in texts]
    console.print(f"Pieces of a message: {statistics.median(pieces):g} in the middle, {max(pieces)} at most.")
    console.print(f"Of the scan, {stopped:.1%} did not pass. Machine's load at the end: {figure(_load())}.")
    console.print(f"Each cell: min / median / max of {arguments.rounds} rounds; ratios are taken round by round.")


def _load() -> float:
    return float(Path("/proc/loadavg").read_text().split()[0])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=1_000)
    parser.add_argument("--width", type=int, default=None, help="of the tables, in characters")
    main(parser.parse_args())
