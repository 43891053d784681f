"""`leeward simulate`: traffic of attackers and honest callers, for `leeward extraction replay`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Annotated, Literal

import cyclopts
import msgspec
from rich.console import Console

from leeward.errors import LeewardError
from leeward.extraction_watch.simulation.event import Event
from leeward.extraction_watch.simulation.pools import read_pools, roles_and_paths
from leeward.extraction_watch.simulation.strategies import STRATEGIES
from leeward.extraction_watch.simulation.texts import Role
from leeward.extraction_watch.simulation.traffic import Attack, attack, benign

OK, PROBLEMS, USAGE = 0, 1, 2

app = cyclopts.App(name="simulate", help="Make up traffic of extractors or of honest callers.")

StrategyName = Literal[
    "distillation", "bootstrap", "empty-prefix", "exam-sweep", "random-words", "logit-bias", "topic-grid", "reasoning"
]
KindName = Literal["chat", "shared", "help-desk", "batch", "regression", "retrieval", "tinkering"]
Output = Annotated[Path, cyclopts.Parameter(name=["--output", "-o"])]
_Making = Callable[[dict[Role, list[str]]], Iterator[Event]]


@app.command(name="extraction")
def extraction(
    *,
    output: Output,
    strategy: tuple[StrategyName, ...] = (),
    delivery: Literal["pure", "mixed", "sybil", "drip"] = "pure",
    queries: int = 1_000,
    share: float = 0.3,
    keys: int = 50,
    blended: Annotated[bool, cyclopts.Parameter(negative=())] = False,
    seed: int = 1,
    pool: tuple[str, ...] = (),
) -> int:
    """Write the traffic of extractors, one after another, each a tenant of its own.

    Args:
        output: JSON lines `{"t", "tenant", "key", "text", "params"}` in time order; replaced when it exists.
        strategy: What is sent; all strategies when not given.
        delivery: One key at full speed, mixed into honest traffic, over many keys, or slowly.
        queries: Exchanges of each extractor, honest cover included.
        share: Of the attack in mixed traffic, above 0 and at most 1.
        keys: Keys of a sybil attack.
        blended: Give the attack in mixed traffic the sampling settings of the honest traffic.
        seed: The same seed writes the same file.
        pool: Real texts, `FILE` or `ROLE=FILE` with the role human, document, instruction or exam; JSON lines, gzip
            or plain. What no pool holds is made up.
    """
    if queries < 1 or keys < 1 or not 0.0 < share <= 1.0:
        return _say("--queries and --keys must be 1 or more, --share above 0 and at most 1", USAGE)
    names: tuple[str, ...] = strategy or tuple(STRATEGIES)
    plan = Attack(strategy="", delivery=delivery, queries=queries, share=share, keys=keys, blended=blended)
    plans = [replace(plan, strategy=name, tenant=f"extractor-{name}") for name in names]

    def events(pools: dict[Role, list[str]]) -> Iterator[Event]:
        made = [event for plan in plans for event in attack(plan, seed, pools)]
        return iter(sorted(made, key=lambda event: event.t))

    return _run(events, pool, seed, output)


@app.command(name="benign")
def honest(
    *,
    output: Output,
    keys: int = 100,
    days: float = 1.0,
    kind: tuple[KindName, ...] = (),
    tenants: int = 0,
    most: int = 0,
    seed: int = 1,
    pool: tuple[str, ...] = (),
) -> int:
    """Write a day or more of a deployment in which nobody extracts anything.

    Args:
        output: JSON lines `{"t", "tenant", "key", "text", "params"}` in time order; replaced when it exists.
        keys: How many keys there are.
        days: How long.
        kind: Only these kinds of callers; by default a mixture of all.
        tenants: To how many tenants the keys belong; 0 gives each key its own.
        most: Stop after so many exchanges; 0 writes all.
        seed: The same seed writes the same file.
        pool: Real texts, as for `leeward simulate extraction`.
    """
    if keys < 1 or days <= 0 or tenants < 0 or most < 0:
        return _say("--keys must be 1 or more, --days above 0, --tenants and --most not below 0", USAGE)

    def events(pools: dict[Role, list[str]]) -> Iterator[Event]:
        made = benign(keys, days, seed, pools, kinds=kind, tenants=tenants)
        return islice(made, most) if most else made

    return _run(events, pool, seed, output)


def write_events(events: Iterable[Event], output: Path) -> int:
    """Write events as JSON lines; return how many. An output that existed stays until the new one is whole."""
    draft = output.with_name(output.name + ".part")
    encoder = msgspec.json.Encoder()
    count = 0
    try:
        with draft.open("wb") as out:
            for event in events:
                out.write(encoder.encode(event._asdict()) + b"\n")
                count += 1
        os.replace(draft, output)
    finally:
        draft.unlink(missing_ok=True)
    return count


def _run(events: _Making, pool: tuple[str, ...], seed: int, output: Path) -> int:
    try:
        pools: dict[Role, list[str]] = {}
        for role, paths in roles_and_paths(pool).items():
            for found, texts in read_pools(paths, role, seed=seed).items():
                pools.setdefault(found, []).extend(texts)
        count = write_events(events(pools), output)
    except LeewardError as error:
        return _say(error.diagnostics(), PROBLEMS)
    except OSError as error:
        return _say(f"{error.filename}: {error.strerror}", USAGE)
    return _say(f"{count} events", OK)


def _say(words: str, status: int) -> int:
    Console(stderr=True).print(words, style="red" if status else "", markup=False, highlight=False)
    return status
