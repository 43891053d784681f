"""An ASGI application as the model server: what the middleware puts behind the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from types import TracebackType
from typing import Self

from leeward.errors import UpstreamError
from leeward.gateway.asgi import App, Message, Scope


class InnerReply:
    """The reply of the inner application.

    Attributes:
        status: HTTP status.
        headers: Lower-case names and values.
    """

    def __init__(self, task: asyncio.Task[None], queue: asyncio.Queue[Message | None]) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self._task = task
        self._queue = queue
        self._is_over = False

    async def head(self) -> Self:
        """Wait for status and headers.

        Raises:
            UpstreamError: If the application ends without a reply.
        """
        message = await self._queue.get()
        if message is None or message["type"] != "http.response.start":
            raise self._cut()
        self.status = message["status"]
        self.headers = [(bytes(k).lower(), bytes(v)) for k, v in message.get("headers", ())]
        return self

    def header(self, name: bytes, /) -> bytes | None:
        """Return the first value of a header (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    async def read(self, limit: int, /) -> bytes:
        """Return the whole body.

        Raises:
            UpstreamError: If it is longer than `limit` bytes, or ends early.
        """
        body = bytearray()
        async for piece in self:
            body += piece
            if len(body) > limit:
                raise UpstreamError(f"the model's reply is larger than {limit} bytes", kind="garbage")
        return bytes(body)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""
        while not self._is_over:
            message = await self._queue.get()
            if message is None:
                raise self._cut()
            self._is_over = not message.get("more_body", False)
            if body := message.get("body", b""):
                yield body

    async def __aenter__(self) -> Self:
        """Use the reply."""
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Stop the application if it is still at work."""
        self._task.cancel()

    def _cut(self) -> UpstreamError:
        failed = self._task.done() and not self._task.cancelled() and self._task.exception() is not None
        return UpstreamError("the application failed" if failed else "the application ended early", kind="cut")


class InnerClient:
    """Asks an ASGI application in this process.

    Args:
        app: The application that serves the model.
    """

    def __init__(self, app: App) -> None:
        self._app = app

    async def request(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, deadline_seconds: float
    ) -> InnerReply:
        """Return the application's reply as soon as its head is here.

        Raises:
            UpstreamError: If there is none in time.
        """
        queue: asyncio.Queue[Message | None] = asyncio.Queue(maxsize=64)
        scope: Scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [*headers, (b"content-length", b"%d" % len(body))],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
        }
        task = asyncio.get_running_loop().create_task(_run(self._app, scope, body, queue))
        reply = InnerReply(task, queue)
        try:
            return await asyncio.wait_for(reply.head(), deadline_seconds)
        except TimeoutError as error:
            task.cancel()
            raise UpstreamError("the application did not answer in time", kind="timeout") from error

    async def aclose(self) -> None:
        """Nothing to close."""


async def _run(app: App, scope: Scope, body: bytes, queue: asyncio.Queue[Message | None]) -> None:
    waiting = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Message:
        if waiting:
            return waiting.pop()
        await asyncio.Event().wait()  # the caller's leaving cancels the whole task
        raise AssertionError

    try:
        await app(scope, receive, queue.put)
    except Exception:
        await queue.put(None)
        raise
    await queue.put(None)
