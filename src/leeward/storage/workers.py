"""Which processes are alive, and what dead ones left open."""

from __future__ import annotations

from collections.abc import Callable, Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from leeward.domain.ports import Clock
from leeward.storage.engine import translated, writing
from leeward.storage.ids import floor_id
from leeward.storage.tables import CLOSED, OPENED, UNFINISHED, WORKERS

HEARTBEAT_SECONDS = 5.0
# Ids are made when a request arrives and written after its prompt was judged; none takes longer than this.
_ID_LAG_SECONDS = 600.0


class Workers:
    """Tells the living from the dead by heartbeats in the database.

    Args:
        worker: Id of this process, fresh at each start.
        dead_after_seconds: Silence after which a process counts as dead. Longer than any pause of a live one:
            a machine that sleeps, a database that is away.
    """

    def __init__(self, engine: Engine, clock: Clock, worker: str, *, dead_after_seconds: float = 120.0) -> None:
        self._engine = engine
        self._clock = clock
        self._worker = worker
        self._dead_after_seconds = dead_after_seconds

    def beat(self, live: Collection[str]) -> None:
        """Say that this process is alive and which of its exchanges is the oldest still open.

        Raises:
            StorageError: If the store cannot be written.
        """
        now = self._clock.now()
        oldest = min((*live, floor_id(now - _ID_LAG_SECONDS)))
        values: dict[str, str | float] = {"id": self._worker, "heartbeat_at": now, "oldest_open": oldest}
        with translated(self._engine, "saying that this process is alive"), writing(self._engine) as connection:
            connection.execute(_upsert(self._engine.dialect.name, values))

    def recover(self) -> int:
        """Close what dead processes left open, as unfinished; exchanges of live ones are not touched.

        Returns:
            How many exchanges were closed.

        Raises:
            StorageError: If the store cannot be written.
        """
        now = self._clock.now()
        with translated(self._engine, "closing unfinished exchanges"), writing(self._engine) as connection:
            dead = connection.execute(
                sa.select(WORKERS.c.id, WORKERS.c.oldest_open).where(
                    WORKERS.c.heartbeat_at < now - self._dead_after_seconds, WORKERS.c.id != self._worker
                )
            ).all()
            return sum(self._bury(connection, worker, oldest, now) for worker, oldest in dead)

    def leave(self, live: Collection[str]) -> None:
        """End this process: what it still has open is closed as unfinished.

        Raises:
            StorageError: If the store cannot be written.
        """
        now = self._clock.now()
        oldest = min((*live, floor_id(now - _ID_LAG_SECONDS)))
        with translated(self._engine, "leaving"), writing(self._engine) as connection:
            self._bury(connection, self._worker, oldest, now)

    def _bury(self, connection: Connection, worker: str, oldest: str, now: float) -> int:
        left_open = (
            sa.select(OPENED.c.id, sa.literal(now, sa.Double))
            .where(OPENED.c.worker == worker, OPENED.c.id >= oldest)
            .where(~sa.exists().where(CLOSED.c.id == OPENED.c.id))
        )
        insert = _insert(self._engine.dialect.name)(UNFINISHED).from_select(["id", "at"], left_open)
        closed = connection.execute(
            insert.on_conflict_do_nothing(), execution_options={"preserve_rowcount": True}
        ).rowcount
        connection.execute(sa.delete(WORKERS).where(WORKERS.c.id == worker))
        return closed


_Insert = sqlite.Insert | postgresql.Insert


def _insert(dialect: str) -> Callable[[sa.Table], _Insert]:
    return postgresql.insert if dialect == "postgresql" else sqlite.insert


def _upsert(dialect: str, values: dict[str, str | float]) -> _Insert:
    insert = _insert(dialect)(WORKERS).values(values)
    changed = {name: insert.excluded[name] for name in ("heartbeat_at", "oldest_open")}
    return insert.on_conflict_do_update(index_elements=["id"], set_=changed)
