"""What is known of callers who may be extracting a model, shared by all processes; and the steps taken about them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row

from leeward.domain.ports import Clock, Ids
from leeward.errors import StorageError
from leeward.extraction_watch.steps import StepKind, StepTaken
from leeward.storage.engine import translated, writing
from leeward.storage.rows import names, plain
from leeward.storage.tables import EXTRACTION_STATE, EXTRACTION_STEPS

Name = tuple[str, str]

# Clocks of replicas may differ by so much, and a transaction may take so long.
_SKEW_SECONDS = 30.0
# A step that several processes see in the same moments is kept once.
_SAME_STEP_SECONDS = 600.0
_STATE, _STEPS = EXTRACTION_STATE.c, EXTRACTION_STEPS.c


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What is known of a key, or of a tenant as a whole when `key` is empty.

    Attributes:
        version: Of the row; when it is handed in, the one that `content` goes on from, 0 for none.
        weight: Its strongest evidence, to find suspects by.
        content: Packed by the extraction watch.
    """

    tenant: str
    key: str
    version: int
    weight: float
    content: bytes


@dataclass(frozen=True, slots=True)
class Exchanged:
    """What came of sharing.

    Attributes:
        lifts: What persons have lifted and this process had not heard of, by the id of the lift.
        kept: Versions of the states that were written.
        newer: States that others wrote and that must be joined before they can be written.
    """

    lifts: Mapping[str, Name]
    kept: Mapping[Name, int]
    newer: tuple[State, ...]


