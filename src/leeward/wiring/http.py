"""uvicorn's HTTP protocol with a deadline for request heads and word of clients that leave."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_SECONDS = 15.0
HEAD_BYTES = 64 * 1024
# How long a client may leave what was sent to it unread.
UNREAD_SECONDS = 60.0


class _Joining:
    """Writes the head of a reply together with the first piece of its body, in one system call rather than two."""

    __slots__ = ("_head", "_loop", "_timer", "_transport")

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._head: bytes | None = b""
        self._timer: asyncio.Handle | None = None

    def write(self, data: bytes) -> None:
        """Hold the head until the body comes, or until the loop turns."""
        if self._head is None:
            self._transport.write(data)
        elif not self._head:
            self._head = data
            self._timer = self._loop.call_soon(self._flush)
        else:
            head, self._head = self._head, None
            if self._timer is not None:
                self._timer.cancel()
            self._transport.write(head + data)

    def _flush(self) -> None:
        if self._head:
            head, self._head = self._head, None
            self._transport.write(head)

    def close(self) -> None:
        """Close the connection once all is written."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class PunctualProtocol(HttpToolsProtocol):
    """Closes a connection that begins a request and does not finish its head in time, or not within 64 KiB.

    uvicorn times idle connections only, so a client that sends its head byte by byte could hold one for ever; and it
    keeps a head of any length in memory. It tells of a client that leaves through `receive` alone, which costs a task
    for each request; here the scope has an extension `leeward.on_disconnect`, a function that takes a callback.
    """

    _head_timer: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _unread_timer: asyncio.TimerHandle | None = None
    _on_disconnect: Callable[[], None] | None = None

    def connection_made(self, transport: Any) -> None:
        """Begin to wait for the first head."""
        super().connection_made(transport)
        self._start_timer()

    def data_received(self, data: bytes) -> None:
        """Read on, unless the head has grown too long."""
        super().data_received(data)
        if self._head_timer is None:
            self._head_bytes = 0
            return
        self._head_bytes += len(data)
        if self._head_bytes > HEAD_BYTES:
            self._hang_up(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        """Begin to wait for the next head."""
        super().on_message_begin()
        self._start_timer()

    def on_headers_complete(self) -> None:
        """Stop waiting: the head is here."""
        self._stop_timer()
        self._on_disconnect = None
        if self.cycle is not None:
            self.cycle.transport = cast(asyncio.Transport, _Joining(self.transport, self.loop))
        self.scope["extensions"] = {"leeward.on_disconnect": self._tell_of_disconnect}  # type: ignore[dict-item]
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Begin to wait for the client to read: a stream that nobody reads holds a connection to the model server."""
        super().pause_writing()
        self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """Stop waiting: the client reads."""
        self._stop_unread_timer()
        super().resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell the exchange under way that its client is gone."""
        self._stop_timer()
        self._stop_unread_timer()
        if self._on_disconnect is not None:
            self._on_disconnect()
        super().connection_lost(exc)

    def _tell_of_disconnect(self, callback: Callable[[], None] | None) -> None:
        self._on_disconnect = callback

    def _start_timer(self) -> None:
        self._stop_timer()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _too_slow(self) -> None:
        self._hang_up(b"408 Request Timeout")

    def _hang_up(self, status: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 %b\r\nconnection: close\r\ncontent-length: 0\r\n\r\n" % status)
            self.transport.close()
