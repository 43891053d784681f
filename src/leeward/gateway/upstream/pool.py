"""Connections to one model server: kept, handed out and queued for."""

from __future__ import annotations

import asyncio
import ssl
from collections import deque

from leeward.errors import UpstreamError
from leeward.gateway.upstream.connection import Connection
from leeward.gateway.upstream.limits import Limits
from leeward.gateway.upstream.origin import Origin

# Transports report their end in the loop's next turns; TLS takes a few.
_CLOSING_TURNS = 100


class Pool:
    """At most `max_connections` connections; the one used last is used next, and waiters are served in order.

    A place in the pool is taken by `fresh` and given back when the connection is lost, not when it is unused. While
    somebody waits there is no unused connection and no free place, so nobody can be overtaken.
    """

    def __init__(self, origin: Origin, limits: Limits, tls: ssl.SSLContext | None) -> None:
        self._origin = origin
        self._limits = limits
        self._tls = tls
        self._idle: list[Connection] = []
        self._open: set[Connection] = set()
        self._taken = 0
        # A waiter gets a connection, or None for the right to open one.
        self._waiters: deque[asyncio.Future[Connection | None]] = deque()
        self._sweeper: asyncio.TimerHandle | None = None
        self._is_closed = False

    @property
    def taken(self) -> int:
        """Places in use: connections that are busy, unused or being opened."""
        return self._taken

    @property
    def idle(self) -> int:
        """Connections that are open and unused."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """Requests in the queue."""
        return sum(not w.done() for w in self._waiters)

    def pop(self) -> Connection | None:
        """Return an unused connection, or None."""
        while self._idle:
            connection = self._idle.pop()
            if connection.is_usable:
                return connection
        return None

    async def fresh(self, deadline: float) -> Connection:
        """Return a newly opened connection or, when no place is free, the next one that comes free.

        Args:
            deadline: Loop time after which waiting is of no use.

        Raises:
            UpstreamError: `refused` when the server or the queue turns us away, `timeout` when it takes too long,
                `cut` when the server hangs up at once.
        """
        if self._is_closed:
            raise _closed()
        if self._taken < self._limits.max_connections:
            self._taken += 1
            return await self._connect(deadline)
        given = self.pop() or await self._queue(deadline)
        if given is None:
            return await self._connect(deadline)
        # It may have been lost between its last user and us; its place is then free again.
        return given if given.is_usable else await self.fresh(deadline)

    async def close(self) -> None:
        """Close every connection and turn away whoever waits."""
        self._is_closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(_closed())
        for connection in list(self._open):
            connection.abort()
        self._idle.clear()
        for _ in range(_CLOSING_TURNS):
            if not self._open:
                break
            await asyncio.sleep(0)

    # Inside.

    async def _queue(self, deadline: float) -> Connection | None:
        if len(self._waiters) >= self._limits.max_waiting:
            raise UpstreamError("every connection to the model server is busy and the queue is full", kind="refused")
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[Connection | None] = loop.create_future()
        self._waiters.append(waiter)
        timer = loop.call_at(deadline, _expire, waiter)
        try:
            return await waiter
        except UpstreamError:
            self._forget(waiter)
            raise
        except asyncio.CancelledError:
            self._forget(waiter)
            if not waiter.cancelled() and waiter.exception() is None:
                self._pass_on(waiter.result())
            raise
        finally:
            timer.cancel()

    def _forget(self, waiter: asyncio.Future[Connection | None]) -> None:
        if waiter in self._waiters:
            self._waiters.remove(waiter)

    async def _connect(self, deadline: float) -> Connection:
        loop = asyncio.get_running_loop()
        connection = Connection(self._limits, loop, self._pass_on, self._on_gone)
        due = min(loop.time() + self._limits.connect_seconds, deadline)
        origin = self._origin
        is_open = False
        try:
            async with asyncio.timeout_at(due):
                await loop.create_connection(
                    lambda: connection,
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls is not None else None,
                )
            is_open = True
        except TimeoutError as error:
            raise UpstreamError("the model server did not accept a connection in time", kind="timeout") from error
        except OSError as error:
            raise UpstreamError(f"the model server cannot be reached: {_reason(error)}", kind="refused") from error
        finally:
            if not is_open:
                connection.abort()
                self._pass_on(None)
        if connection.is_gone or self._is_closed:
            connection.abort()
            self._pass_on(None)
            raise (
                _closed()
                if self._is_closed
                else UpstreamError("the model server closed the connection at once", kind="cut")
            )
        self._open.add(connection)
        return connection

    def _on_gone(self, connection: Connection) -> None:
        # Before `_connect` has taken it in, the place is still `_connect`'s to give back.
        if connection not in self._open:
            return
        self._open.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._pass_on(None)

    def _pass_on(self, given: Connection | None) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(given)
                return
        if given is None:
            self._taken -= 1
        elif given.is_usable:
            loop = asyncio.get_running_loop()
            given.idle_since = loop.time()
            self._idle.append(given)
            if self._sweeper is None:
                self._sweeper = loop.call_later(self._limits.keep_idle_seconds, self._sweep)

    def _sweep(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweeper = None
        oldest = loop.time() - self._limits.keep_idle_seconds
        # The list is in order of use, so the longest unused stand first.
        fresh = next((i for i, c in enumerate(self._idle) if c.idle_since > oldest), len(self._idle))
        expired, self._idle = self._idle[:fresh], self._idle[fresh:]
        for connection in expired:
            connection.close()
        if self._idle:
            due = self._idle[0].idle_since + self._limits.keep_idle_seconds
            self._sweeper = loop.call_at(due + 0.001, self._sweep)


def _closed() -> UpstreamError:
    return UpstreamError("the upstream client is closed", kind="refused")


def _expire(waiter: asyncio.Future[Connection | None]) -> None:
    if not waiter.done():
        waiter.set_exception(
            UpstreamError("every connection to the model server stayed busy until the deadline", kind="timeout")
        )


def _reason(error: OSError) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message})"
    return error.strerror or error.__class__.__name__
