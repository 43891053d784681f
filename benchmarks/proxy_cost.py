"""CPU that a request costs in Leeward, LiteLLM and nginx, in front of one model server: `python proxy_cost.py`."""

from __future__ import annotations

import argparse
import json
import signal
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

import rivals
from model_server import EVENTS

_ROOT = Path(__file__).resolve().parent.parent
_LEEWARD = f"{Path(sys.executable).with_name('leeward')} serve --host 127.0.0.1 --port {{port}} --upstream {{upstream}}"
# Texts of two runs lie this far apart, so that no run can profit from a cache that another has filled.
_TEXTS_APART = 1_000_003


@dataclass(frozen=True, slots=True)
class Phase:
    """One kind of load."""

    name: str
    is_stream: bool
    connections: int
    columns: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Result:
    """What one proxy did in one round of one phase."""

    cost_us: float
    seen: dict[str, float]


_WHOLE = (("requests/s", "rate"), ("p50 ms", "whole_ms_50"), ("p99 ms", "whole_ms_99"))
_PACED = (
    ("first byte p50 ms", "first_byte_ms_50"),
    ("first text p50 ms", "first_text_ms_50"),
    ("end p50 ms", "whole_ms_50"),
    ("streams", "done"),
)


def phases(arguments: argparse.Namespace) -> list[Phase]:
    whole = [Phase(f"whole replies, {c} at once", False, c, _WHOLE) for c in arguments.connections]
    paced = [
        Phase(f"streams, an event each {arguments.delay_ms:g} ms, {c} at once", True, c, _PACED)
        for c in arguments.streams
    ]
    return whole + paced


def run_load(proxy: rivals.Proxy, phase: Phase, seconds: float, number: int) -> Result:
    command = [sys.executable, str(Path(__file__).with_name("load.py")), "--url", proxy.url, "--seconds", str(seconds)]
    command += ["--connections", str(phase.connections), "--first", str(number * _TEXTS_APART)]
    command += ["--stream"] if phase.is_stream else []
    before = proxy.cpu_seconds()
    seen = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    spent = proxy.cpu_seconds() - before
    if seen["errors"] or not seen["done"]:
        what = f"{proxy.name}, {phase.name}: {seen['errors']} errors, e.g. {seen['sample']!r}"
        raise SystemExit(f"{what}; it said:\n{proxy.said()}")
    # Events as the model sent them: a gateway that holds text back may hand several on as one.
    units = seen["done"] * (EVENTS if phase.is_stream else 1)
    return Result(spent / units * 1e6, {**seen, "rate": seen["done"] / seen["seconds"]})


def measure(proxies: Sequence[rivals.Proxy], arguments: argparse.Namespace) -> dict[tuple[str, str], list[Result]]:
    """Return the results by phase and proxy, one a round; rounds are interleaved, A B C A B C."""
    results: dict[tuple[str, str], list[Result]] = {}
    number = 0
    plan = phases(arguments)
    for proxy in proxies:
        number += 1
        run_load(proxy, Phase("warm-up", False, 8, ()), 1.0, number)
    for turn in range(arguments.rounds):
        for phase in plan:
            for proxy in proxies:
                number += 1
                result = run_load(proxy, phase, arguments.seconds, number)
                results.setdefault((phase.name, proxy.name), []).append(result)
        print(f"round {turn + 1} of {arguments.rounds} done", file=sys.stderr)
    return results


def spread(values: Sequence[float]) -> str:
    """Return min / median / max, to three figures."""
    return " / ".join(figure(v) for v in (min(values), statistics.median(values), max(values)))


def figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def phase_table(
    phase: Phase, proxies: Sequence[rivals.Proxy], results: dict[tuple[str, str], list[Result]], against: str
) -> Table:
    unit = "event" if phase.is_stream else "request"
    table = Table(title=phase.name, title_justify="left")
    table.add_column("proxy")
    for title in (f"CPU µs/{unit}", f"times {against}", *(title for title, _ in phase.columns)):
        table.add_column(title, justify="right")
    base = [r.cost_us for r in results[phase.name, against]]
    for proxy in proxies:
        rounds = results[phase.name, proxy.name]
        costs = [r.cost_us for r in rounds]
        ratios = [cost / other for cost, other in zip(costs, base, strict=True)]
        shown = [spread([r.seen[key] for r in rounds]) for _, key in phase.columns]
        table.add_row(proxy.name, spread(costs), spread(ratios), *shown)
    return table


def wanted(arguments: argparse.Namespace, folder: Path) -> list[rivals.Proxy]:
    upstream = arguments.first_port
    ports = iter(range(upstream + 1, upstream + 100))
    proxies = [rivals.leeward("leeward", arguments.leeward, next(ports), upstream, folder)]
    for each in arguments.also:
        name, _, command = each.partition("=")
        proxies.append(rivals.leeward(name, command, next(ports), upstream, folder))
    if "litellm" not in arguments.without:
        proxies.append(rivals.litellm(next(ports), upstream, folder, _ROOT / ".cache" / "bench"))
    if "nginx" not in arguments.without:
        proxies.append(rivals.nginx(next(ports), upstream, folder))
    return proxies


def _end(number: int, _: object) -> None:
    """Leave in good order when told to, so that no proxy is left behind."""
    raise SystemExit(f"ended by signal {number}")


def main(arguments: argparse.Namespace) -> None:
    console = Console(width=arguments.width)
    signal.signal(signal.SIGTERM, _end)
    with tempfile.TemporaryDirectory(prefix="proxy-cost-") as name:
        folder = Path(name)
        mock = rivals.mock(arguments.first_port, arguments.delay_ms, folder)
        proxies = wanted(arguments, folder)
        started: list[rivals.Proxy] = []
        try:
            for each in (mock, *proxies):
                started.append(each)
                each.start()
            results = measure(proxies, arguments)
            for phase in phases(arguments):
                console.print(phase_table(phase, proxies, results, "leeward"))
            for each in proxies:
                console.print(
                    f"{each.name}: first answer after {each.start_seconds:.2f} s, {each.memory_mib():.0f} MiB"
                )
        finally:
            for each in reversed(started):
                each.stop()
    console.print(f"Each cell: min / median / max of {arguments.rounds} rounds; ratios are taken round by round.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leeward", default=_LEEWARD, help="command, with {port} and {upstream}")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND", help="a further proxy")
    parser.add_argument("--without", action="append", default=[], choices=["litellm", "nginx"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one load")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16], help="whole replies at once")
    parser.add_argument("--streams", type=int, nargs="*", default=[4], help="streams at once")
    parser.add_argument("--delay-ms", type=float, default=10.0, help="between events of a stream")
    parser.add_argument("--first-port", type=int, default=19100, help="this one and the next few must be free")
    parser.add_argument("--width", type=int, default=None, help="of the tables, in characters")
    main(parser.parse_args())
