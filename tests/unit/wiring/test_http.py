from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn

from leeward.gateway.asgi import App, Receive, Scope, Send, Sender
from leeward.wiring.http import PunctualProtocol
from patience import PATIENCE_SECONDS, until

ASK = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


@asynccontextmanager
async def served(app: App) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """Serve as production does, and connect."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            app, http=PunctualProtocol, ws="none", lifespan="off", log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        task = asyncio.create_task(server.serve(sockets=[listening]))
        await until(lambda: server.started)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                yield reader, writer
        finally:
            writer.close()
            server.should_exit = True
            await task


async def whole(scope: Scope, receive: Receive, send: Send) -> None:
    await Sender(send).whole(200, [], b"hello")


async def test_head_and_body_come_and_the_connection_serves_again() -> None:
    async with served(whole) as (reader, writer):
        for _ in range(3):
            writer.write(ASK)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200")
            assert await reader.readexactly(5) == b"hello"


async def test_requests_sent_at_once_are_answered_one_after_another() -> None:
    async with served(whole) as (reader, writer):
        writer.write(ASK * 3)
        told = b""
        while told.count(b"hello") < 3:
            told += await reader.read(65_536)

    assert told.count(b"HTTP/1.1 200") == 3


async def test_a_head_without_a_body_does_not_wait_for_one() -> None:
    may_end = asyncio.Event()

    async def slow(scope: Scope, receive: Receive, send: Send) -> None:
        sender = Sender(send)
        await sender.begin(200, [])
        await may_end.wait()
        await sender.chunk(b"hello")
        await sender.end()

    async with served(slow) as (reader, writer):
        writer.write(ASK)
        head = await reader.readuntil(b"\r\n\r\n")
        may_end.set()
        rest = await reader.readuntil(b"0\r\n\r\n")

    assert head.startswith(b"HTTP/1.1 200")
    assert b"hello" in rest


async def test_an_exchange_is_told_when_its_client_leaves() -> None:
    gone, began = asyncio.Event(), asyncio.Event()

    async def waiting(scope: Scope, receive: Receive, send: Send) -> None:
        tell: Callable[[Callable[[], None] | None], None] = scope["extensions"]["leeward.on_disconnect"]
        tell(gone.set)
        began.set()
        await gone.wait()

    async with served(waiting) as (_, writer):
        writer.write(ASK)
        await began.wait()
        assert not gone.is_set()
        writer.close()
        await gone.wait()


async def test_an_exchange_that_is_over_is_told_nothing() -> None:
    told: list[str] = []

    async def asking(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/first":
            scope["extensions"]["leeward.on_disconnect"](lambda: told.append("first"))
        await Sender(send).whole(200, [], b"hello")

    async with served(asking) as (reader, writer):
        for path in (b"/first", b"/second"):
            writer.write(ASK.replace(b"/ ", path + b" ", 1))
            await reader.readuntil(b"hello")

    assert told == []
