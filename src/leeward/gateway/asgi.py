"""The little of ASGI that the gateway speaks."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

from leeward.errors import WireError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = Sequence[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
EVENT_STREAM = (b"content-type", b"text/event-stream; charset=utf-8")


class ClientGone(Exception):
    """The client closed the connection before its request was complete."""


async def read_body(receive: Receive, *, limit: int, seconds: float) -> bytes:
    """Return the request's body.

    Raises:
        WireError: 413 when it is longer than `limit`, 408 when it is not complete after `seconds`.
        ClientGone: When the client leaves first.
    """
    message = await receive() if seconds <= 0 else await _within(receive, seconds)
    if message["type"] == "http.disconnect":
        raise ClientGone
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return _checked(body, limit)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    pieces, size = [body], len(body)
    while message.get("more_body"):
        _check_size(size, limit)
        message = await _within(receive, deadline - loop.time())
        if message["type"] == "http.disconnect":
            raise ClientGone
        piece = message.get("body", b"")
        pieces.append(piece)
        size += len(piece)
    return _checked(b"".join(pieces), limit)


async def _within(receive: Receive, seconds: float) -> Message:
    # A request whose body came with its head, the usual case, is answered without a timer.
    loop = asyncio.get_running_loop()
    task = asyncio.current_task()
    assert task is not None
    late = False

    def give_up() -> None:
        nonlocal late
        late = True
        task.cancel()

    timer = loop.call_later(max(seconds, 0.0), give_up)
    try:
        return await receive()
    except asyncio.CancelledError:
        if not late:
            raise
        task.uncancel()
        raise WireError("The request was not sent in time.", status=408, code="request_timeout") from None
    finally:
        timer.cancel()


def _checked(body: bytes, limit: int) -> bytes:
    _check_size(len(body), limit)
    return body


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise WireError(
            f"The request is longer than {limit} bytes; shorten it or ask the operator to raise `limits.body_bytes`.",
            status=413,
            code="request_too_large",
        )


class Sender:
    """Sends one reply and knows how far it got."""

    __slots__ = ("_send", "is_finished", "is_started")

    def __init__(self, send: Send) -> None:
        self._send = send
        self.is_started = False
        self.is_finished = False

    async def whole(self, status: int, headers: Headers, body: bytes) -> None:
        """Send a reply that is complete."""
        self.is_started = True
        await self._send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [*headers, (b"content-length", b"%d" % len(body))],
            }
        )
        await self._send({"type": "http.response.body", "body": body})
        self.is_finished = True

    async def begin(self, status: int, headers: Headers) -> None:
        """Send the head of a stream."""
        self.is_started = True
        await self._send({"type": "http.response.start", "status": status, "headers": list(headers)})

    async def chunk(self, data: bytes) -> None:
        """Send a piece of a stream."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self) -> None:
        """End a stream."""
        await self._send({"type": "http.response.body", "body": b"", "more_body": False})
        self.is_finished = True
