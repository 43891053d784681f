"""What it costs to share what the watch knows: CPU an exchange beside the watching itself, without the database.

Two processes see every other exchange of the same callers and share once in `--every` exchanges; or one sees all.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, islice
from time import process_time

from extraction import facts_of
from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.exchange import Exchange, read
from leeward.extraction_watch.shared import join, note_shared, snapshot
from leeward.extraction_watch.simulation.strategies import STRATEGIES
from leeward.extraction_watch.simulation.traffic import Attack, attack, benign
from leeward.wiring.sharing import has_news

Rows = dict[tuple[str, str], tuple[int, bytes]]


def share(watch: ExtractionWatch, rows: Rows) -> float:
    """Write what has news, joining what others wrote first; return the CPU seconds of packing and joining."""
    spent = 0.0
    for name in list(watch.memory.changed):
        trace = watch.memory.known(*name)
        if trace is None or not has_news(trace):
            continue
        watch.memory.changed.discard(name)
        version, content = rows.get(name, (0, b""))
        began = process_time()
        if (trace.shared.version if trace.shared else 0) != version:
            join(trace, version, content, watch.limits)
        sent = snapshot(trace)
        note_shared(trace, replace(sent, version=version + 1))
        spent += process_time() - began
        rows[name] = version + 1, sent.content
    return spent


def cost(exchanges: Sequence[Exchange], processes: int, every: int) -> float:
    """Return CPU microseconds of sharing for one exchange."""
    watches, rows, spent = [ExtractionWatch() for _ in range(processes)], Rows(), 0.0
    for number, exchange in enumerate(exchanges, 1):
        watches[number % processes].observe(exchange)
        if number % every == 0:
            spent += sum(share(watch, rows) for watch in watches)
    return 1e6 * spent / len(exchanges)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exchanges", type=int, default=24_000, help="half honest, half extraction")
    parser.add_argument("--every", type=int, default=50)
    args = parser.parse_args(arguments)
    half = args.exchanges // 2
    attacks = [attack(Attack(strategy=name, queries=half // len(STRATEGIES)), 1) for name in STRATEGIES]
    events = chain(islice(benign(200, 1.0, 1), half), *attacks)
    exchanges = [read(facts_of(event)) for event in events]  # type: ignore[arg-type]
    for processes in (1, 2, 4):
        print(f"{processes} process(es): {cost(exchanges, processes, args.every):.1f} µs an exchange")


if __name__ == "__main__":
    main()
