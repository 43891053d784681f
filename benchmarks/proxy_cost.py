"""CPU that a request costs in Leeward, LiteLLM and nginx, in front of one model server: `python proxy_cost.py`."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from rich.console import Console

import rivals
from rounds import Goal, Phase, Results, differences, goals_table, measure, phase_table, ratios


def plan(arguments: argparse.Namespace) -> list[Phase]:
    """Return the loads; the mock's own share in them is what "added" is counted from."""
    whole = [Phase(whole_name(c), False, c, arguments.seconds) for c in arguments.connections]
    return whole + [Phase(paced_name(c, arguments.delay_ms), True, c, arguments.seconds) for c in arguments.streams]


def whole_name(connections: int) -> str:
    return f"whole replies, {connections} at once"


def paced_name(streams: int, delay_ms: float) -> str:
    return f"streams, an event each {delay_ms:g} ms, {streams} at once"


def goals(phases: list[Phase], results: Results) -> list[Goal]:
    """Return what is asked of the gateway's own cost, with detectors off."""
    return [goal for phase in phases for goal in (_paced_goals if phase.is_stream else _whole_goals)(phase, results)]


def _whole_goals(phase: Phase, results: Results) -> list[Goal]:
    ours = results.costs(phase.name, "leeward")
    share = [r * 100 for r in ratios(results.costs(phase.name, "nginx"), ours)]
    asked = [
        Goal(f"CPU µs a request, {phase.name}", ours, 300),
        Goal(f"LiteLLM's CPU over ours, {phase.name}", ratios(results.costs(phase.name, "litellm"), ours), 40, False),
        Goal(f"% of nginx's capacity of a core, {phase.name}", share, 8, False),
    ]
    if phase.connections == 1:
        asked.append(Goal(f"answer later by, ms, p50, {phase.name}", later(results, phase, "whole"), 0.6))
    return asked


def _paced_goals(phase: Phase, results: Results) -> list[Goal]:
    if phase.connections > 1:
        times = ratios(results.costs(phase.name, "litellm"), results.costs(phase.name, "leeward"))
        return [Goal(f"LiteLLM's CPU over ours, {phase.name}", times, 10, False)]
    # Streams that begin at one moment wait for each other, in the client too, so delays are told for one at a time.
    return [
        Goal(f"first byte later by, ms, p50, {phase.name}", later(results, phase, "first_byte"), 2),
        Goal(f"first text later by, ms, p50, {phase.name}", later(results, phase, "first_text"), 2),
    ]


def later(results: Results, phase: Phase, what: str) -> list[float]:
    """Return by how many ms Leeward's median is later than that of the mock alone, round by round."""
    return differences(*(results.seen(phase.name, name, f"{what}_ms_50") for name in ("leeward", rivals.MOCK)))


def wanted(arguments: argparse.Namespace, folder: Path) -> list[rivals.Proxy]:
    upstream = arguments.first_port
    ports = iter(range(upstream + 1, upstream + 100))
    rules = rivals.NO_RULES if arguments.detectors == "off" else {}
    proxies = [rivals.leeward("leeward", arguments.leeward, next(ports), upstream, folder, rules)]
    for each in arguments.also:
        name, _, command = each.partition("=")
        proxies.append(rivals.leeward(name, command, next(ports), upstream, folder))
    return proxies + rivals.those_there(
        {
            "litellm": lambda: rivals.litellm(next(ports), upstream, folder),
            "nginx": lambda: rivals.nginx(next(ports), upstream, folder),
        },
        arguments.without,
    )


def main(arguments: argparse.Namespace) -> None:
    console = Console(width=arguments.width)
    phases = plan(arguments)
    with tempfile.TemporaryDirectory(prefix="proxy-cost-") as name:
        mock = rivals.mock(arguments.first_port, arguments.delay_ms, Path(name))
        proxies = wanted(arguments, Path(name))
        with rivals.running([mock, *proxies]):
            results = measure([mock, *proxies], phases, arguments.rounds)
            for phase in phases:
                console.print(phase_table(phase, [mock, *proxies], results, "leeward"))
    if arguments.detectors == "off":
        console.print(goals_table(goals(phases, results), "Leeward enforcing nothing"))
    else:
        console.print("Harmless texts that Leeward refused: {:g} of {:g}".format(*results.refused("leeward")))
    console.print(f"Each cell: min / median / max of {arguments.rounds} rounds; ratios are taken round by round.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--detectors", choices=["on", "off"], default="on", help="off: Leeward enforces nothing")
    parser.add_argument("--leeward", default=rivals.LEEWARD, help="command, with {port} and {upstream}")
    parser.add_argument("--also", action="append", default=[], metavar="NAME=COMMAND", help="a further proxy")
    parser.add_argument("--without", action="append", default=[], choices=["litellm", "nginx"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of one load")
    parser.add_argument("--connections", type=int, nargs="*", default=[1, 16], help="whole replies at once")
    parser.add_argument("--streams", type=int, nargs="*", default=[1, 4], help="streams at once")
    parser.add_argument("--delay-ms", type=float, default=10.0, help="between events of a stream")
    parser.add_argument("--first-port", type=int, default=19100, help="this one and the next few must be free")
    parser.add_argument("--width", type=int, default=None, help="of the tables, in characters")
    main(parser.parse_args())
