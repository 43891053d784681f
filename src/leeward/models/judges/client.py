"""A small HTTP/1.1 client for judges: one POST at a time, one deadline for all of it, a limit on what it reads."""

from __future__ import annotations

import re
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

import httptools

from leeward.errors import SettingsError, UpstreamError

MAX_ANSWER_BYTES: Final = 1_048_576
_MAX_HEAD_BYTES: Final = 65_536
_READ_BYTES: Final = 65_536
_IDLE_CONNECTIONS: Final = 8
_SENDABLE: Final = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a judge is.

    Attributes:
        prefix: Path before every request path; empty or starting with a slash, never ending in one.
    """

    is_tls: bool
    host: str
    port: int
    authority: str
    prefix: str

    @classmethod
    def parse(cls, url: str) -> Address:
        """Return the address that `url` names.

        Raises:
            SettingsError: If it is not an http or https address, or holds a user name, a query or a fragment.
        """
        remedy = "Write it like http://127.0.0.1:8000/v1 or https://api.mistral.ai/v1; a key goes into `key_env`."
        shown = url.rpartition("@")[2].partition("?")[0]  # what stands in front or behind may be a secret
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError as error:
            raise SettingsError(f"judge URL {shown!r} cannot be read", remedy=remedy) from error
        is_plain = parts.scheme in ("http", "https") and bool(parts.hostname)
        if not is_plain or "@" in parts.netloc or parts.query or parts.fragment:
            raise SettingsError(f"judge URL {shown!r} is not an http or https address alone", remedy=remedy)
        host = str(parts.hostname)
        prefix = parts.path.rstrip("/")
        if not _SENDABLE.fullmatch(host + prefix):
            raise SettingsError(f"judge URL {shown!r} holds a space or a letter outside ASCII", remedy=remedy)
        is_tls = parts.scheme == "https"
        name = f"[{host}]" if ":" in host else host
        return cls(is_tls, host, port or (443 if is_tls else 80), f"{name}:{port}" if port else name, prefix)

    def target(self, path: str) -> str:
        """Return the request target; a `/v1` that the address ends in is not doubled."""
        return self.prefix + (path[3:] if self.prefix.endswith("/v1") and path.startswith("/v1/") else path)


@dataclass(slots=True)
class _Reply:
    """Collects one reply; httptools calls the methods."""

    parser: httptools.HttpResponseParser = field(init=False)
    head_bytes: int = 0
    body: bytearray = field(default_factory=bytearray)
    has_body: bool = False
    status: int = 0  # once whole
    is_reusable: bool = False

    def __post_init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)

    def on_body(self, data: bytes) -> None:
        self.has_body = True
        self.body += data

    def on_message_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200 and not self.status:  # others are interim: the real one is still to come
            self.status = status
            self.is_reusable = self.parser.should_keep_alive()  # llhttp forgets it after this
        elif self.status:
            self.is_reusable = False  # somebody else's reply follows


class JudgeClient:
    """Sends JSON to one server; safe to share between threads.

    Names are resolved by the system, which the deadline does not bind; redirects are not followed.

    Args:
        key: Bare key for the `authorization` header; empty sends none.
        clock: Seconds, monotonic.

    Raises:
        SettingsError: If `url` or the key cannot be used.
    """

    def __init__(self, url: str, *, key: str = "", clock: Callable[[], float]) -> None:
        self.address = Address.parse(url)
        if key and not _SENDABLE.fullmatch(key):
            raise SettingsError(
                "the judge's key is not one line of ASCII without spaces",
                remedy="Put the bare key into the variable that `key_env` names, without `Bearer`.",
            )
        self._authorization = f"authorization: Bearer {key}\r\n" if key else ""
        self._clock = clock
        self._tls = ssl.create_default_context() if self.address.is_tls else None
        self._lock = threading.Lock()
        self._idle: list[socket.socket] = []

    def post(self, path: str, body: bytes, *, deadline: float) -> bytes:
        """Return the body of a reply with status 200.

        Args:
            deadline: When to give up, on the clock.

        Raises:
            UpstreamError: If there was no such reply in time; the message never holds text that was sent or read.
        """
        head = (
            f"POST {self.address.target(path)} HTTP/1.1\r\nhost: {self.address.authority}\r\n{self._authorization}"
            f"content-type: application/json\r\naccept: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        )
        request = head.encode("ascii") + body
        kept = self._take_idle()
        if kept is not None:
            try:
                return self._exchange(kept, request, deadline)
            except UpstreamError as error:
                if error.kind != "cut":  # the server may have closed it meanwhile; asking twice changes nothing there
                    raise
        return self._exchange(self._connect(deadline), request, deadline)

    def close(self) -> None:
        """Close what is open."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    def _take_idle(self) -> socket.socket | None:
        while True:
            with self._lock:
                if not self._idle:
                    return None
                connection = self._idle.pop()
            if _is_quiet(connection):
                return connection
            connection.close()

    def _connect(self, deadline: float) -> socket.socket:
        connection: socket.socket | None = None
        try:
            where = (self.address.host, self.address.port)
            connection = socket.create_connection(where, timeout=self._left(deadline))
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_hostname=self.address.host)
            return connection
        except (OSError, UnicodeError) as error:
            if connection is not None:
                connection.close()
            if isinstance(error, TimeoutError):
                raise self._error("timeout", "did not answer in time") from error
            raise self._error("refused", f"cannot be reached ({type(error).__name__})") from error

    def _exchange(self, connection: socket.socket, request: bytes, deadline: float) -> bytes:
        is_reusable = False
        try:
            connection.settimeout(self._left(deadline))
            connection.sendall(request)
            reply = self._read(connection, deadline)
            is_reusable = reply.is_reusable
        except TimeoutError as error:
            raise self._error("timeout", "did not answer in time") from error
        except OSError as error:
            raise self._error("cut", f"closed the connection ({type(error).__name__})") from error
        finally:
            self._put_back(connection, is_reusable)
        if reply.status != 200:
            raise self._error("status", f"answered with status {reply.status}", status=reply.status)
        return bytes(reply.body)

    def _read(self, connection: socket.socket, deadline: float) -> _Reply:
        reply = _Reply()
        while not reply.status:
            connection.settimeout(self._left(deadline))
            data = connection.recv(_READ_BYTES)
            if not data:
                raise self._error("cut", "closed the connection before its reply was whole")
            reply.head_bytes += 0 if reply.has_body else len(data)
            try:
                reply.parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
                raise self._error("garbage", "does not speak HTTP") from error
            if len(reply.body) > MAX_ANSWER_BYTES or reply.head_bytes > _MAX_HEAD_BYTES + _READ_BYTES:
                raise self._error("garbage", f"answered more than {MAX_ANSWER_BYTES} bytes")
        return reply

    def _put_back(self, connection: socket.socket, is_reusable: bool) -> None:
        if is_reusable:
            with self._lock:
                if len(self._idle) < _IDLE_CONNECTIONS:
                    self._idle.append(connection)
                    return
        with suppress(OSError):
            connection.close()

    def _left(self, deadline: float) -> float:
        left = deadline - self._clock()
        if left <= 0:
            raise TimeoutError
        return left

    def _error(self, kind: str, what: str, *, status: int | None = None) -> UpstreamError:
        return UpstreamError(f"judge at {self.address.host} {what}", kind=kind, status=status)


def _is_quiet(connection: socket.socket) -> bool:
    """Whether nothing has come in since the last reply: a byte after its end must not answer another question."""
    try:
        connection.settimeout(0)
        connection.recv(1)
    except (BlockingIOError, ssl.SSLWantReadError):
        return True
    except OSError:
        return False
    return False
