"""Rounds of load, A B C then A B C, and tables of what they cost."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.table import Table

import rivals
from model_server import EVENTS

# Texts of two runs lie this far apart, so that no run can profit from a cache that another has filled.
_TEXTS_APART = 1_000_003
# A false alarm makes a run look cheap, since a refused prompt asks no model; more than this share spoils it.
_MOST_REFUSED = 0.03
WHOLE = (("requests/s", "rate"), ("p50 ms", "whole_ms_50"), ("p99 ms", "whole_ms_99"))
PACED = (
    ("first byte p50 ms", "first_byte_ms_50"),
    ("first text p50 ms", "first_text_ms_50"),
    ("end p50 ms", "whole_ms_50"),
    ("streams", "done"),
)


@dataclass(frozen=True, slots=True)
class Phase:
    """One kind of load.

    Attributes:
        skips: Proxies that do not take part.
    """

    name: str
    is_stream: bool
    connections: int
    seconds: float
    skips: frozenset[str] = frozenset()

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        return PACED if self.is_stream else WHOLE


@dataclass(frozen=True, slots=True)
class Result:
    """What one proxy did in one round of one phase.

    Attributes:
        cost_us: CPU time of its process tree for each request, or for each event that the model sent.
        seen: What the client saw, by name.
    """

    cost_us: float
    seen: dict[str, float]


@dataclass(slots=True)
class Results:
    """Everything measured, by phase and proxy, one result a round."""

    by_phase: dict[tuple[str, str], list[Result]] = field(default_factory=dict)

    def costs(self, phase: str, proxy: str) -> list[float]:
        return [r.cost_us for r in self.by_phase.get((phase, proxy), [])]

    def seen(self, phase: str, proxy: str, key: str) -> list[float]:
        return [r.seen[key] for r in self.by_phase.get((phase, proxy), [])]

    def refused(self, proxy: str) -> tuple[float, float]:
        """Return how many exchanges of a proxy were refused, and how many there were."""
        seen = [r.seen for (_, name), rounds in self.by_phase.items() if name == proxy for r in rounds]
        refused = sum(s["refused"] for s in seen)
        return refused, refused + sum(s["done"] for s in seen)


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure and what was asked of it.

    Attributes:
        values: One a round; empty when the rival was not there.
        is_most: Whether `asked` is an upper bound.
    """

    name: str
    values: Sequence[float]
    asked: float
    is_most: bool = True

    def row(self) -> tuple[str, str, str, str]:
        bound = f"{'≤' if self.is_most else '≥'} {figure(self.asked)}"
        if not self.values:
            return self.name, bound, "not measured", ""
        middle = statistics.median(self.values)
        holds = middle <= self.asked if self.is_most else middle >= self.asked
        return self.name, bound, spread(self.values), "yes" if holds else "NO"


def run_load(proxy: rivals.Proxy, phase: Phase, number: int, journal: Path | None = None) -> Result:
    """Put one load on one proxy.

    Raises:
        SystemExit: If an answer is wrong, or too many harmless texts are refused: the figures would mean nothing.
    """
    command = [sys.executable, str(Path(__file__).with_name("load.py")), "--url", proxy.url]
    command += ["--seconds", str(phase.seconds), "--connections", str(phase.connections)]
    command += ["--first", str(number * _TEXTS_APART), *(["--stream"] if phase.is_stream else [])]
    command += ["--journal", str(journal)] if journal and phase.is_stream else []
    before = proxy.cpu_seconds()
    seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    spent = proxy.cpu_seconds() - before
    if seen["errors"] or not seen["done"] or seen["refused"] > max(1, _MOST_REFUSED * seen["done"]):
        what = f"{proxy.name}, {phase.name}: {seen['errors']} errors, {seen['refused']} refused, {seen['done']} done"
        raise SystemExit(f"{what}, e.g. {seen['sample']!r}; it said:\n{proxy.said()}")
    # Events as the model sent them: a gateway that holds text back may hand several on as one.
    units = seen["done"] * (EVENTS if phase.is_stream else 1)
    return Result(spent / units * 1e6, {**seen, "rate": seen["done"] / seen["seconds"]})


def measure(
    proxies: Sequence[rivals.Proxy], plan: Sequence[Phase], rounds: int, journal: Path | None = None
) -> Results:
    """Return the results; rounds are interleaved, A B C A B C.

    Args:
        proxies: Started.
        plan: Loads of one round.
        rounds: How many.
        journal: Of a model server, where the wait of streams beyond the hold-back is wanted.
    """
    results, number = Results(), 0
    for proxy in proxies:
        number += 1
        run_load(proxy, Phase("warm-up", False, 8, 1.0), number)
    for turn in range(rounds):
        for phase in plan:
            for proxy in (p for p in proxies if p.name not in phase.skips):
                number += 1
                result = run_load(proxy, phase, number, journal)
                results.by_phase.setdefault((phase.name, proxy.name), []).append(result)
        print(f"round {turn + 1} of {rounds} done", file=sys.stderr)
    return results


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Return `over` / `under`, round by round; nothing when either was not measured."""
    return [a / b for a, b in zip(over, under, strict=True)] if over and under else []


def differences(more: Sequence[float], less: Sequence[float]) -> list[float]:
    """Return `more` - `less`, round by round; nothing when either was not measured."""
    return [a - b for a, b in zip(more, less, strict=True)] if more and less else []


def spread(values: Sequence[float]) -> str:
    """Return min / median / max, to three figures."""
    return " / ".join(figure(v) for v in (min(values), statistics.median(values), max(values)))


def figure(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def phase_table(phase: Phase, proxies: Sequence[rivals.Proxy], results: Results, against: str) -> Table:
    table = Table(title=phase.name, title_justify="left")
    table.add_column("proxy")
    unit = "event" if phase.is_stream else "request"
    for title in (f"CPU µs/{unit}", f"times {against}", *(title for title, _ in phase.columns)):
        table.add_column(title, justify="right")
    base = results.costs(phase.name, against)
    for name in (p.name for p in proxies if p.name not in phase.skips):
        costs = results.costs(phase.name, name)
        shown = [spread(results.seen(phase.name, name, key)) for _, key in phase.columns]
        is_mock = name == rivals.MOCK
        table.add_row(name, "" if is_mock else spread(costs), "" if is_mock else spread(ratios(costs, base)), *shown)
    return table


def goals_table(goals: Sequence[Goal], title: str) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("figure", "asked", "measured", "met"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for goal in goals:
        table.add_row(*goal.row())
    return table
