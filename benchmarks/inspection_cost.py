"""CPU and time that inspection costs, beside two rivals' far smaller checks: `python inspection_cost.py`."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

import rivals
from history import History, history_table, measure_history
from rounds import Goal, Phase, Results, differences, goals_table, measure, phase_table, ratios

ON, OFF, FILTER, NEMO = "leeward", "leeward-off", "litellm-content-filter", "nemo-regex"


def plan(arguments: argparse.Namespace) -> list[Phase]:
    # NeMo's stream has neither finish reason nor an event for each of the model's: nothing to divide by.
    return [
        Phase("whole replies, 1 at once", False, 1, arguments.seconds),
        Phase("whole replies, 16 at once", False, 16, arguments.seconds),
        Phase("streams, an event each 10 ms, 4 at once", True, 4, arguments.stream_seconds, frozenset({NEMO})),
    ]


def wanted(arguments: argparse.Namespace, folder: Path) -> list[rivals.Proxy]:
    upstream = arguments.first_port
    ports = iter(range(upstream + 1, upstream + 100))
    ours = [
        rivals.leeward(ON, arguments.leeward, next(ports), upstream, folder),
        rivals.leeward(OFF, arguments.leeward, next(ports), upstream, folder, rivals.NO_RULES),
    ]
    return ours + rivals.those_there(
        {
            FILTER: lambda: rivals.litellm_filter(next(ports), upstream, folder),
            NEMO: lambda: rivals.nemo_regex(next(ports), upstream, folder),
        },
        arguments.without,
    )


def goals(phases: Sequence[Phase], results: Results, history: History) -> list[Goal]:
    """Return what is asked of inspection with all ten rules on."""
    *whole, paced = (phase.name for phase in phases)
    return [
        *(goal for name in whole for goal in _whole_goals(name, results)),
        Goal("CPU µs an event, 4 paced streams", results.costs(paced, ON), 120),
        Goal("first text beyond the hold-back, ms, p50", results.seen(paced, ON, "beyond_hold_ms_50"), 3),
        Goal("inspecting a 50-turn history again, share of the first time", history.again_over_first(), 0.05),
    ]


def _whole_goals(phase: str, results: Results) -> list[Goal]:
    ours = results.costs(phase, ON)
    extra_ms = [us / 1e3 for us in differences(ours, results.costs(phase, OFF))]
    return [
        Goal(f"CPU ms more than with detectors off, {phase}", extra_ms, 1),
        Goal(
            f"LiteLLM's content filter: its CPU over ours, {phase}",
            ratios(results.costs(phase, FILTER), ours),
            10,
            False,
        ),
        Goal(
            f"NeMo's two regex rails: its CPU over ours, {phase}", ratios(results.costs(phase, NEMO), ours), 50, False
        ),
    ]


def main(arguments: argparse.Namespace) -> None:
    console = Console(width=arguments.width)
    phases = plan(arguments)
    with tempfile.TemporaryDirectory(prefix="inspection-cost-") as name:
        folder = Path(name)
        mock = rivals.mock(arguments.first_port, 10.0, folder)
        proxies = wanted(arguments, folder)
        with rivals.running([mock, *proxies]):
            results = measure([mock, *proxies], phases, arguments.rounds, rivals.journal(folder))
            history = measure_history(proxies[0], proxies[1], arguments.rounds)
            for phase in phases:
                console.print(phase_table(phase, [mock, *proxies], results, ON))
    console.print(history_table(history))
    console.print(goals_table(goals(phases, results, history), "Leeward with all ten rules on prompt and reply"))
    console.print("Harmless texts that Leeward refused: {:g} of {:g}".format(*results.refused(ON)))
    console.print(f"Each cell: min / median / max of {arguments.rounds} rounds; ratios are taken round by round.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--leeward", default=rivals.LEEWARD, help="command, with {port} and {upstream}")
    parser.add_argument("--without", action="append", default=[], choices=[FILTER, NEMO])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a load of whole replies")
    parser.add_argument("--stream-seconds", type=float, default=3.0, help="of a load of streams")
    parser.add_argument("--first-port", type=int, default=19200, help="this one and the next few must be free")
    parser.add_argument("--width", type=int, default=None, help="of the tables, in characters")
    main(parser.parse_args())
