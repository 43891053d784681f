"""Why the watch has no test of plain drift: honest applications lie further from what is ordinary than hidden attacks.

For windows of 300 new texts it gives the squared maximum mean discrepancy from the deployment's baseline (kernel: equal
or not, over cells of wording, length and last mark), and how often an attack's exceeds that of an honest key (AUC).
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from extraction import half_of
from leeward.extraction_watch.exchange import read
from leeward.extraction_watch.simulation.event import Event
from leeward.extraction_watch.simulation.pools import read_pools, roles_and_paths
from leeward.extraction_watch.simulation.texts import Role
from leeward.extraction_watch.simulation.traffic import Attack, Pools, attack, benign, kind_of

WINDOW = 300
LEAST = 100
SHARES = (0.1, 0.3, 0.5, 1.0)
STRATEGIES = ("distillation", "exam-sweep", "topic-grid")
Window = Mapping[str, float]


def cell_of(text: str) -> str:
    """Return the cell of a text."""
    told = read({"t": 0, "texts": [text]})
    wording = "task" if told.is_task else "talk" if told.is_talk else "neither"
    length, mark = sum(len(text) >= most for most in (40, 90, 250)), text.rstrip()[-1:]
    return f"{wording}/{length}/{mark if mark in '.?' else ''}"


def window_of(events: Iterable[Event]) -> tuple[Window, int]:
    """Return shares of cells among the first new texts, and how many those were."""
    cells, seen = Counter[str](), set[str]()
    for event in events:
        if event.text not in seen:
            seen.add(event.text)
            cells[cell_of(event.text)] += 1
            if len(seen) == WINDOW:
                break
    return {cell: times / len(seen) for cell, times in cells.items()}, len(seen)


def distance(window: Window, baseline: Window) -> float:
    """Return the squared discrepancy of two distributions over cells, in [0, 2]."""
    return sum((window.get(c, 0.0) - baseline.get(c, 0.0)) ** 2 for c in window.keys() | baseline.keys())


def mean_of(windows: Sequence[Window]) -> Window:
    """Return the baseline: each key counts alike."""
    whole = Counter[str]()
    for window in windows:
        whole.update(window)  # type: ignore[arg-type]
    return {cell: share / len(windows) for cell, share in whole.items()}


def honest_windows(keys: int, seed: int, pools: Pools) -> dict[str, list[Window]]:
    """Return windows of honest keys by kind; those with few new texts have none."""
    by_key: dict[str, list[Event]] = {}
    for event in benign(keys, 1.0, seed, pools):
        by_key.setdefault(event.key, []).append(event)
    found: dict[str, list[Window]] = {}
    for key, events in by_key.items():
        window, count = window_of(events)
        if count >= LEAST:
            found.setdefault(kind_of(int(key.partition("-")[2]), seed), []).append(window)
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pool", action="append", default=[], help="FILE or ROLE=FILE, as for leeward simulate")
    parser.add_argument("--keys", type=int, default=120)
    parser.add_argument("--seeds", type=int, default=6)
    args = parser.parse_args(arguments)
    pools: dict[Role, list[str]] = {}
    for role, paths in roles_and_paths(args.pool).items():
        for found, texts in read_pools(paths, role).items():
            pools.setdefault(found, []).extend(texts)
    pools = half_of(pools, 0)
    honest = honest_windows(args.keys, 7, pools)
    baseline = mean_of([window for windows in honest.values() for window in windows])
    far = {kind: [distance(window, baseline) for window in windows] for kind, windows in honest.items()}
    for kind, distances in far.items():
        print(f"honest {kind}: {len(distances)} keys, median distance {median(distances):.2f}")
    every = [each for distances in far.values() for each in distances]
    for share in SHARES:
        plans = [
            Attack(strategy=name, delivery="mixed", queries=3_000, share=share, blended=True) for name in STRATEGIES
        ]
        hidden = [
            distance(window_of(attack(plan, 2 * n, pools))[0], baseline) for plan in plans for n in range(args.seeds)
        ]
        wins = sum((a > h) + 0.5 * (a == h) for a in hidden for h in every) / (len(hidden) * len(every))
        print(f"attack hidden at {share:.0%}: median distance {median(hidden):.2f}, AUC {wins:.2f}")


if __name__ == "__main__":
    main()
