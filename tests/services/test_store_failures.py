"""What the store does when the database fails; every failure is a real one."""

from __future__ import annotations

import asyncio
import hashlib
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa

from leeward.domain.record import Evidence, Outcome
from leeward.errors import StorageError
from leeward.storage.sql import SqlStore
from patience import PATIENCE_SECONDS, until
from services_fixtures import (
    PATIENT,
    START,
    Exchanges,
    MakeStore,
    PostgresServer,
    SetClock,
    blocked,
    firing,
    run_postgres,
)

# Errors are told soon; only a database that hangs is waited for.
HASTY = replace(PATIENT, backoff_seconds=0.005, backoff_most_seconds=0.01, attempts=3)


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    return tmp_path / "records.db"


@pytest.fixture
def sqlite_store(sqlite_file: Path, make_store: MakeStore) -> Iterator[SqlStore]:
    store = make_store(f"sqlite:///{sqlite_file}", limits=HASTY)
    store.start()
    yield store
    store.close()


def outcomes(store: SqlStore) -> dict[str, Outcome | None]:
    return {line.opened.id: line.closed.outcome if line.closed else None for line in store.latest(10_000)}


async def test_a_locked_database_refuses_exchanges_in_time_and_keeps_both_ends_later(
    sqlite_file: Path, make_store: MakeStore, exchanges: Exchanges
) -> None:
    before, during = exchanges.opened(), exchanges.opened()
    sqlite_store = make_store(f"sqlite:///{sqlite_file}", limits=replace(HASTY, open_seconds=1.0))
    sqlite_store.start()
    await sqlite_store.open_record(before)
    other = sqlite3.connect(sqlite_file, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")

    with pytest.raises(StorageError, match="not kept in time"):
        await sqlite_store.open_record(during)
    sqlite_store.close_record(exchanges.closed(before))
    sqlite_store.close_record(exchanges.closed(during, outcome=Outcome.CRASHED))
    other.execute("ROLLBACK")
    other.close()

    await until(lambda: outcomes(sqlite_store).get(during.id) is Outcome.CRASHED)
    kept = outcomes(sqlite_store)
    sqlite_store.close()

    assert kept == {before.id: Outcome.ANSWERED, during.id: Outcome.CRASHED}


async def test_a_full_disk_is_named_and_what_ended_meanwhile_follows_when_there_is_room(
    sqlite_file: Path, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(f"sqlite:///{sqlite_file}", limits=HASTY)
    most_pages = [sqlite_file.stat().st_size // 4096]

    @sa.event.listens_for(store.engine, "connect")
    def limit(connection: sqlite3.Connection, record: object) -> None:
        connection.execute(f"PRAGMA max_page_count = {most_pages[0]}")

    store.engine.dispose()
    store.start()
    kept, cause = [], ""
    while not cause:  # the last pages have some room yet
        opened = exchanges.opened()
        try:
            await store.open_record(opened)
            kept.append(opened.id)
        except StorageError as error:
            cause = error.message
        store.close_record(exchanges.closed(opened))
    await until(lambda: store.stats.spilled > 0)
    most_pages[0] = 1_000_000
    store.close()
    second = make_store(f"sqlite:///{sqlite_file}", worker="W2")
    second.start()
    second.close()

    assert "full" in cause
    assert outcomes(second) == dict.fromkeys([*kept, opened.id], Outcome.ANSWERED)


async def test_a_removed_database_is_noticed_and_nothing_is_written_into_the_void(
    sqlite_file: Path, sqlite_store: SqlStore, exchanges: Exchanges
) -> None:
    opened = exchanges.opened()
    await sqlite_store.open_record(opened)
    sqlite_file.unlink()

    with pytest.raises(StorageError):
        await sqlite_store.open_record(exchanges.opened())
    sqlite_store.close_record(exchanges.closed(opened))

    await until(lambda: not sqlite_store.spill.is_empty)
    assert opened.id in sqlite_store.spill.path.read_text()
    assert not sqlite_file.exists()


async def test_a_damaged_database_is_named(sqlite_file: Path, make_store: MakeStore, exchanges: Exchanges) -> None:
    store = make_store(f"sqlite:///{sqlite_file}", limits=HASTY)
    store.engine.dispose()
    for path in (sqlite_file, sqlite_file.with_name("records.db-wal")):
        path.write_bytes(b"not a database at all" * 1_000)

    with pytest.raises(StorageError, match="not a database") as caught:
        store.start()

    assert "backup" in caught.value.diagnostics()


async def test_an_overflowing_queue_spills_and_the_next_start_writes_it(
    database_url: str, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(database_url, limits=replace(PATIENT, queue_rows=0))
    opened = exchanges.opened()
    evidence = Evidence(id=opened.id, kept_until=START + 9, content=b"CANARY", rule="RULE-MIST-001")
    store.start()

    with pytest.raises(StorageError, match="takes no records now"):
        await store.open_record(opened)
    store.close_record(exchanges.closed(opened, blocked(firing())), [evidence])
    spilled = store.spill.path.read_bytes()
    store.close()
    second = make_store(database_url, worker="W2")
    second.start()
    second.close()

    assert store.stats.spilled == 3
    assert b"CANARY" not in spilled
    assert outcomes(second) == {opened.id: Outcome.ANSWERED}
    assert [e.content for e in second.vault.read(opened.id)] == [b"CANARY"]
    assert second.spill.is_empty


async def test_closing_the_store_keeps_all_that_waits(
    database_url: str, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(database_url, limits=replace(PATIENT, linger_seconds=2 * PATIENCE_SECONDS))
    store.start()
    records = [exchanges.opened() for _ in range(50)]
    await asyncio.gather(*(store.open_record(record) for record in records))

    for record in records:
        store.close_record(exchanges.closed(record))
    store.close()

    assert outcomes(store) == {record.id: Outcome.ANSWERED for record in records}
    assert store.stats.lost == 0


_CRASH = """
import asyncio, os, sys
from leeward.domain.record import Opened
from leeward.storage.evidence import Keyring
from leeward.storage.sql import SqlStore
from pathlib import Path
from leeward.storage.sql import StoreOptions

class Clock:
    def now(self): return float(sys.argv[3])

store = SqlStore(sys.argv[1], clock=Clock(), worker="DEAD", keyring=Keyring((bytes(32),)),
                 options=StoreOptions(spill_folder=Path(sys.argv[4])))
store.start()
opened = Opened(id=sys.argv[2], at=Clock().now(), endpoint="chat.completions", model="m", tenant="t", key="",
                end_user="", ruleset_name="r", ruleset="d", is_stream=True)
asyncio.run(store.open_record(opened))
os._exit(9)
"""


async def test_what_a_dead_process_left_open_is_closed_as_unfinished_and_live_exchanges_are_not(
    database_url: str, make_store: MakeStore, exchanges: Exchanges, clock: SetClock, tmp_path: Path
) -> None:
    store = make_store(database_url, dead_after_seconds=120.0)
    store.start()
    mine, theirs = exchanges.opened(), exchanges.opened()
    await store.open_record(mine)
    arguments = [database_url, theirs.id, str(START), str(tmp_path)]
    crashed = subprocess.run([sys.executable, "-c", _CRASH, *arguments], check=False, timeout=PATIENCE_SECONDS)

    await _first_round(store)  # its own looking for the dead is over
    too_early = store.recover()
    clock.seconds += 121
    recovered = store.recover()
    again = store.recover()
    seen = outcomes(store)
    store.close()

    assert crashed.returncode == 9
    assert (too_early, recovered, again) == (0, 1, 0)
    assert seen == {theirs.id: Outcome.UNFINISHED, mine.id: None}


async def _first_round(store: SqlStore) -> None:
    """Return when the writer's thread has been round once, chores and all."""
    for _ in range(2):
        await store.flush()


async def test_a_late_end_wins_over_unfinished(
    database_url: str, make_store: MakeStore, exchanges: Exchanges, clock: SetClock
) -> None:
    # To others it is silent, since its clock stands: whenever its thread gives a sign of life, that is of long ago.
    slow = make_store(database_url, worker="SLOW", clock=SetClock())
    other = make_store(database_url, worker="OTHER")
    slow.start()
    opened = exchanges.opened()
    await slow.open_record(opened)
    clock.seconds += 1_000
    other.start()
    thought_dead = outcomes(other)

    slow.close_record(exchanges.closed(opened))
    slow.close()
    seen = outcomes(other)
    other.close()

    assert (thought_dead, seen) == ({opened.id: Outcome.UNFINISHED}, {opened.id: Outcome.ANSWERED})


async def test_an_exchange_that_outlives_its_store_is_unfinished(
    database_url: str, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(database_url)
    store.start()
    opened = exchanges.opened()
    await store.open_record(opened)

    store.close()

    assert outcomes(store) == {opened.id: Outcome.UNFINISHED}


_WRITE = """
import asyncio, sys
from pathlib import Path
from leeward.domain.record import Closed, Opened, Outcome
from leeward.domain.verdict import CLEAR
from leeward.storage.evidence import Keyring
from leeward.storage.schema import migrate
from leeward.storage.sql import SqlStore, StoreOptions
from leeward.storage.writer import WriterLimits

url, name, count, folder = sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4])

class Clock:
    def now(self): return 1_800_000_000.0

migrate(url)
store = SqlStore(url, clock=Clock(), worker=name, keyring=Keyring((bytes(32),)),
                 options=StoreOptions(spill_folder=folder, limits=WriterLimits(open_seconds=300)))

async def one(number):
    i = f"01K{name}{number:022}"
    await store.open_record(Opened(id=i, at=1.0, endpoint="e", model="m", tenant="t", key="", end_user="",
                                   ruleset_name="r", ruleset="d", is_stream=False))
    store.close_record(Closed(id=i, at=2.0, outcome=Outcome.ANSWERED, verdict=CLEAR))

async def main():
    for start in range(0, count, 20):
        await asyncio.gather(*(one(n) for n in range(start, start + 20)))

store.start()
asyncio.run(main())
store.close()
sys.exit(store.stats.lost + store.stats.refused)
"""


def test_several_processes_may_start_and_write_at_once(
    database_url: str, make_store: MakeStore, tmp_path: Path
) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", _WRITE, database_url, name, "200", str(tmp_path)]) for name in "ABC"
    ]
    codes = [writer.wait(PATIENCE_SECONDS) for writer in writers]

    store = make_store(database_url, worker="READER")
    seen = outcomes(store)
    assert codes == [0, 0, 0]
    assert len(seen) == 600
    assert set(seen.values()) == {Outcome.ANSWERED}


@pytest.fixture(scope="module")
def fragile() -> Iterator[PostgresServer]:
    """A server that may be stopped without hurting other tests."""
    with run_postgres() as server:
        yield server


async def test_postgresql_may_crash_and_come_back(
    fragile: PostgresServer, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(fragile.database(), limits=HASTY)
    store.start()
    before, during, after = exchanges.opened(), exchanges.opened(), exchanges.opened()
    await store.open_record(before)

    fragile.stop_hard()
    with pytest.raises(StorageError):
        await store.open_record(during)
    store.close_record(exchanges.closed(before))
    await until(lambda: store.stats.spilled > 0)
    fragile.start()
    await until(lambda: _takes(store))
    await store.open_record(after)
    store.close_record(exchanges.closed(after))
    store.close()
    second = make_store(str(store.engine.url), worker="W2")
    second.start()
    seen = outcomes(second)
    second.close()

    assert seen == {before.id: Outcome.ANSWERED, after.id: Outcome.ANSWERED}


def _takes(store: SqlStore) -> bool:
    try:
        store.latest(1)
    except StorageError:
        return False
    return True


async def test_a_connection_that_the_server_cut_is_replaced_without_a_refusal(
    postgres: PostgresServer, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(postgres.database())
    store.start()
    await store.open_record(exchanges.opened())
    with store.engine.begin() as connection:
        connection.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = current_user AND pid <> pg_backend_pid()"
            )
        )

    await store.open_record(exchanges.opened())
    store.close()

    assert (store.stats.written, store.stats.refused) == (2, 0)


async def test_a_key_revoked_by_another_worker_stops_within_two_seconds(
    database_url: str, make_store: MakeStore, clock: SetClock
) -> None:
    one, other = make_store(database_url, worker="W1"), make_store(database_url, worker="W2")
    key = one.keys.create("acme")
    secret = hashlib.sha256(key.secret.encode()).digest()
    known = other.keys.caller_of(secret)

    one.keys.revoke(key.public_id)
    clock.seconds += 2.0

    assert known is not None
    assert other.keys.caller_of(secret) is None


async def test_a_key_is_remembered_for_a_moment_without_asking_the_database(
    sqlite_file: Path, make_store: MakeStore, clock: SetClock
) -> None:
    store = make_store(f"sqlite:///{sqlite_file}")
    key = store.keys.create("acme")
    secret = hashlib.sha256(key.secret.encode()).digest()
    known = store.keys.caller_of(secret)
    sqlite_file.unlink()
    clock.seconds += 1.9

    remembered = store.keys.caller_of(secret)
    clock.seconds += 0.2

    assert remembered == known is not None
    with pytest.raises(StorageError, match="looking up a key"):
        store.keys.caller_of(secret)


async def test_erased_text_is_on_no_page_of_the_files(
    sqlite_file: Path, make_store: MakeStore, exchanges: Exchanges
) -> None:
    store = make_store(f"sqlite:///{sqlite_file}")
    store.start()
    opened = exchanges.opened()
    await store.open_record(opened)
    piece = Evidence(id=opened.id, kept_until=START, content=b"x" * 3_000, rule="RULE-MIST-001")
    store.close_record(exchanges.closed(opened, blocked(firing())), [piece])
    store.close()
    (sealed,) = store.vault.sealed(opened.id)
    assert sealed.ciphertext is not None
    assert sealed.ciphertext in _files(sqlite_file)

    store.vault.erase(opened.id)

    assert sealed.ciphertext[:64] not in _files(sqlite_file)


def _files(database: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(database.parent.glob(database.name + "*")))
