"""Writes records in groups, on a thread of its own.

Many exchanges share one transaction: whatever arrives while a batch is being committed forms the next one. Opened
records are waited for; closed ones are queued and, when the store cannot take them, go to the spill file.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TypeAlias

import structlog

from leeward.domain.record import Closed, Evidence, Opened
from leeward.errors import StorageError
from leeward.storage.evidence import SEALED_RULE, Keyring
from leeward.storage.quick import QuickOpener
from leeward.storage.rows import Batch, Row, closed_row, opened_row
from leeward.storage.sink import Sink
from leeward.storage.spill import Spill

_log = structlog.get_logger("leeward.storage")


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterLimits:
    """Bounds of the writer.

    Attributes:
        open_seconds: Longest wait for an opened record.
        linger_seconds: How long closed records wait for company when no opened one wakes the writer.
        batch_rows: Most rows in one transaction.
        queue_rows: Most records that wait; beyond, opened ones are refused and closed ones go to the spill file.
        attempts: Failed tries after which closed records go to the spill file.
        backoff_seconds: First pause after a failed try; doubles up to `backoff_most_seconds`.
        stop_seconds: Longest wait for the last batch.
    """

    open_seconds: float = 2.0
    linger_seconds: float = 0.1
    batch_rows: int = 1_000
    queue_rows: int = 20_000
    attempts: int = 5
    backoff_seconds: float = 0.05
    backoff_most_seconds: float = 1.0
    stop_seconds: float = 15.0


@dataclass(slots=True)
class WriterStats:
    """Counts since the start.

    Attributes:
        written: Rows kept.
        batches: Transactions committed.
        failed: Tries that failed.
        refused: Opened records that were not kept in time.
        spilled: Rows that went to the spill file.
        lost: Rows that could neither be kept nor spilled; anything but 0 is an alarm.
    """

    written: int = 0
    batches: int = 0
    failed: int = 0
    refused: int = 0
    spilled: int = 0
    lost: int = 0


@dataclass(slots=True)
class Chore:
    """Something the writer's thread does now and then.

    Attributes:
        run: May raise StorageError, which is logged.
        every_seconds: Least time between two runs.
        due: Monotonic time of the next run.
    """

    name: str
    run: Callable[[], None]
    every_seconds: float
    due: float = 0.0


class _Waiter:
    """An opened record that somebody waits for; an empty row waits for what came before."""

    __slots__ = ("future", "row")

    def __init__(self, row: Row, future: asyncio.Future[None]) -> None:
        self.row = row
        self.future = future

    def expire(self) -> None:
        _fail([self.future], StorageError("The record was not kept in time.", remedy=_SLOW))


class _End:
    """A closed record."""

    __slots__ = ("evidence", "record")

    def __init__(self, record: Closed, evidence: Sequence[Evidence]) -> None:
        self.record = record
        self.evidence = evidence


class _Begun:
    """An opened record that is kept already."""

    __slots__ = ("id",)

    def __init__(self, record_id: str) -> None:
        self.id = record_id


class _Stop:
    """The last thing in the queue."""


_MOST_REFUSED = 10_000
_FEW = 4  # exchanges under way, up to which opened records are committed one by one
_SLOW = "The database is slow or locked: see the log of the store."
_Item: TypeAlias = _Waiter | _Begun | _End | Row | _Stop


@dataclass(slots=True)
class _Held:
    """What the thread has taken from the queue and not yet kept."""

    waiters: list[_Waiter] = field(default_factory=list)
    rows: Batch = field(default_factory=Batch)
    rows_since: float = 0.0

    def __len__(self) -> int:
        return len(self.waiters) + len(self.rows)


class Writer:
    """Group-commit writer of one process.

    Args:
        sink: Where batches go; used by the writer's thread only.
        spill: Where closed records go when the sink fails for long.
        keyring: Encrypts evidence before it reaches either.
        worker: Id of this process, written into opened records.
        chores: Run on the writer's thread while the store is well.
        quick: Opens records on the caller's thread; None where that could wait.
    """

    def __init__(
        self,
        sink: Sink,
        spill: Spill,
        keyring: Keyring,
        *,
        worker: str,
        limits: WriterLimits | None = None,
        chores: Sequence[Chore] = (),
        quick: QuickOpener | None = None,
    ) -> None:
        self.stats = WriterStats()
        self.live: set[str] = set()  # opened and not closed; changed by the writer's thread only
        self._sink = sink
        self._spill = spill
        self._keyring = keyring
        self._worker = worker
        self._limits = limits or WriterLimits()
        self._chores = chores
        self._quick = quick
        self._queue: SimpleQueue[_Item] = SimpleQueue()
        # Ends do not wake the thread, which would cost more than writing them: it finds them when it next wakes.
        self._ends: deque[_Item] = deque()
        self._refused: dict[str, Row] = {}
        self._held = _Held()
        self._failures = 0
        self._under_way = 0  # exchanges that are open, as far as the event loop knows
        self._retry_at = 0.0
        self._accepts = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="leeward-records", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._accepts = True
        self._thread.start()

    async def open_record(self, record: Opened) -> None:
        """Return when the record is committed.

        After an error, close the record nevertheless: both ends are then kept as soon as the store is well.

        Raises:
            StorageError: If it is not committed within the deadline.
        """
        row = opened_row(record, self._worker)
        try:
            if not self._accepts or self._queue.qsize() >= self._limits.queue_rows:
                raise StorageError("The store takes no records now.", remedy=_SLOW)
            self._under_way += 1
            # Alone, a row costs less without the thread; in company, rows that share a commit cost less.
            if self._quick is not None and self._under_way <= _FEW and not self._failures and self._quick.put(row):
                self._ends.append(_Begun(record.id))
                return
            await self._put(row)
        except BaseException:
            self._refuse(record.id, row)
            raise

    async def flush(self) -> None:
        """Return when all that was opened or closed before is kept.

        Raises:
            StorageError: If it is not within the deadline.
        """
        await self._put(())

    async def _put(self, row: Row) -> None:
        loop = asyncio.get_running_loop()
        waiter = _Waiter(row, loop.create_future())
        timer = loop.call_later(self._limits.open_seconds, waiter.expire)
        self._queue.put(waiter)
        try:
            await waiter.future
        finally:
            timer.cancel()

    def _refuse(self, record_id: str, row: Row) -> None:
        """Remember the row: its exchange may go on, and then its end must not stand without a beginning."""
        self.stats.refused += 1
        if len(self._refused) >= _MOST_REFUSED:
            self._refused.pop(next(iter(self._refused)), None)
        self._refused[record_id] = row

    def close_record(self, record: Closed, evidence: Sequence[Evidence] = ()) -> None:
        """Queue the end of an exchange; when the queue is full it goes to the spill file at once."""
        self._under_way = max(0, self._under_way - 1)
        opened = self._refused.pop(record.id, None) if self._refused else None
        if self._accepts and len(self._ends) < self._limits.queue_rows:
            if opened is not None:
                self._ends.append(opened)
            self._ends.append(_End(record, evidence))
            return
        batch = Batch([opened] if opened is not None else [])
        self._add_end(batch, record, evidence)
        self._spill_or_lose(batch)

    def close(self) -> None:
        """Keep or spill all that waits, then stop; called once, from any thread but the writer's."""
        self._accepts = False
        self._queue.put(_Stop())
        self._thread.join(self._limits.stop_seconds)
        # The thread may hang in the driver, or something came in behind the stop. A row written twice does no harm.
        self._drain()
        self._spill_or_lose(self._held.rows)
        if self._quick is not None:
            self._quick.close()

    # From here on everything runs on the writer's thread, but for what `close` and a full queue ask for.

    def _run(self) -> None:
        try:
            while not self._stopping:
                self._gather()
                if self._is_due():
                    self._attempt()
                if not self._failures:
                    self._do_chores()
            self._finish()
        finally:
            self._accepts = False  # whatever ended the thread, nobody may wait for it
            self._sink.close()

    def _gather(self) -> None:
        """Take what is queued; wait for the first of it."""
        with suppress(Empty):
            self._take(self._queue.get(timeout=self._patience()))
        self._drain(self._limits.batch_rows)

    def _drain(self, most: int | None = None) -> None:
        while most is None or len(self._held) < most:
            try:
                self._take(self._queue.get_nowait())
            except Empty:
                break
        while self._ends and (most is None or len(self._held) < most):
            self._take(self._ends.popleft())

    def _patience(self) -> float:
        """Return how long the thread may sleep."""
        now = time.monotonic()
        wake = min((chore.due for chore in self._chores), default=now + 60.0)
        wake = min(wake, now + self._limits.linger_seconds)
        if len(self._held):
            ready = self._retry_at if self._held.waiters else self._held.rows_since + self._limits.linger_seconds
            wake = max(ready, self._retry_at)
        return max(wake - now, 0.0001)

    def _take(self, item: _Item) -> None:
        held = self._held
        match item:
            case _Waiter():
                held.waiters.append(item)
                return
            case _Stop():
                self._stopping = True
                return
            case _Begun():
                self.stats.written += 1
                self.live.add(item.id)
                return
        if not len(held.rows):
            held.rows_since = time.monotonic()
        match item:
            case _End():
                self._add_end(held.rows, item.record, item.evidence)
            case _:
                held.rows.opened.append(item)

    def _add_end(self, batch: Batch, record: Closed, evidence: Sequence[Evidence]) -> None:
        batch.closed.append(closed_row(record))
        if evidence:
            digest_only = any(firing.rule == SEALED_RULE for firing in record.verdict.firings)
            batch.evidence.extend(self._keyring.seal(e, digest_only=digest_only).row for e in evidence)

    def _is_due(self) -> bool:
        held, now = self._held, time.monotonic()
        if not len(held) or now < self._retry_at:
            return False
        return (
            bool(held.waiters)
            or len(held) >= self._limits.batch_rows
            or now >= held.rows_since + self._limits.linger_seconds
        )

    def _attempt(self) -> None:
        """Try to commit all that is held."""
        held = self._held
        held.waiters = [waiter for waiter in held.waiters if not waiter.future.done()]
        rows = held.rows
        batch = Batch([*rows.opened, *(w.row for w in held.waiters if w.row)], rows.closed, rows.evidence)
        if not len(batch):
            self._committed(batch)
            return
        try:
            self._sink.commit(batch)
        except StorageError as error:
            self._failed(error)
        else:
            self._committed(batch)

    def _committed(self, batch: Batch) -> None:
        self.stats.written += len(batch)
        self.stats.batches += bool(len(batch))
        self._note_ends(batch)
        _tell(self._held.waiters, None)
        self._held = _Held()
        self._failures, self._retry_at = 0, 0.0

    def _note_ends(self, batch: Batch) -> None:
        self.live.update(str(row[0]) for row in batch.opened)
        self.live.difference_update(str(row[0]) for row in batch.closed)

    def _failed(self, error: StorageError) -> None:
        """Pause, and in the end give up: first on those who wait, then on the store."""
        self._failures += 1
        self.stats.failed += 1
        if self._failures == 1:
            return  # a connection may have gone stale: try at once with a new one
        if self._failures == 2:
            _log.warning("records_not_kept", cause=error.message, held=len(self._held))
        _tell(self._held.waiters, error)
        self._held.waiters = []
        if self._failures >= self._limits.attempts:
            self._spill_held()
        pause = self._limits.backoff_seconds * 2.0 ** min(self._failures - 2, 16)
        self._retry_at = time.monotonic() + min(pause, self._limits.backoff_most_seconds)

    def _spill_held(self) -> None:
        rows, self._held.rows = self._held.rows, Batch()
        self._note_ends(rows)
        self._spill_or_lose(rows)

    def _spill_or_lose(self, rows: Batch) -> None:
        if not len(rows):
            return
        try:
            self._spill.append(rows)
        except StorageError as error:
            self._hold_or_lose(rows, error)
        else:
            self.stats.spilled += len(rows)

    def _hold_or_lose(self, rows: Batch, error: StorageError) -> None:
        """With no disk left, memory is the last place; it is bounded too."""
        if threading.current_thread() is self._thread and not self._stopping and len(rows) < self._limits.queue_rows:
            self._held.rows = rows
            return
        self.stats.lost += len(rows)
        _log.error("records_lost", count=len(rows), cause=error.message)

    def _do_chores(self) -> None:
        now = time.monotonic()
        for chore in self._chores:
            if now >= chore.due:
                chore.due = now + chore.every_seconds
                try:
                    chore.run()
                except StorageError as error:
                    _log.warning("store_chore_failed", chore=chore.name, cause=error.message)

    def _finish(self) -> None:
        self._drain()
        for _ in range(2):
            self._attempt()
        _tell(self._held.waiters, StorageError("The store is closing."))
        self._spill_held()


def _tell(waiters: Sequence[_Waiter], error: StorageError | None) -> None:
    """Wake those who wait, each loop once."""
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.future.get_loop(), []).append(waiter.future)
    for loop, futures in by_loop.items():
        try:
            loop.call_soon_threadsafe(*((_fail, futures, error) if error else (_succeed, futures)))
        except RuntimeError:  # that loop was closed: nobody waits any more
            _log.debug("loop_closed", waiters=len(futures))


def _succeed(futures: Sequence[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


def _fail(futures: Sequence[asyncio.Future[None]], error: StorageError) -> None:
    for future in futures:
        if not future.done():
            future.set_exception(StorageError(error.message, meaning=error.meaning, remedy=error.remedy))
