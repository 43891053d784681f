"""Measures the record store.

`python benchmarks/store_rate.py [URL] [--seconds S]`; without URL in a SQLite file of its own. Prints JSON lines: rows
a second in batches of 1,000 through the sink, then whole exchanges (opened and closed, two rows) through the writer at
several in flight, with the CPU time of this process for each, all threads together.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import uvloop

from leeward.domain.record import Closed, Opened, Outcome
from leeward.domain.verdict import Verdict
from leeward.storage.evidence import Keyring
from leeward.storage.ids import floor_id
from leeward.storage.rows import Batch, closed_row, opened_row
from leeward.storage.schema import migrate
from leeward.storage.sink import SqlSink
from leeward.storage.sql import SqlStore

RULES = [f"RULE-MIST-{n:03}" for n in range(1, 11)]
VERDICT = Verdict(scores=dict.fromkeys(RULES, 0.0123), checked=frozenset(RULES), language="en")


class WallClock:
    def now(self) -> float:
        return time.time()


class Numbers:
    """Ids in order, after all that a database may hold from an earlier run."""

    def __init__(self) -> None:
        self._prefix = floor_id(time.time())[:10]
        self._count = 0

    def new(self) -> str:
        self._count += 1
        return f"{self._prefix}{self._count:016}"


NUMBERS = Numbers()
OPENED = Opened(
    id="", at=0.0, endpoint="chat.completions", model="mistral-small", tenant="acme", key="k3xq5ttx", end_user="e" * 32,
    ruleset_name="mistral-v1", ruleset="sha256:" + "0" * 64, is_stream=False,
)  # fmt: skip
CLOSED = Closed(
    id="", at=0.0, outcome=Outcome.ANSWERED, verdict=VERDICT, prompt_chars=400, reply_chars=900, released_chars=900,
    commitment="c" * 64, upstream="local", upstream_status=200, inspection_seconds=0.0005,
)  # fmt: skip


def say(**numbers: object) -> None:
    print(json.dumps(numbers), flush=True)


def batches(store: SqlStore, seconds: float) -> None:
    sink, rows = SqlSink(store.engine), 0
    begun, cpu = time.perf_counter(), time.process_time()
    while time.perf_counter() - begun < seconds:
        ids = [NUMBERS.new() for _ in range(500)]
        opened = [opened_row(replace(OPENED, id=i), "bench") for i in ids]
        sink.commit(Batch(opened, [closed_row(replace(CLOSED, id=i)) for i in ids]))
        rows += 1_000
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    sink.close()
    say(what="batches of 1000", rows_per_s=round(rows / wall), cpu_us_per_row=round(cpu / rows * 1e6, 2))


async def nothing(identity: str) -> None:
    await asyncio.sleep(0)
    replace(OPENED, id=identity)
    replace(CLOSED, id=identity)


def exchange_on(store: SqlStore) -> Callable[[str], Awaitable[None]]:
    async def exchange(identity: str) -> None:
        await store.open_record(replace(OPENED, id=identity))
        store.close_record(replace(CLOSED, id=identity))

    return exchange


async def in_flight(name: str, one: Callable[[str], Awaitable[None]], width: int, seconds: float) -> None:
    waits: list[float] = []

    async def caller() -> None:
        while time.perf_counter() - begun < seconds:
            started = time.perf_counter()
            await one(NUMBERS.new())
            waits.append(time.perf_counter() - started)

    begun, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(caller() for _ in range(width)))
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    waits.sort()
    say(
        what=name,
        in_flight=width,
        exchanges_per_s=round(len(waits) / wall),
        cpu_us_each=round(cpu / len(waits) * 1e6, 1),
        p50_ms=round(waits[len(waits) // 2] * 1e3, 3),
        p99_ms=round(waits[int(len(waits) * 0.99)] * 1e3, 3),
    )


async def exchanges(store: SqlStore, seconds: float) -> None:
    await in_flight("empty loop", nothing, 64, seconds)
    store.start()
    for width in (1, 16, 64, 256):
        await in_flight("open and close", exchange_on(store), width, seconds)
    store.close()
    say(**{name: getattr(store.stats, name) for name in ("written", "batches", "failed", "spilled", "lost")})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="")
    parser.add_argument("--seconds", type=float, default=2.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        url = arguments.url or f"sqlite:///{folder}/records.db"
        migrate(url)
        store = SqlStore(url, clock=WallClock(), worker="bench", keyring=Keyring((bytes(range(32)),)))
        store.spill.path = Path(folder) / "spill.jsonl"
        batches(store, arguments.seconds)
        uvloop.run(exchanges(store, arguments.seconds))


if __name__ == "__main__":
    main()