class SqlSuspicions:
    """States and steps in a database; a state is written only by who knows its newest version."""

    def __init__(self, engine: Engine, clock: Clock, ids: Ids) -> None:
        self._engine = engine
        self._clock = clock
        self._ids = ids

    def share(
        self, states: Sequence[State], held: Mapping[Name, int], since: float, heard: Collection[str] = ()
    ) -> Exchanged:
        """Write states, and return what others wrote and lifted since.

        Args:
            states: Of callers; one that another process has written since is not written and comes back as newer.
            held: Versions of all states that this process knows; others' news of these only are returned.
            since: When this was done last, in seconds since the epoch.
            heard: Ids of lifts that this process knows; what is known of the others' callers is not written.

        Raises:
            StorageError: If the store cannot be used; nothing was written then.
        """
        now = self._clock.now()
        # Most rounds only read: nobody has to wait for them.
        opened = writing(self._engine) if states else self._engine.connect()
        with translated(self._engine, "sharing what is known of callers"), opened as connection:
            lifts = self._lifts(connection, since - _SKEW_SECONDS, heard)
            lifted = set(lifts.values())
            kept = {}
            # In one order everywhere, so that two processes never wait for each other.
            for state in sorted(states, key=lambda s: (s.tenant, s.key)):
                name = state.tenant, state.key
                if name not in lifted and self._write(connection, state, now):
                    kept[name] = state.version + 1
            asked = {(s.tenant, s.key) for s in states} - kept.keys() - lifted
            newer = self._newer(connection, asked, {**held, **kept}, since - _SKEW_SECONDS)
        return Exchanged(lifts, kept, newer)

    def _write(self, connection: Connection, state: State, now: float) -> bool:
        values = {"version": state.version + 1, "updated_at": now, "weight": state.weight, "content": state.content}
        if state.version == 0:
            insert = (postgresql if self._engine.dialect.name == "postgresql" else sqlite).insert(EXTRACTION_STATE)
            statement = insert.values(tenant=state.tenant, key=state.key, **values).on_conflict_do_nothing()
            return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount > 0
        this = sa.and_(_STATE.tenant == state.tenant, _STATE.key == state.key, _STATE.version == state.version)
        return connection.execute(sa.update(EXTRACTION_STATE).where(this).values(values)).rowcount > 0

    def _lifts(self, connection: Connection, since: float, heard: Collection[str]) -> dict[str, Name]:
        lifts = sa.select(_STEPS.id, _STEPS.tenant, _STEPS.key).where(
            _STEPS.kind == StepKind.LIFT.value, _STEPS.at >= since
        )
        return {row.id: (row.tenant, row.key) for row in connection.execute(lifts) if row.id not in heard}

    def _newer(
        self, connection: Connection, asked: Collection[Name], held: Mapping[Name, int], since: float
    ) -> tuple[State, ...]:
        changed = sa.select(_STATE.tenant, _STATE.key, _STATE.version).where(_STATE.updated_at >= since)
        wanted = set(asked)
        wanted.update(
            (row.tenant, row.key)
            for row in connection.execute(changed)
            if row.version > held.get((row.tenant, row.key), row.version)
        )
        if not wanted:
            return ()
        rows = connection.execute(_states().where(sa.tuple_(_STATE.tenant, _STATE.key).in_(sorted(wanted))))
        return tuple(_state(row) for row in rows)

    def heaviest(self, most: int, least_weight: float = 0.0) -> tuple[State, ...]:
        """Return the states with the strongest evidence, the strongest first.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = _states().where(_STATE.weight >= least_weight).order_by(_STATE.weight.desc()).limit(most)
        with translated(self._engine, "reading what is known of callers"), self._engine.connect() as connection:
            return tuple(_state(row) for row in connection.execute(statement))

    def find(self, tenant: str | None, key: str) -> tuple[State, ...]:
        """Return the states of a key, in every tenant when `tenant` is None.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = _states().where(_STATE.key == key)
        if tenant is not None:
            statement = statement.where(_STATE.tenant == tenant)
        with translated(self._engine, "looking up a caller"), self._engine.connect() as connection:
            return tuple(_state(row) for row in connection.execute(statement.order_by(_STATE.tenant)))

    def keep_steps(self, steps: Sequence[StepTaken]) -> int:
        """Keep steps, those once that several processes saw in the same moments; return how many were new.

        Raises:
            StorageError: If they cannot be kept; none is then.
        """
        count = 0
        with translated(self._engine, "keeping steps"), writing(self._engine) as connection:
            for step in steps:
                if not self._is_kept(connection, step):
                    self._insert(connection, step)
                    count += 1
        return count

    def _is_kept(self, connection: Connection, step: StepTaken) -> bool:
        """Whether another process has kept it, and nobody lifted the suspicion in between."""
        latest = (
            sa.select(_STEPS.kind)
            .where(
                _STEPS.tenant == plain(step.tenant),
                _STEPS.key == plain(step.key),
                _STEPS.kind.in_((step.kind.value, StepKind.LIFT.value)),
                _STEPS.at > step.at - _SAME_STEP_SECONDS,
            )
            .order_by(_STEPS.at.desc())
            .limit(1)
        )
        return connection.scalar(latest) == step.kind.value

    def _insert(self, connection: Connection, step: StepTaken) -> None:
        row = {
            "id": self._ids.new(),
            "at": step.at,
            "tenant": plain(step.tenant),
            "key": plain(step.key),
            "kind": step.kind.value,
            "hazard": step.hazard,
            "probability": step.probability,
            "evidence": msgspec.json.encode(list(step.evidence)).decode(),
            "actor": plain(step.actor),
            "reason": plain(step.reason),
        }
        connection.execute(sa.insert(EXTRACTION_STEPS).values(row))

    def steps(self, limit: int, tenant: str | None = None, key: str | None = None) -> tuple[StepTaken, ...]:
        """Return the newest steps, newest first, of one tenant or key when given.

        Raises:
            StorageError: If they cannot be read.
        """
        statement = sa.select(EXTRACTION_STEPS).order_by(_STEPS.at.desc(), _STEPS.id.desc()).limit(limit)
        if tenant is not None:
            statement = statement.where(_STEPS.tenant == tenant)
        if key is not None:
            statement = statement.where(_STEPS.key == key)
        with translated(self._engine, "reading steps"), self._engine.connect() as connection:
            return tuple(_step(row) for row in connection.execute(statement))

    def lift(self, callers: Sequence[Name], *, actor: str, reason: str) -> None:
        """End the suspicion of callers: what is known of them goes, and the lift is kept with who and why.

        Every process forgets them at its next sharing.

        Raises:
            StorageError: If it cannot be kept; then nothing was lifted.
        """
        if not actor or not reason:
            raise StorageError("A lift names who decided and why.", remedy="Give --reason, and --by if need be.")
        now = self._clock.now()
        with translated(self._engine, "lifting a suspicion"), writing(self._engine) as connection:
            for tenant, key in callers:
                lift = StepTaken(at=now, tenant=tenant, key=key, kind=StepKind.LIFT, actor=actor, reason=reason)
                self._insert(connection, lift)
                this = sa.and_(_STATE.tenant == tenant, _STATE.key == key)
                connection.execute(sa.delete(EXTRACTION_STATE).where(this))

    def prune(self, before: float, most: int) -> int:
        """Forget callers that were not seen since `before`, and the longest unseen beyond `most`; return how many.

        Raises:
            StorageError: If the store cannot be written.
        """
        with translated(self._engine, "forgetting callers"), writing(self._engine) as connection:
            beyond = sa.select(_STATE.updated_at).order_by(_STATE.updated_at.desc()).offset(most).limit(1)
            oldest = max(before, connection.scalar(beyond) or before)
            old = sa.delete(EXTRACTION_STATE).where(_STATE.updated_at <= oldest)
            return connection.execute(old).rowcount


def _states() -> sa.Select[str, str, int, float, bytes]:
    return sa.select(_STATE.tenant, _STATE.key, _STATE.version, _STATE.weight, _STATE.content)


def _state(row: Row[str, str, int, float, bytes]) -> State:
    tenant, key, version, weight, content = row
    return State(tenant=tenant, key=key, version=version, weight=weight, content=content)


def _step(row: Row[tuple[object, ...]]) -> StepTaken:
    told = row._mapping
    return StepTaken(
        at=told["at"],
        tenant=told["tenant"],
        key=told["key"],
        kind=StepKind(told["kind"]),
        hazard=told["hazard"],
        probability=told["probability"],
        evidence=tuple(names(told["evidence"])),
        actor=told["actor"],
        reason=told["reason"],
    )
