"""A model server for real clients: a script for each model, on real sockets, in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from patience import PATIENCE_SECONDS

Object: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the model server got it."""

    path: str
    headers: dict[str, str]
    body: Object

    @property
    def text(self) -> str:
        """All of the body, to look for what must not be in it."""
        return json.dumps(self.body, ensure_ascii=False)


class Line:
    """The server's end of one exchange."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def whole(self, status: int, body: object, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        lines = {"content-type": "application/json", **headers, "content-length": str(len(data))}
        await self._write(self._head(status, lines) + data)

    async def begin(self) -> None:
        await self._write(self._head(200, {"content-type": "text/event-stream", "transfer-encoding": "chunked"}))

    async def frame(self, data: bytes) -> None:
        await self._write(b"%x\r\n%s\r\n" % (len(data), data))

    async def events(self, events: Iterable[object]) -> None:
        for event in events:
            await self.frame(b"data: " + json.dumps(event).encode() + b"\n\n")

    async def named(self, events: Iterable[Object]) -> None:
        for event in events:
            await self.frame(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())

    async def done(self, *, mark: bool = True) -> None:
        if mark:
            await self.frame(b"data: [DONE]\n\n")
        await self._write(b"0\r\n\r\n")

    async def silence(self) -> None:
        """Say nothing until the other side hangs up."""
        await self._reader.read()

    def hang_up(self) -> None:
        self._writer.close()

    async def _write(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    @staticmethod
    def _head(status: int, headers: dict[str, str]) -> bytes:
        lines = [f"HTTP/1.1 {status} Scripted", *(f"{k.replace('_', '-')}: {v}" for k, v in headers.items())]
        return "\r\n".join(lines).encode() + b"\r\n\r\n"


Answer: TypeAlias = Callable[[Line, Asked], Awaitable[None]]


class ModelServer:
    """Answers each model's requests with that model's answers in order; the last one again and again."""

    def __init__(self) -> None:
        self.models: list[str] = []
        self._answers: dict[str, list[Answer]] = {}
        self._asked: dict[str, list[Asked]] = defaultdict(list)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="model-server")
        self._socket = socket.create_server(("127.0.0.1", 0))

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"

    def says(self, model: str, *answers: Answer) -> None:
        """Give `model`, or the agent of that id, its answers."""
        self._answers[model] = list(answers)
        self._asked.pop(model, None)

    def asked(self, model: str) -> list[Asked]:
        """What `model` was asked since it got its answers."""
        return self._asked[model]

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._open(), self._loop).result(PATIENCE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result(PATIENCE_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE_SECONDS)
        self._loop.close()

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, sock=self._socket)

    async def _close(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        line = Line(reader, writer)
        try:
            while not writer.is_closing():
                await self._answer(line, await _read(reader))
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the other side is done
        finally:
            writer.close()

    async def _answer(self, line: Line, asked: Asked) -> None:
        if asked.path == "/v1/models":
            cards = [{"id": m, "object": "model", "created": 1, "owned_by": "test"}
                     for m in self.models]  # fmt: skip
            await line.whole(200, {"object": "list", "data": cards})
            return
        name = asked.body.get("model") or asked.body.get("agent_id") or ""
        self._asked[name].append(asked)
        answers = self._answers.get(name)
        if not answers:
            await line.whole(404, {"error": {"message": f"no answers for {name}", "code": "model_not_found"}})
            return
        await answers[min(len(self._asked[name]), len(answers)) - 1](line, asked)


async def _read(reader: asyncio.StreamReader) -> Asked:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.split("\r\n")
    headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines if line)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Asked(first.split(" ")[1], headers, json.loads(body) if body else {})
