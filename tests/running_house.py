"""A whole gateway in this process, behind a real socket or called directly, before a scripted model server."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import uvicorn

from leeward.config.tree import EvidenceTable, InspectionTable, Rules, Settings, Store, UpstreamTable
from leeward.detectors.patterns import InlinePatternDetector
from leeward.detectors.registry import known_infos, open_detectors
from leeward.domain.ports import Detector
from leeward.domain.record import Closed
from leeward.gateway.front import Gateway
from leeward.gateway.upstream.client import UpstreamClient
from leeward.inspection.inspector import Inspector
from leeward.inspection.judge import Judge
from leeward.policy.book import RulesetBook
from leeward.policy.live import read_book
from leeward.policy.reading import Source
from leeward.storage import Keyring, SqlStore, StoreOptions, WriterLimits, migrate
from leeward.wiring.clock import SystemClock
from leeward.wiring.house import House
from leeward.wiring.http import PunctualProtocol
from leeward.wiring.rules import inspection_settings
from patience import PATIENCE_SECONDS, until
from tiny_rules import Spotter, by_id, rule, ruleset

MARKER = "zzquaffle"
QUICK = WriterLimits(
    linger_seconds=0.002, open_seconds=PATIENCE_SECONDS, backoff_seconds=0.005, backoff_most_seconds=0.01, attempts=3
)
HASTY = replace(QUICK, open_seconds=0.2)
_TOP = """
name = "house"
version = "1.0.0"
extends = "mistral-v1"

[relax.RULE-MIST-010]
reason = "The tests of one run look like one busy caller."
dry_run = true

[relax.RULE-MIST-003]
reason = "Tests name their models as they like."
dry_run = true
hazards = ["licence.unknown"]
"""
HOUSE_RULES = f"""
[[rule]]
id = "HOUSE-001"
name = "Code names"
trigger = "A code name is spoken."
stages = ["prompt", "reply"]
disposition = "block"
duties = ["log"]
on_failure = "block"
[rule.patterns]
literals = ["{MARKER}"]
"""


@cache
def _builtin() -> Mapping[str, Detector]:
    return open_detectors(known_infos())


@cache
def _threads() -> Executor:
    return ThreadPoolExecutor(max_workers=4, thread_name_prefix="test-detector")


@cache
def inspector(rules: str = HOUSE_RULES, detectors: tuple[Detector, ...] = ()) -> Inspector:
    """Return the inspector of the protocol with further rules and detectors."""
    mine = {detector.info.id: detector for detector in detectors}
    known = {**known_infos(), **{name: detector.info for name, detector in mine.items()}}
    book = read_book([Source(name="house.toml", text=_TOP + rules)], known=known, default="house")
    assert isinstance(book, RulesetBook), str(book)
    for patterns in book.patterns:
        mine[patterns.id] = InlinePatternDetector(patterns)
        mine[patterns.id].open()
    judge = Judge(book.default, {**_builtin(), **mine}, _threads())
    return Inspector(judge, inspection_settings(InspectionTable()), bytes(32))


@cache
def light_inspector() -> Inspector:
    """Return one that looks for the marker alone: megabytes pass it in a moment, as tests of the transport want."""
    judge = Judge(ruleset(rule("HOUSE-001", {MARKER: 0.5})), by_id(Spotter(words={MARKER: 1.0})), _threads())
    return Inspector(judge, inspection_settings(InspectionTable()), bytes(32))


@dataclass(frozen=True, slots=True)
class OneForAll:
    """Says that one ruleset judges everything."""

    inspector: Inspector

    def inspector_for(self, tenant: str, model: str, endpoint: str) -> Inspector:
        return self.inspector

    @property
    def moderation(self) -> Inspector:
        return self.inspector


@dataclass(slots=True)
class Reply:
    """What came back over the wire, to the end of the connection."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def events(self) -> list[Any]:
        """Data of a stream's events; `[DONE]` as a string."""
        lines = [line[6:] for line in self.body.decode().splitlines() if line.startswith("data: ")]
        return [line if line == "[DONE]" else json.loads(line) for line in lines]

    @property
    def text(self) -> str:
        """The first choice's content, streamed or whole."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            return str(self.json()["choices"][0]["message"]["content"])
        choices = [c for e in self.events if e != "[DONE]" for c in e["choices"]]
        return "".join(c["delta"].get("content") or "" for c in choices)

    @property
    def leeward(self) -> dict[str, Any]:
        """The object that explains the decision, from wherever it stands."""
        if not self.headers["content-type"].startswith("text/event-stream"):
            return dict(self.json()["leeward"])
        return next(dict(e["leeward"]) for e in self.events if "leeward" in e)

    @property
    def finish_reason(self) -> str:
        if not self.headers["content-type"].startswith("text/event-stream"):
            return str(self.json()["choices"][0]["finish_reason"])
        return next(str(c["finish_reason"]) for e in reversed(self.events) if e != "[DONE]" for c in e["choices"])


@dataclass(slots=True)
class RunningHouse:
    """The gateway and what tests look at."""

    house: House
    app: Gateway
    store: SqlStore
    port: int = 0

    async def ask(self, body: object = None, path: str = "/v1/chat/completions", **extra: str) -> Reply:
        """Send a request on a connection of its own and return all that comes."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {len(data)}\r\n"
        lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in extra.items())
        return await self.send(head.encode() + lines.encode() + b"\r\n" + data)

    async def send(self, data: bytes) -> Reply:
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return _read(await reader.read())
        finally:
            writer.close()
            await writer.wait_closed()

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)

    async def ended(self, count: int = 1) -> Closed:
        """Return how the newest exchange ended, once `count` have."""
        await until(lambda: sum(line.closed is not None for line in self.store.latest(count + 9)) >= count)
        closed = self.store.latest(1)[0].closed
        assert closed is not None
        return closed

    @property
    def taken_connections(self) -> int:
        """How many connections to the model server are in use."""
        client = self.house.equipment.clients["scripted"]
        assert isinstance(client, UpstreamClient)
        return client.pool.taken - client.pool.idle

    def metrics(self) -> str:
        return self.house.equipment.metrics.page().decode()


