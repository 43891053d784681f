"""Requests to one model server."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Sequence

from leeward.errors import SettingsError, UpstreamError
from leeward.gateway.upstream.limits import Limits
from leeward.gateway.upstream.origin import Origin
from leeward.gateway.upstream.pool import Pool
from leeward.gateway.upstream.response import Response
from leeward.gateway.upstream.retry_after import retry_after_seconds

# Ours to say: they describe this connection and this body, not the caller's.
_OURS = frozenset(
    {
        b"accept-encoding",
        b"connection",
        b"content-length",
        b"expect",
        b"host",
        b"keep-alive",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_METHODS = frozenset({"DELETE", "GET", "PATCH", "POST", "PUT"})
_UNSAFE = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]|\A[ \t]|[ \t]\Z")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class UpstreamClient:
    """An HTTP/1.1 client for one model server.

    Create and use it inside one event loop. Redirects are not followed: they could lead text past the address that
    the operator named.

    Args:
        base_url: `http` or `https` URL; its path comes before every request path.
        limits: Bounds of the upstream.
        tls: Context for `https`; None verifies certificates against the system's authorities.

    Raises:
        SettingsError: If the URL cannot be used.
    """

    def __init__(self, base_url: str, *, limits: Limits | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._origin = Origin.parse(base_url)
        self._limits = limits or Limits()
        if tls is not None and not self._origin.is_tls:
            raise SettingsError(
                f"TLS settings are given for the plain upstream {base_url}", remedy="Write https:// or drop them."
            )
        if tls is None and self._origin.is_tls:
            tls = ssl.create_default_context()
            tls.set_alpn_protocols(["http/1.1"])
        self.pool = Pool(self._origin, self._limits, tls)

    async def request(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, deadline_seconds: float
    ) -> Response:
        """Send a request and return its reply as soon as the head is here.

        Args:
            method: One of DELETE, GET, PATCH, POST, PUT.
            path: Path and query, starting with a slash.
            headers: Lower-case names; those that concern the connection or the body's length are replaced by ours.
            body: The whole body; empty for none.
            deadline_seconds: For everything: queueing, connecting, retries and the last byte of the reply.

        Returns:
            The reply, whatever its status except 3xx; close it when done.

        Raises:
            UpstreamError: `refused`, `timeout`, `cut`, `garbage`, or `status` for a redirect.
            ValueError: If method, path or headers cannot be written on the wire.
        """
        head = self._head(method, path, headers, len(body))
        deadline = asyncio.get_running_loop().time() + deadline_seconds
        attempt = 0
        while True:
            response = await self._once(head, body, deadline)
            status = response.status
            if status < 300:
                return response
            if status < 400:
                response.close()
                raise UpstreamError(f"the model server answered with redirect {status}", kind="status", status=status)
            pause = self._pause(response, attempt, deadline)
            if pause is None:
                return response
            response.close()
            attempt += 1
            await asyncio.sleep(pause)

    async def aclose(self) -> None:
        """Close all connections, those in use as well."""
        await self.pool.close()

    async def _once(self, head: bytes, body: bytes, deadline: float) -> Response:
        connection = self.pool.pop() or await self.pool.fresh(deadline)
        response = connection.send(head, body, deadline)
        try:
            await response.head()
        except UpstreamError as error:
            # A kept connection may be closed by the server just as we write. It has seen nothing of the request, as
            # far as anybody can tell, so one more try on a new connection is due.
            if error.kind != "cut" or connection.received or not connection.replies:
                raise
        except asyncio.CancelledError:
            response.close()
            raise
        else:
            return response
        connection = await self.pool.fresh(deadline)
        response = connection.send(head, body, deadline)
        try:
            await response.head()
        except asyncio.CancelledError:
            response.close()
            raise
        return response

    def _pause(self, response: Response, attempt: int, deadline: float) -> float | None:
        retries = self._limits.retries
        if attempt >= retries.times or response.status not in retries.statuses:
            return None
        pause = retry_after_seconds(response.headers)
        if pause is None:
            pause = retries.first_wait_seconds * 2**attempt
        if pause > retries.longest_wait_seconds or asyncio.get_running_loop().time() + pause >= deadline:
            return None
        return pause

    def _head(self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]], length: int) -> bytes:
        if method not in _METHODS:
            raise ValueError(f"method {method!r} is not one of {', '.join(sorted(_METHODS))}")
        origin = self._origin
        lines = [
            b"%s %s HTTP/1.1\r\nhost: %s\r\naccept-encoding: identity\r\n"
            % (method.encode(), origin.target(path), origin.authority)
        ]
        for name, value in headers:
            if name in _OURS:
                continue
            if _UNSAFE.search(value) or not _NAME.fullmatch(name):
                raise ValueError(f"header {name[:40]!r} cannot be written on the wire")
            lines.append(b"%s: %s\r\n" % (name, value))
        if length or method in ("PATCH", "POST", "PUT"):
            lines.append(b"content-length: %d\r\n" % length)
        lines.append(b"\r\n")
        return b"".join(lines)
