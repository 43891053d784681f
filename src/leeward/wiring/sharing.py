"""Shares what the extraction watch knows with the other processes and keeps it over restarts, in the background."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from heapq import nlargest
from typing import Final

from leeward.domain.ports import Clock
from leeward.errors import StorageError
from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.memory import Shared, Trace
from leeward.extraction_watch.shared import join, note_shared, snapshot, unpack
from leeward.storage.suspicions import Exchanged, Name, SqlSuspicions, State

log = logging.getLogger("leeward.extraction")

ROUND_SECONDS: Final = 1.0
# A trace is shared when so much evidence or so many exchanges came, or when its news are so old.
_NEWS_WEIGHT: Final = 0.25
_NEWS_EXCHANGES: Final = 50
_NEWS_SECONDS: Final = 120.0
# Of callers who show nothing, news may be this many times rarer.
_PATIENCE: Final = 4
# Bounds of one round, so that it costs little however many callers there are.
_MOST_STATES: Final = 64
_MOST_LOOKED_AT: Final = 2_048
# Known from the start: who had shown something before. Others are looked up when they come.
_MOST_RESTORED: Final = 1_024
_LEAST_RESTORED_WEIGHT: Final = 0.25
_LAST_ROUNDS: Final = 3  # others may write in between
_HEARD: Final = 1_000
_PRUNE_ROUNDS: Final = 3_600
_KEPT_SECONDS: Final = 14 * 86_400.0  # after fourteen half-lives nothing is left
_MOST_KEPT: Final = 50_000


class TrafficSharing:
    """Carries traces and steps between a watch and the store; nothing of it is on the way of a request.

    While the store is away the watch goes on alone, and what it learned is shared once the store is back.

    Args:
        watch: What knows.
        store: Where it is kept.
    """

    def __init__(self, watch: ExtractionWatch, store: SqlSuspicions, clock: Clock) -> None:
        self._watch = watch
        self._store = store
        self._clock = clock
        self._since = clock.now()
        self._heard: dict[str, None] = {}
        self._is_away = False
        self._rounds = 0
        self._stopping = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._lock = asyncio.Lock()

    async def restore(self) -> None:
        """Take up what was known before the start of callers that had shown something."""
        try:
            states = await asyncio.to_thread(self._store.heaviest, _MOST_RESTORED, _LEAST_RESTORED_WEIGHT)
        except StorageError as error:
            self._note_away(error)
            return
        for state in states:
            trace = unpack(state.content)
            if trace is not None:
                note_shared(trace, Shared(state.version, state.content, trace.last_t, trace.weight, trace.number))
                self._watch.memory.restore(state.tenant, state.key, trace)
            await asyncio.sleep(0)

    def start(self) -> None:
        """Share once a second from now on."""
        self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                await asyncio.wait_for(self._stopping.wait(), ROUND_SECONDS)
            except TimeoutError:
                await self.round()

    async def end(self) -> None:
        """Share all that has any news, for the last time."""
        self._stopping.set()
        if self._task is not None:
            await self._task  # never cut off: what it wrote unnoticed would be counted twice
        for _ in range(_LAST_ROUNDS):
            await self.round(is_last=True)
            if self._is_away or not self._watch.memory.changed:
                return

    async def round(self, *, is_last: bool = False) -> None:
        """Share what has news and take up the news of others.

        Args:
            is_last: Whether the process ends, so that everything is shared that has any news.
        """
        async with self._lock:
            await self._keep_steps()
            # What others wrote first is joined and written at once, so that news travel in one round.
            if await self._exchange(is_last=is_last):
                await self._exchange(is_last=is_last)

    async def _exchange(self, *, is_last: bool) -> bool:
        """Write and read once; return whether something must be written again because others wrote it first."""
        packed = await self._pack(is_last=is_last)
        states = [each.state(*name) for name, each in packed.items()]
        now = self._clock.now()
        try:
            told = await asyncio.to_thread(self._store.share, states, self._held(), self._since, tuple(self._heard))
            await self._prune(now)
        except StorageError as error:
            self._note_away(error)
            self._watch.memory.changed.update(packed)
            return False
        if self._is_away:
            self._is_away = False
            log.info("extraction_shared_again")
        self._since = now
        await self._take_up(told, packed)
        return any((state.tenant, state.key) in packed for state in told.newer)

    async def _keep_steps(self) -> None:
        steps = self._watch.steps.take()
        if not steps:
            return
        try:
            await asyncio.to_thread(self._store.keep_steps, steps)
        except StorageError as error:
            self._watch.steps.put_back(steps)
            self._note_away(error)

    async def _pack(self, *, is_last: bool) -> dict[Name, _Packed]:
        """Return what is to be written, the strongest evidence first; what waits stays marked as changed."""
        memory, packed = self._watch.memory, dict[Name, _Packed]()
        news = list[tuple[Name, Trace]]()
        for name in list(memory.changed)[: None if is_last else _MOST_LOOKED_AT]:
            trace = memory.known(*name)
            if trace is None:
                memory.changed.discard(name)
            elif is_last or has_news(trace):
                news.append((name, trace))
        for name, trace in news if is_last else nlargest(_MOST_STATES, news, key=lambda one: one[1].weight):
            memory.changed.discard(name)
            packed[name] = _Packed(trace, snapshot(trace))
            await asyncio.sleep(0)  # exchanges go first
        return packed

    def _held(self) -> dict[Name, int]:
        return {name: t.shared.version for name, t in self._watch.memory.items() if t.shared is not None}

    async def _take_up(self, told: Exchanged, packed: Mapping[Name, _Packed]) -> None:
        memory = self._watch.memory
        for lift, (tenant, key) in told.lifts.items():
            if memory.forget(key, tenant):
                log.info("extraction_lifted")
            self._heard[lift] = None
        while len(self._heard) > _HEARD:
            del self._heard[next(iter(self._heard))]
        for name, version in told.kept.items():
            note_shared(packed[name].trace, replace(packed[name].sent, version=version))
        for state in told.newer:
            trace = memory.known(state.tenant, state.key)
            if trace is not None:
                join(trace, state.version, state.content, self._watch.limits)
                memory.changed.add((state.tenant, state.key))
                await asyncio.sleep(0)
        self._begin_anew(packed.keys() - told.kept.keys() - {(s.tenant, s.key) for s in told.newer})

    def _begin_anew(self, vanished: Collection[Name]) -> None:
        """Begin a row anew where the store has forgotten it; after a lift the caller has been forgotten here too."""
        for name in vanished:
            trace = self._watch.memory.known(*name)
            if trace is not None and trace.shared is not None:
                trace.shared = replace(trace.shared, version=0)
                self._watch.memory.changed.add(name)

    async def _prune(self, now: float) -> None:
        self._rounds += 1
        if self._rounds % _PRUNE_ROUNDS == 0:
            await asyncio.to_thread(self._store.prune, now - _KEPT_SECONDS, _MOST_KEPT)

    def _note_away(self, error: StorageError) -> None:
        if not self._is_away:
            self._is_away = True
            log.warning("extraction_not_shared", extra={"error": error.message})


@dataclass(frozen=True, slots=True)
class _Packed:
    """A trace on its way to the store, and how it was when it left."""

    trace: Trace
    sent: Shared

    def state(self, tenant: str, key: str) -> State:
        sent = self.sent
        return State(tenant=tenant, key=key, version=sent.version, weight=sent.weight, content=sent.content)


def has_news(trace: Trace) -> bool:
    """Whether a trace has changed so much that it is worth a write."""
    shared = trace.shared
    if shared is None:
        return True
    patience = 1 if trace.weight >= _NEWS_WEIGHT else _PATIENCE
    return (
        abs(trace.weight - shared.weight) >= _NEWS_WEIGHT
        or trace.number - shared.number >= _NEWS_EXCHANGES * patience
        or trace.last_t - shared.at >= _NEWS_SECONDS * patience
    )
