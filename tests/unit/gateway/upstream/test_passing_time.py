"""What the passing of time does to connections, on real sockets and a loop whose clock the tests push on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from leeward.gateway.upstream.client import UpstreamClient
from leeward.gateway.upstream.limits import Limits
from leeward.gateway.upstream.response import Response
from patience import until
from scripted_upstream import CHUNKED_HEAD, ScriptedUpstream, Seen, Wire, chunked, reply, whole

HOUR = 3_600.0
HOURLY = Limits(connect_seconds=HOUR, first_byte_seconds=HOUR, chunk_seconds=HOUR, keep_idle_seconds=HOUR)


@pytest.fixture
async def push(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Returns a function that pushes the loop's clock on by so many seconds."""
    loop = asyncio.get_running_loop()
    real, ahead = loop.time, [0.0]
    monkeypatch.setattr(loop, "time", lambda: real() + ahead[0])

    def push(seconds: float) -> None:
        ahead[0] += seconds

    return push


@asynccontextmanager
async def client_of(url: str) -> AsyncIterator[UpstreamClient]:
    client = UpstreamClient(url, limits=HOURLY)
    try:
        yield client
    finally:
        await client.aclose()


async def ask(client: UpstreamClient) -> Response:
    return await client.request("GET", "/", [], b"", deadline_seconds=1_000 * HOUR)


async def fetch(client: UpstreamClient) -> bytes:
    async with await ask(client) as response:
        return await response.read(100)


async def test_only_the_connections_unused_for_long_are_closed(push: Callable[[float], None]) -> None:
    may_answer = asyncio.Event()

    async def slow(wire: Wire, seen: Seen) -> None:
        await may_answer.wait()
        wire.send(whole(200, b"ok"))

    async with ScriptedUpstream(slow, reply(200)) as server, client_of(server.url) as client:
        late = asyncio.create_task(fetch(client))
        await until(lambda: bool(server.seen))
        await fetch(client)
        push(0.4 * HOUR)
        may_answer.set()
        await late
        push(0.8 * HOUR)
        await server.wires[1].gone.wait()
        kept = client.pool.idle
        push(0.8 * HOUR)
        await server.wires[0].gone.wait()

    assert kept == 1


async def test_a_server_that_is_held_back_is_not_taken_for_a_silent_one(push: Callable[[float], None]) -> None:
    held, sent = asyncio.Event(), 0

    async def endless(wire: Wire, seen: Seen) -> None:
        nonlocal sent
        wire.send(CHUNKED_HEAD)
        while not wire.is_full:
            sent += 60_000
            wire.send(chunked(b"x" * 60_000))
            await asyncio.sleep(0)
        held.set()

    async with ScriptedUpstream(endless) as server, client_of(server.url) as client:
        response = await ask(client)
        await held.wait()
        for _ in range(3):
            push(2 * HOUR)
            await asyncio.sleep(0)
        size = 0
        async for piece in response:
            size += len(piece)
            if size == sent:
                break
        await response.aclose()

    assert size == sent
