"""One HTTP/1.1 connection to a model server: bytes in, one reply at a time out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import cast

import httptools

from leeward.errors import UpstreamError
from leeward.gateway.upstream.limits import Limits
from leeward.gateway.upstream.response import Response

# Headers about the connection itself say nothing to whoever reads the reply (RFC 9110, section 7.6.1).
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-connection", b"trailer", b"transfer-encoding", b"upgrade", b"te"}
)
_BODILESS = frozenset({204, 304})


class Connection(asyncio.Protocol):
    """Parses what the server sends and feeds the reply that is due.

    Rules of this file: it knows no pool, no retry and no reader. A byte that comes when no reply is due, or after the
    end of one, condemns the connection: it could only be taken for the answer to somebody else's request.

    Args:
        limits: Bounds of the upstream.
        on_free: Called when a reply is complete and another request may follow.
        on_gone: Called once when the connection is lost, while unused or in use.
    """

    __slots__ = (
        "_coding",
        "_fault",
        "_had_body",
        "_head_size",
        "_headers",
        "_is_sized",
        "_limits",
        "_loop",
        "_on_free",
        "_on_gone",
        "_parser",
        "_response",
        "_transport",
        "idle_since",
        "is_condemned",
        "is_gone",
        "received",
        "replies",
    )

    def __init__(
        self,
        limits: Limits,
        loop: asyncio.AbstractEventLoop,
        on_free: Callable[[Connection], None],
        on_gone: Callable[[Connection], None],
    ) -> None:
        self._limits = limits
        self._loop = loop
        self._on_free = on_free
        self._on_gone = on_gone
        self._parser = httptools.HttpResponseParser(self)
        self._response: Response | None = None
        self._transport: asyncio.Transport | None = None
        self._fault = ""
        self._headers: list[tuple[bytes, bytes]] = []
        self._coding: bytes | None = None
        self._is_sized = False
        self._head_size = 0
        self._had_body = False
        self.is_condemned = False
        self.is_gone = False
        self.idle_since = 0.0
        self.received = 0
        self.replies = 0

    # For the client.

    def send(self, head: bytes, body: bytes, deadline: float) -> Response:
        """Send a request and return the reply that is due for it.

        Args:
            deadline: Loop time at which the whole reply must be here.
        """
        assert self._transport is not None
        assert self._response is None
        response = Response(self, self._limits, self._loop, deadline)
        self._response = response
        self.received = 0
        self._head_size = 0
        self._reset_head()
        self._transport.writelines((head, body)) if body else self._transport.write(head)
        return response

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent."""
        return not (self.is_gone or self.is_condemned or self._transport is None or self._transport.is_closing())

    def abort(self) -> None:
        """Close at once, without waiting for what is still unsent."""
        self.is_condemned = True
        if self._transport is not None:
            self._transport.abort()

    def close(self) -> None:
        """Close an unused connection."""
        self.is_condemned = True
        if self._transport is not None:
            self._transport.close()

    def hold(self) -> None:
        """Stop reading from the server."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def resume(self) -> None:
        """Read from the server again."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    # For the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        # uvloop's transports behave like asyncio's without being subclasses of them.
        self._transport = cast(asyncio.Transport, transport)
        sock = transport.get_extra_info("socket")
        if sock is not None:
            # A model may think for minutes; a peer that died meanwhile must still be noticed.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)

    def data_received(self, data: bytes) -> None:
        """Read on, and tell the reader once for all that the bytes held."""
        response = self._response
        if response is None:
            self.abort()
            return
        self.received += len(data)
        self._had_body = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self.is_condemned = True
            if not response.is_complete:
                self._break_off(response, self._fault or f"the model server's reply is not HTTP: {error}")
                return
        self._head_size = 0 if self._had_body else self._head_size + len(data)
        if self._head_size > self._limits.head_bytes and not response.is_complete:
            self._break_off(response, f"the model server sent more than {self._limits.head_bytes} bytes of headers")
            return
        response.settle()
        if response.is_complete:
            self._finish()

    def eof_received(self) -> bool:
        """Let the transport close."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """End or fail the reply that is due."""
        self.is_gone = True
        response, self._response = self._response, None
        if response is not None:
            # A body without length or chunks ends with the connection (RFC 9112, section 6.3), but not by a reset.
            if response.status and not self._is_sized and exc is None and not self.is_condemned:
                response.end()
                response.settle()
            else:
                response.fail(UpstreamError(self._how_lost(exc), kind="cut"))
        self._on_gone(self)

    # For the parser.

    def on_message_begin(self) -> None:
        """Condemn the connection when the server answers unasked."""
        if self._response is None or self._response.is_complete:
            self.is_condemned = True

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header line; trailers are dropped."""
        response = self._response
        if response is None or response.status:
            return
        self._head_size += len(name) + len(value)
        if len(self._headers) >= self._limits.max_headers or self._head_size > self._limits.head_bytes:
            self._refuse("the model server sent more headers than the limits allow")
        name = name.lower()
        if name == b"content-length":
            self._is_sized = True
        elif name == b"transfer-encoding":
            self._is_sized = True
            if value.strip().lower() != b"chunked":
                self._refuse("the model server used a transfer coding other than chunked")
        elif name == b"content-encoding":
            self._coding = value.strip().lower()
            return
        if name not in _HOP_BY_HOP:
            self._headers.append((name, value))

    def on_headers_complete(self) -> None:
        """Hand the head on, unless it is that of an interim reply."""
        response = self._response
        if response is None or response.status:
            return
        status = self._parser.get_status_code()
        if status == 101:
            self._refuse("the model server switched protocols unasked")
        if status < 200:
            return
        coding = self._coding if self._coding not in (None, b"", b"identity") else None
        if coding is not None:
            self._headers = [h for h in self._headers if h[0] != b"content-length"]
        if status in _BODILESS:
            self._is_sized, coding = True, None
        self._head_size = 0
        try:
            response.begin(status, self._headers, coding)
        except UpstreamError as error:
            self._refuse(error.message)

    def on_body(self, data: bytes) -> None:
        """Hand a piece of the body on."""
        self._had_body = True
        if self._response is not None and not self._response.is_complete:
            self._response.feed(data)

    def on_message_complete(self) -> None:
        """Note the end of the reply, or of an interim reply."""
        response = self._response
        if response is None:
            return
        if response.status:
            if not response.is_complete:
                # llhttp forgets after this callback whether the connection may be kept.
                self.is_condemned |= not self._parser.should_keep_alive()
                response.end()
        else:
            # An interim reply such as 103: the real one is still to come.
            self._reset_head()

    # Inside.

    def _reset_head(self) -> None:
        self._headers = []
        self._coding = None
        self._is_sized = False

    def _refuse(self, message: str) -> None:
        self._fault = message
        raise UpstreamError(message, kind="garbage")

    def _break_off(self, response: Response, message: str) -> None:
        response.fail(UpstreamError(message, kind="garbage"))
        self.abort()

    def _finish(self) -> None:
        self._response = None
        self.replies += 1
        if self.is_usable:
            self._on_free(self)
        else:
            self.close()

    def _how_lost(self, exc: Exception | None) -> str:
        how = f"lost the connection ({exc.__class__.__name__})" if exc is not None else "closed the connection"
        return f"the model server {how} {'inside its reply' if self.received else 'before it answered'}"