def _read(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding") == "chunked":
        body = b"".join(_chunks(body))
    return Reply(int(first.split(" ")[1]), headers, body)


def _chunks(data: bytes) -> Sequence[bytes]:
    pieces = []
    while data:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        pieces.append(data[:length])
        data = data[length + 2 :]
    return pieces


def settings(folder: Path, url: str, upstream: Mapping[str, Any], tables: Mapping[str, Any]) -> Settings:
    return Settings(
        upstream=(UpstreamTable(name="scripted", url=url, **{"dialect": "openai", **upstream}),),
        rules=Rules(use="unsafe-allow-all"),
        **{
            "store": Store(url=f"sqlite:///{folder / 'records.db'}"),
            "evidence": EvidenceTable(key_file=str(folder / "key")),
            **tables,
        },
    )


@asynccontextmanager
async def opened(
    folder: Path,
    url: str,
    *,
    inspector: Inspector | None = None,
    writer: WriterLimits = QUICK,
    upstream: Mapping[str, Any] | None = None,
    equipment: Mapping[str, Any] | None = None,
    **tables: Any,
) -> AsyncIterator[RunningHouse]:
    """Open a gateway without a socket.

    Args:
        inspector: Judges everything; the house's rules when None.
        writer: Limits of the store's writer.
        upstream: Keys of the `[[upstream]]` table.
        equipment: What is put in the place of the house's own.
        tables: Other tables of the settings.
    """
    told = settings(folder, url, upstream or {}, tables)
    migrate(told.store.url)
    house = House(told)
    replaced = house.store  # the doorkeeper still asks it for keys
    house.store = SqlStore(
        told.store.url,
        clock=SystemClock(),
        worker="W",
        keyring=Keyring.load(folder / "key", ""),
        options=StoreOptions(limits=writer),
    )
    house.equipment = replace(
        house.equipment,
        store=house.store,
        inspectors=OneForAll(inspector or _house_inspector()),
        **(equipment or {}),
    )
    await house.open()
    try:
        yield RunningHouse(house, house.app(), house.store)
    finally:
        await house.close()
        house.store.engine.dispose()
        replaced.engine.dispose()


def _house_inspector() -> Inspector:
    return inspector()


@asynccontextmanager
async def serving(folder: Path, url: str, **how: Any) -> AsyncIterator[RunningHouse]:
    """Open a gateway behind a real socket, with the server of production; takes what `opened` takes."""
    async with opened(folder, url, **how) as running:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            # A client that does not read is felt after kilobytes, not after the megabytes that the kernel would take.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 32_768)
            config = uvicorn.Config(
                running.app, http=PunctualProtocol, ws="none", lifespan="off", log_config=None, access_log=False,
                server_header=False, date_header=False, timeout_graceful_shutdown=1,
            )  # fmt: skip
            server = uvicorn.Server(config)
            running.port = listening.getsockname()[1]
            config.load()
            server.lifespan = config.lifespan_class(config)
            await server.startup(sockets=[listening])
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    yield running
            finally:
                await server.shutdown(sockets=[listening])
