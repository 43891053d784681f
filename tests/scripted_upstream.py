"""A model server that does exactly what a script says, good manners or bad."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Self, TypeAlias, cast

_LINGER_NOT = struct.pack("ii", 1, 0)


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it came over the wire."""

    head: bytes
    body: bytes
    connection: int

    @property
    def target(self) -> str:
        return self.head.split(b" ", 2)[1].decode()

    def header(self, name: str) -> str | None:
        wanted = name.lower().encode()
        for line in self.head.split(b"\r\n")[1:]:
            key, _, value = line.partition(b":")
            if key.strip().lower() == wanted:
                return value.strip().decode("latin-1")
        return None


class Wire:
    """The server's end of a connection, in the hands of a script."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._may_write = asyncio.Event()
        self._may_write.set()
        self.gone = asyncio.Event()
        self.sent = 0

    @property
    def is_full(self) -> bool:
        """Whether the client has stopped reading and our buffers are full."""
        return not self._may_write.is_set()

    def send(self, data: bytes) -> None:
        self.sent += len(data)
        self._transport.write(data)

    async def trickle(self, data: bytes) -> None:
        """Send byte by byte, with a turn of the loop between them."""
        for i in range(len(data)):
            self.send(data[i : i + 1])
            await asyncio.sleep(0)

    async def pour(self, data: bytes) -> None:
        """Send for ever, as fast as the reader lets us, until the client is gone."""
        while not self.gone.is_set():
            self.send(data)
            await asyncio.sleep(0)
            if not self._may_write.is_set():
                await _first(self._may_write.wait(), self.gone.wait())

    def hang_up(self) -> None:
        self._transport.close()

    def reset(self) -> None:
        """Close with a TCP reset."""
        sock = self._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_NOT)
        self._transport.abort()

    def may_write(self, is_allowed: bool) -> None:
        if is_allowed:
            self._may_write.set()
        else:
            self._may_write.clear()


Script: TypeAlias = Callable[[Wire, Seen], Awaitable[None]]


def reply(status: int, body: bytes = b"{}", *headers: tuple[str, str]) -> Script:
    """A whole, correct reply with a length."""

    async def play(wire: Wire, seen: Seen) -> None:
        wire.send(whole(status, body, *headers))

    return play


def raw(data: bytes) -> Script:
    """These bytes, whatever they are; the connection stays open."""

    async def play(wire: Wire, seen: Seen) -> None:
        wire.send(data)

    return play


def raw_then_hang_up(data: bytes) -> Script:
    async def play(wire: Wire, seen: Seen) -> None:
        wire.send(data)
        wire.hang_up()

    return play


def trickled(data: bytes) -> Script:
    async def play(wire: Wire, seen: Seen) -> None:
        await wire.trickle(data)

    return play


async def stall(wire: Wire, seen: Seen) -> None:
    """Take the request and never answer."""
    await wire.gone.wait()


async def reset(wire: Wire, seen: Seen) -> None:
    wire.reset()


def whole(status: int, body: bytes, *headers: tuple[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", f"content-length: {len(body)}", *(f"{k}: {v}" for k, v in headers)]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def chunked(*pieces: bytes) -> bytes:
    """Pieces in chunk framing, without the last chunk."""
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces)


CHUNKED_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class ScriptedUpstream:
    """Plays one script for each request, in order; the last one again and again.

    `async with ScriptedUpstream(reply(200), stall) as server: ... server.url`

    Args:
        slams: Reset every connection as soon as it is accepted.
    """

    def __init__(
        self, *scripts: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1", slams: bool = False
    ) -> None:
        self._scripts = list(scripts)
        self._tls = tls
        self._host = host
        self.slams = slams
        self._tasks: set[asyncio.Task[None]] = set()
        self.wires: list[Wire] = []
        self.seen: list[Seen] = []

    @property
    def url(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Connection(self), self._host, 0, ssl=self._tls)
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for wire in self.wires:
            wire.hang_up()
        await self._server.wait_closed()

    def play(self, wire: Wire, seen: Seen) -> asyncio.Task[None]:
        self.seen.append(seen)
        script = self._scripts[min(len(self.seen), len(self._scripts)) - 1]

        async def run() -> None:
            await script(wire, seen)

        task = asyncio.get_running_loop().create_task(run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


class _Connection(asyncio.Protocol):
    def __init__(self, server: ScriptedUpstream) -> None:
        self._server = server
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._wire = Wire(cast(asyncio.Transport, transport))
        self._server.wires.append(self._wire)
        if self._server.slams:
            self._wire.reset()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(Seen(head, b"", 0).header("content-length") or 0)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        self._server.play(self._wire, Seen(head, rest[:length], self._server.wires.index(self._wire)))

    def pause_writing(self) -> None:
        self._wire.may_write(False)

    def resume_writing(self) -> None:
        self._wire.may_write(True)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wire.gone.set()


async def _first(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(w) for w in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
