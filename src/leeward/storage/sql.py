"""The store in SQLite or PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import sqlalchemy as sa
import structlog

from leeward.domain.disposition import Disposition
from leeward.domain.ports import Clock, RecordLine
from leeward.domain.record import Closed, Evidence, Opened
from leeward.errors import StorageError
from leeward.storage.engine import Synchronous, database_path, make_engine, translated
from leeward.storage.evidence import Keyring
from leeward.storage.ids import floor_id
from leeward.storage.keys import SqlKeys
from leeward.storage.quick import QuickOpener, QuickSqlite
from leeward.storage.rows import names, record_line
from leeward.storage.sink import SqlSink, insert_opened
from leeward.storage.spill import Spill
from leeward.storage.tables import CLOSED, OPENED, UNFINISHED
from leeward.storage.vault import SqlVault
from leeward.storage.workers import HEARTBEAT_SECONDS, Workers
from leeward.storage.writer import Chore, Writer, WriterLimits, WriterStats

_log = structlog.get_logger("leeward.storage")
_JOINED = (
    sa.select(
        *OPENED.columns,
        *(column.label(f"closed_{column.name}") for column in CLOSED.columns if column.name != "id"),
        UNFINISHED.c.at.label("unfinished_at"),
    )
    .select_from(
        OPENED.outerjoin(CLOSED, CLOSED.c.id == OPENED.c.id).outerjoin(UNFINISHED, UNFINISHED.c.id == OPENED.c.id)
    )
    .order_by(OPENED.c.id.desc())
)


@dataclass(frozen=True, slots=True)
class Counts:
    """How many exchanges ended how.

    Attributes:
        exchanges: All that have ended.
        dispositions: By disposition; every disposition has an entry.
        rules: By rule that fired; an exchange counts once for each of its rules.
    """

    exchanges: int
    dispositions: Mapping[Disposition, int]
    rules: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreOptions:
    """How the store works.

    Attributes:
        spill_folder: Where the spill file goes; None means beside the SQLite file, or the working folder.
        dead_after_seconds: Silence after which another process counts as dead.
    """

    synchronous: Synchronous = Synchronous.NORMAL
    spill_folder: Path | None = None
    limits: WriterLimits = field(default_factory=WriterLimits)
    dead_after_seconds: float = 120.0


class SqlStore:
    """Keeps records, keys and evidence; `migrate` must have run.

    Args:
        url: `sqlite:///file` or `postgresql://…`.
        worker: Id of this process, fresh at each start.
        keyring: Encrypts evidence.
    """

    def __init__(
        self, url: str, *, clock: Clock, worker: str, keyring: Keyring, options: StoreOptions | None = None
    ) -> None:
        options = options or StoreOptions()
        self._clock = clock
        self.engine = make_engine(url, synchronous=options.synchronous)
        self.keys = SqlKeys(self.engine, clock)
        self.vault = SqlVault(self.engine, keyring, clock)
        self.spill = Spill(_spill_folder(self.engine.url, options))
        self._workers = Workers(self.engine, clock, worker, dead_after_seconds=options.dead_after_seconds)
        self._writer = Writer(
            SqlSink(self.engine),
            self.spill,
            keyring,
            worker=worker,
            limits=options.limits,
            chores=self._chores(),
            quick=self._quick(options.synchronous),
        )

    def _quick(self, synchronous: Synchronous) -> QuickOpener | None:
        path = database_path(self.engine.url)
        if path is None or synchronous is not Synchronous.NORMAL:
            return None
        return QuickSqlite(path, insert_opened("sqlite"))

    def _chores(self) -> Sequence[Chore]:
        return (
            Chore("heartbeat", self._beat, HEARTBEAT_SECONDS),
            Chore("replay", self._replay, HEARTBEAT_SECONDS),
            Chore("recovery", self._recover, 60.0),
            Chore("retention", lambda: _note("evidence_erased", self.vault.purge(self._clock.now())), 3_600.0),
        )

    def start(self) -> None:
        """Announce this process, write what an earlier one spilled, close what a dead one left open, begin to write.

        Raises:
            StorageError: If the store cannot be used; the gateway must not start.
        """
        self._beat()
        self._replay()
        self._recover()
        self._writer.start()

    def close(self) -> None:
        """Keep or spill all that waits, and leave."""
        self._writer.close()
        try:
            self._workers.leave(self._writer.live)
        except StorageError as error:  # others will find out by the missing heartbeat
            _log.warning("store_left_in_silence", cause=error.message)
        self.engine.dispose()

    def _beat(self) -> None:
        self._workers.beat(self._writer.live)

    def _recover(self) -> None:
        _note("exchanges_unfinished", self.recover())

    def _replay(self) -> None:
        if self.spill.is_empty:
            return
        sink = SqlSink(self.engine)
        try:
            _note("spill_replayed", self.spill.replay(sink))
        finally:
            sink.close()

    def recover(self) -> int:
        """Close what dead processes left open, as unfinished, and return how many.

        Raises:
            StorageError: If the store cannot be written.
        """
        return self._workers.recover()

    @property
    def stats(self) -> WriterStats:
        """Counts of the writer since the start."""
        return self._writer.stats

    async def open_record(self, record: Opened) -> None:
        """Return when the record is committed.

        Raises:
            StorageError: If it is not, within the deadline. Close the record nevertheless.
        """
        await self._writer.open_record(record)

    async def flush(self) -> None:
        """Return when all that was opened or closed before is kept.

        Raises:
            StorageError: If it is not within the deadline.
        """
        await self._writer.flush()

    def close_record(self, record: Closed, evidence: Sequence[Evidence] = ()) -> None:
        """Queue the end of an exchange; it is kept within a moment, or spilled to a file that is written later."""
        self._writer.close_record(record, evidence)

    def latest(self, limit: int, before: str = "") -> tuple[RecordLine, ...]:
        """Return the newest records, newest first, older than id `before` when given.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = _JOINED.limit(limit)
        if before:
            statement = statement.where(OPENED.c.id < before)
        with translated(self.engine, "reading records"), self.engine.connect() as connection:
            return tuple(record_line(row) for row in connection.execute(statement).mappings())

    def find(self, record_id: str) -> RecordLine | None:
        """Return one record, or None.

        Raises:
            StorageError: If it cannot be read.
        """
        with translated(self.engine, "reading a record"), self.engine.connect() as connection:
            row = connection.execute(_JOINED.where(OPENED.c.id == record_id)).mappings().one_or_none()
        return record_line(row) if row else None

    def counts_since(self, since: float) -> Counts:
        """Return counts over the exchanges that began at `since` or later and have ended.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = (
            sa.select(CLOSED.c.disposition, CLOSED.c.rules, sa.func.count())
            .where(CLOSED.c.id >= floor_id(since))
            .group_by(CLOSED.c.disposition, CLOSED.c.rules)
        )
        with translated(self.engine, "counting records"), self.engine.connect() as connection:
            groups = connection.execute(statement).all()
        return tally((Disposition(word), names(rules), count) for word, rules, count in groups)


def tally(groups: Iterable[tuple[Disposition, Sequence[str], int]]) -> Counts:
    """Return the counts of groups of exchanges that share a disposition and a list of rules."""
    exchanges, dispositions, rules = 0, dict.fromkeys(Disposition, 0), dict[str, int]()
    for disposition, fired, count in groups:
        exchanges += count
        dispositions[disposition] += count
        for rule in fired:
            rules[rule] = rules.get(rule, 0) + count
    return Counts(exchanges, MappingProxyType(dispositions), MappingProxyType(rules))


def _spill_folder(url: sa.URL, options: StoreOptions) -> Path:
    path = database_path(url)
    return options.spill_folder or (path.parent if path else Path.cwd())


def _note(event: str, count: int) -> None:
    if count:
        _log.info(event, count=count)
