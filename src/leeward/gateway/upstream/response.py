"""One reply on its way: what has come, who waits for it, and when that is too late."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from enum import Enum, auto
from types import TracebackType
from typing import Protocol, Self

from leeward.errors import UpstreamError
from leeward.gateway.upstream.decoding import Inflater
from leeward.gateway.upstream.limits import Limits

# uvloop's clock ticks in milliseconds; a timer that fires a tick early must not spin.
_TICK_SECONDS = 0.001


class Source(Protocol):
    """What a reply needs of the connection that carries it."""

    def hold(self) -> None:
        """Stop reading from the server."""

    def resume(self) -> None:
        """Read from the server again."""

    def abort(self) -> None:
        """Close at once; the reply has been told already."""


class _Until(Enum):
    HEAD = auto()
    PIECE = auto()
    END = auto()


class Response:
    """A reply whose head is here and whose body may still be coming.

    `chunks()` for streams, `read()` for whole replies; `aclose()` in every case. Header names are lower case and
    headers that concern the connection are left out.
    """

    __slots__ = (
        "_deadline",
        "_due",
        "_error",
        "_inflater",
        "_is_held",
        "_limits",
        "_loop",
        "_pieces",
        "_size",
        "_source",
        "_timer",
        "_until",
        "_waiter",
        "headers",
        "is_complete",
        "status",
    )

    def __init__(self, source: Source, limits: Limits, loop: asyncio.AbstractEventLoop, deadline: float) -> None:
        self.status = 0
        self.headers: list[tuple[bytes, bytes]] = []
        self.is_complete = False
        self._source = source
        self._limits = limits
        self._loop = loop
        self._deadline = deadline
        self._pieces: list[bytes] = []
        self._size = 0
        self._is_held = False
        self._inflater: Inflater | None = None
        self._error: UpstreamError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._until = _Until.HEAD
        self._due = loop.time() + limits.first_byte_seconds
        # One timer for a reply: it is not put off at each chunk but looks at `_due` when it fires.
        self._timer = loop.call_at(min(self._due, deadline), self._on_timer)

    # For the reader.

    def header(self, name: bytes) -> bytes | None:
        """Return the first value of the header `name` (lower case), or None."""
        return next((value for key, value in self.headers if key == name), None)

    async def read(self, limit: int) -> bytes:
        """Return the whole body.

        Args:
            limit: Largest body, in bytes, after decompression.

        Raises:
            UpstreamError: If the body is larger, ends early or is too slow.
        """
        pieces: list[bytes] = []
        size = 0
        while True:
            if not self.is_complete and self._error is None and self._size < self._limits.high_water_bytes:
                await self._wait(_Until.END)
            is_last = self.is_complete
            for piece in self._unfold(self._take()):
                size += len(piece)
                if size > limit:
                    self.close()
                    raise UpstreamError(f"the model server's reply is larger than {limit} bytes", kind="garbage")
                pieces.append(piece)
            if is_last:
                self._check_end()
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
            self._raise_error()

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes, without waiting for more than there is.

        Raises:
            UpstreamError: If the body ends early, falls silent or is not what it says.
        """
        while True:
            if not self._pieces:
                self._raise_error()
                if self.is_complete:
                    self._check_end()
                    return
                await self._wait(_Until.PIECE)
            data = self._take()
            if data:
                for piece in self._unfold(data):
                    yield piece

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self.chunks()

    def close(self) -> None:
        """Let go of the reply; a body that is still coming is cut off at the server at once."""
        if not self.is_complete and self._error is None:
            self.fail(UpstreamError("the reply was closed before its end", kind="cut"))
            self._source.abort()
        self._pieces.clear()

    async def aclose(self) -> None:
        """Let go of the reply; see `close`."""
        self.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    async def head(self) -> None:
        """Wait until status and headers are here.

        Raises:
            UpstreamError: If they do not come.
        """
        if not self.status and self._error is None:
            await self._wait(_Until.HEAD)
        if not self.status:
            self._raise_error()

    # For the connection.

    def begin(self, status: int, headers: list[tuple[bytes, bytes]], coding: bytes | None) -> None:
        """Take the head.

        Raises:
            UpstreamError: If the content coding is not one that we read.
        """
        if coding is not None:
            self._inflater = Inflater(coding)
        self.status = status
        self.headers = headers

    def feed(self, data: bytes) -> None:
        """Take a piece of the body; `settle` tells the reader."""
        self._pieces.append(data)
        self._size += len(data)

    def end(self) -> None:
        """Note that the body is complete; `settle` tells the reader."""
        self.is_complete = True
        self._timer.cancel()
        if self._is_held:
            self._is_held = False
            self._source.resume()

    def fail(self, error: UpstreamError) -> None:
        """Note that no more will come, and tell the reader; the first error counts."""
        if self._error is None and not self.is_complete:
            self._error = error
            self._timer.cancel()
            self._wake()

    def settle(self) -> None:
        """After bytes were read: push the due time on, hold the server back if need be, wake the reader."""
        if self.is_complete:
            self._wake()
            return
        if not self.status:
            return
        self._due = self._loop.time() + self._limits.chunk_seconds
        if self._due < self._timer.when():
            # A head may take longer than a silence inside the body: from the head on the timer must fire sooner.
            self._timer.cancel()
            self._timer = self._loop.call_at(self._due, self._on_timer)
        is_full = self._size >= self._limits.high_water_bytes
        if is_full and not self._is_held:
            self._is_held = True
            self._source.hold()
        if self._until is _Until.HEAD or is_full or (self._until is _Until.PIECE and self._pieces):
            self._wake()

    # Inside.

    async def _wait(self, until: _Until) -> None:
        self._until = until
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        waiter = self._waiter
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _take(self) -> bytes:
        pieces = self._pieces
        if not pieces:
            return b""
        data = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._pieces = []
        self._size = 0
        if self._is_held:
            self._is_held = False
            self._due = self._loop.time() + self._limits.chunk_seconds
            self._source.resume()
        return data

    def _unfold(self, data: bytes) -> Iterable[bytes]:
        if not data:
            return ()
        return (data,) if self._inflater is None else self._inflater.feed(data)

    def _check_end(self) -> None:
        if self._inflater is not None:
            self._inflater.end()

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _on_timer(self) -> None:
        now = self._loop.time()
        if now + _TICK_SECONDS >= self._deadline:
            self._give_up("the model server did not finish within the request's deadline")
            return
        if self._is_held:
            self._due = now + self._limits.chunk_seconds
        if now + _TICK_SECONDS < self._due:
            self._timer = self._loop.call_at(min(self._due, self._deadline), self._on_timer)
        elif self.status:
            self._give_up(f"the model server fell silent for {self._limits.chunk_seconds:g} s inside its reply")
        else:
            self._give_up(f"the model server did not answer within {self._limits.first_byte_seconds:g} s")

    def _give_up(self, message: str) -> None:
        self.fail(UpstreamError(message, kind="timeout"))
        self._source.abort()
