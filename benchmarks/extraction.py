"""How much extraction the watch sees, by strategy and delivery, beside a plain rate limit at equal false alerts.

Everything is simulated (`leeward simulate`): a figure here says that the watch reacts to these patterns, not how many
extractors it would find in the field. Seeds of one parity are for tuning, those of the other for reporting.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from statistics import median
from time import process_time

from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.exchange import bias_of, read
from leeward.extraction_watch.replay import replay
from leeward.extraction_watch.simulation.event import Event
from leeward.extraction_watch.simulation.pools import read_pools, roles_and_paths
from leeward.extraction_watch.simulation.strategies import STRATEGIES
from leeward.extraction_watch.simulation.texts import Role, halves
from leeward.extraction_watch.simulation.traffic import Attack, Delivery, attack, benign, kind_of

Facts = dict[str, object]
HOUR = 3_600.0
# How many exchanges an extractor has, by delivery; an alert must come within them.
BUDGETS: dict[Delivery, int] = {"pure": 1_000, "mixed": 10_000, "sybil": 10_000, "drip": 1_000}
SHARES = (0.1, 0.2, 0.3, 0.5)
# What is done by sampling alone is nothing without settings of its own.
UNBLENDED = frozenset({"logit-bias"})
GOALS = {"pure": 0.9, "mixed": 0.7, "blended": 0.7, "sybil": 0.7}


@dataclass(slots=True)
class Tried:
    """Attacks of one cell of the table: how many were seen by the watch, and by the rate limit."""

    attacks: int = 0
    seen: int = 0
    alerted: int = 0
    limited: int = 0
    after: list[int] = field(default_factory=list)

    def add(self, other: Tried) -> None:
        """Count the attacks of another cell too."""
        self.attacks += other.attacks
        self.seen += other.seen
        self.alerted += other.alerted
        self.limited += other.limited
        self.after += other.after


def facts_of(event: Event) -> Facts:
    """Return the facts of a simulated event, as `leeward extraction replay` makes them."""
    params = event.params
    return {
        "t": event.t,
        "tenant": event.tenant,
        "key": event.key,
        "texts": [event.text],
        **params,
        "logit_bias": bias_of(params.get("logit_bias")),  # type: ignore[arg-type]
    }


class RateLimit:
    """Busiest hour of each key: what a plain limit on exchanges goes by."""

    def __init__(self) -> None:
        self.busiest: Counter[str] = Counter()
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)

    def add(self, event: Event) -> None:
        """Count an exchange."""
        recent = self._recent[event.key]
        recent.append(event.t)
        while recent[0] < event.t - HOUR:
            recent.popleft()
        self.busiest[event.key] = max(self.busiest[event.key], len(recent))

    def over(self, events: Iterable[Event]) -> Iterator[Event]:
        """Yield `events`, counting them on the way."""
        for event in events:
            self.add(event)
            yield event


def counted(events: Iterable[Event], count: list[int]) -> Iterator[Facts]:
    """Yield the facts of events; `count[0]` tells how many went by."""
    for event in events:
        count[0] += 1
        yield facts_of(event)


def try_attack(plan: Attack, seed: int, pools: dict[Role, list[str]], limit: int) -> Tried:
    """Return what comes of one attack on a fresh watch."""
    rate, count = RateLimit(), [0]
    events = rate.over(attack(plan, seed, pools))
    first, worst = 0, False
    for alert in replay(counted(events, count)):  # type: ignore[arg-type]
        first = first or count[0]
        if alert.step == "alert":
            worst = True
            break
    deque(events, maxlen=0)  # what is left goes by the rate limit alone
    is_limited = max(rate.busiest.values()) > limit
    return Tried(1, int(first > 0), int(worst), int(is_limited), [first] if first else [])


def plans() -> Iterator[tuple[str, Attack]]:
    """Yield every attack of the table with the name of its column."""
    for strategy in STRATEGIES:
        for delivery, queries in BUDGETS.items():
            for share in SHARES if delivery == "mixed" else (1.0,):
                column = f"mixed {share:.0%}" if delivery == "mixed" else delivery
                yield column, Attack(strategy=strategy, delivery=delivery, queries=queries, share=share)
        if strategy not in UNBLENDED:
            plan = Attack(strategy=strategy, delivery="mixed", queries=BUDGETS["mixed"], share=0.3, blended=True)
            yield "blended 30%", plan


def false_alerts(args: argparse.Namespace, seed: int, pools: dict[Role, list[str]], tenants: int) -> tuple[Facts, int]:
    """Return who was alerted wrongly in a deployment without attackers, and the limit that alerts as many keys."""
    rate, count = RateLimit(), [0]
    events = rate.over(benign(args.benign_keys, args.days, seed, pools, tenants=tenants))
    told: dict[str, str] = {}
    examples: list[str] = []
    for alert in replay(counted(events, count)):  # type: ignore[arg-type]
        for key in alert.keys:
            if key not in told:
                examples.append(f"{kind_of(int(key.partition('-')[2]), seed)}: {' '.join(alert.evidence[:4])}")
            told[key] = alert.step
    allowed = max(len(told), int(args.benign_keys * args.days / 1_000))
    busiest = sorted(rate.busiest.values(), reverse=True)
    per_thousand = 1_000 * len(told) / (args.benign_keys * args.days)
    summary: Facts = {
        "keys": args.benign_keys,
        "tenants": tenants or args.benign_keys,
        "exchanges": count[0],
        "alerted_keys": len(told),
        "per_1000_keys_a_day": round(per_thousand, 2),
        "examples": examples[:10],
    }
    return summary, busiest[min(allowed, len(busiest) - 1)]


def cost(seed: int, pools: dict[Role, list[str]]) -> float:
    """Return CPU microseconds for one exchange, over honest traffic and pure attacks, half of each."""
    honest = [e for e, _ in zip(benign(200, 1.0, seed, pools), range(6_000), strict=False)]
    attacks = [e for s in STRATEGIES for e in attack(Attack(strategy=s, queries=750), seed, pools)]
    rounds = []
    for _ in range(5):
        watch = ExtractionWatch()
        facts = [facts_of(e) for e in chain(honest, attacks)]
        began = process_time()
        for each in facts:
            watch.observe(read(each))  # type: ignore[arg-type]
        rounds.append((process_time() - began) / len(facts) * 1e6)
    return median(rounds)


def half_of(pools: dict[Role, list[str]], parity: int) -> dict[Role, list[str]]:
    """Return the half of each pool that goes with a parity of seeds."""
    return {role: halves(texts)[parity] for role, texts in pools.items()}


def run(args: argparse.Namespace) -> Facts:
    """Measure everything."""
    pools: dict[Role, list[str]] = {}
    for role, paths in roles_and_paths(args.pool).items():
        for found, texts in read_pools(paths, role).items():
            pools.setdefault(found, []).extend(texts)
    parity = {"tune": 0, "report": 1}[args.half]
    pools = half_of(pools, parity)
    seeds = [2 * (args.skip + n) + parity for n in range(args.seeds)]
    honest, limits = [], []
    for tenants in (0, max(1, args.benign_keys // 50)):
        summary, limit = false_alerts(args, 1_000 + 2 * args.skip + parity, pools, tenants)
        honest.append(summary)
        limits.append(limit)
    cells: defaultdict[str, dict[str, Tried]] = defaultdict(dict)
    for column, plan in plans():
        if args.only and args.only not in f"{plan.strategy}/{column}":
            continue
        cell = cells[plan.strategy].setdefault(column, Tried())
        for seed in seeds:
            cell.add(try_attack(plan, seed, pools, min(limits)))
    return {
        "half": args.half,
        "benign": honest,
        "rate_limit_per_hour": min(limits),
        "cells": {s: {c: vars_of(t) for c, t in row.items()} for s, row in cells.items()},
        "deliveries": {d: vars_of(joined(cells.values(), d)) for d in (*BUDGETS, "blended")},
        "cpu_us": round(cost(1_000 + parity, pools), 1),
    }


def joined(rows: Iterable[dict[str, Tried]], delivery: str) -> Tried:
    """Return all cells of a delivery together."""
    whole = Tried()
    for row in rows:
        for column, tried in row.items():
            if column.startswith(delivery):
                whole.add(tried)
    return whole


def vars_of(tried: Tried) -> Facts:
    """Return shares and the median number of exchanges until the first alert."""
    count = max(1, tried.attacks)
    return {
        "attacks": tried.attacks,
        "seen": round(tried.seen / count, 3),
        "at_alert": round(tried.alerted / count, 3),
        "rate_limit": round(tried.limited / count, 3),
        "after": round(median(tried.after)) if tried.after else None,
    }


def show(result: Facts) -> None:
    """Print the tables in Markdown."""
    cells: dict[str, dict[str, Facts]] = result["cells"]  # type: ignore[assignment]
    columns = list(dict.fromkeys(c for row in cells.values() for c in row))
    print(f"| strategy | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}")
    for strategy, row in cells.items():
        shown = (f"{row[c]['seen']:.0%} ({row[c]['after']})" if c in row else "" for c in columns)
        print(f"| {strategy} | {' | '.join(shown)} |")
    print("\n| delivery | seen | reaches `alert` | rate limit | goal |\n|---|---|---|---|---|")
    deliveries: dict[str, Facts] = result["deliveries"]  # type: ignore[assignment]
    for delivery, told in deliveries.items():
        goal = f"{GOALS[delivery]:.0%}" if delivery in GOALS else ""
        print(f"| {delivery} | {told['seen']:.1%} | {told['at_alert']:.1%} | {told['rate_limit']:.1%} | {goal} |")
    for honest in result["benign"]:  # type: ignore[attr-defined]
        print(f"\nbenign: {json.dumps(honest, ensure_ascii=False)}")
    print(f"\nrate limit: {result['rate_limit_per_hour']} an hour; CPU: {result['cpu_us']} µs an exchange")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--half", choices=["tune", "report"], default="report", help="which seeds and pool halves")
    parser.add_argument("--seeds", type=int, default=4, help="attacks in each cell")
    parser.add_argument("--skip", type=int, default=0, help="seeds to leave out, for figures that nobody has seen yet")
    parser.add_argument("--benign-keys", type=int, default=1_000)
    parser.add_argument("--days", type=float, default=1.0)
    parser.add_argument("--pool", action="append", default=[], help="FILE or ROLE=FILE, as for leeward simulate")
    parser.add_argument("--only", default="", help="cells whose STRATEGY/DELIVERY holds this text")
    parser.add_argument("--json", type=Path, help="write the figures there too")
    args = parser.parse_args(arguments)
    result = run(args)
    show(result)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
