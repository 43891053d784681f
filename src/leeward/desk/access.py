"""Who may see the desk."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from enum import Enum, auto
from http.cookies import CookieError, SimpleCookie
from typing import Final

from leeward.errors import SettingsError
from leeward.pages.headers import Scope

COOKIE: Final = "leeward_desk"
SESSION_SECONDS: Final = 12 * 3_600
SHORTEST_TOKEN: Final = 16
_THIS_MACHINE: Final = frozenset({"127.0.0.1", "::1", "localhost"})
# A request with one of these came through a proxy, so its sender may be anywhere.
_PROXIED: Final = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})


class Door(Enum):
    """How the desk is kept."""

    OPEN = auto()
    THIS_MACHINE = auto()
    TOKEN = auto()
    CLOSED = auto()


@dataclass(frozen=True, slots=True)
class Access:
    """Decides who may see the desk; made by one of the named constructors.

    Attributes:
        door: How the desk is kept.
        token: The desk token; empty unless `door` is TOKEN.
    """

    door: Door
    token: str = field(default="", repr=False)

    @classmethod
    def open_to_all(cls) -> Access:
        """Let anyone in who reaches the server; for demos, whose exchanges are scripted."""
        return cls(Door.OPEN)

    @classmethod
    def this_machine(cls) -> Access:
        """Let in who calls from this machine, without a proxy between."""
        return cls(Door.THIS_MACHINE)

    @classmethod
    def by_token(cls, token: str) -> Access:
        """Let in who knows the token.

        Raises:
            SettingsError: If the token is short enough to be guessed.
        """
        if len(token) < SHORTEST_TOKEN:
            raise SettingsError(
                f"the desk token has {len(token)} characters, too few to withstand guessing",
                remedy=f"Set LEEWARD_DESK_TOKEN to at least {SHORTEST_TOKEN} random characters, "
                "for instance from: openssl rand -hex 24",
            )
        return cls(Door.TOKEN, token)

    @classmethod
    def closed(cls) -> Access:
        """Let nobody in: the server can be reached from elsewhere and no token is set."""
        return cls(Door.CLOSED)

    def admits(self, scope: Scope, now: float) -> bool:
        """Whether the sender of a request may see the desk."""
        match self.door:
            case Door.OPEN:
                return True
            case Door.THIS_MACHINE:
                return is_from_this_machine(scope)
            case Door.TOKEN:
                return self._knows(_cookie(scope), now)
            case Door.CLOSED:
                return False

    def is_token(self, told: str) -> bool:
        """Whether `told` is the token; takes the same time wherever it differs."""
        return self.door is Door.TOKEN and hmac.compare_digest(_digest(told), _digest(self.token))

    def session(self, now: float) -> str:
        """Return the value of a session cookie that holds until 12 hours after `now`."""
        until = str(int(now) + SESSION_SECONDS)
        return f"{until}.{self._sign(until)}"

    def _knows(self, cookie: str, now: float) -> bool:
        until, _, signature = cookie.partition(".")
        if not (until.isascii() and until.isdigit()) or len(until) > 12:
            return False
        signed = hmac.compare_digest(signature.encode("utf-8", "replace"), self._sign(until).encode())
        return signed and now < int(until)

    def _sign(self, until: str) -> str:
        key = hashlib.blake2b(self.token.encode(), person=b"leeward-desk", digest_size=32).digest()
        return hmac.new(key, until.encode(), hashlib.sha256).hexdigest()


def is_from_this_machine(scope: Scope) -> bool:
    """Whether a request was sent on this machine, to a name of this machine, without a proxy.

    The name is checked so that a page from elsewhere cannot have its own name point here and read the answer.
    """
    client = scope.get("client")
    host = ""
    for name, value in scope["headers"]:
        if name in _PROXIED:
            return False
        if name == b"host":
            host = value.decode("latin-1")
    return client is not None and client[0] in _THIS_MACHINE and _name_of(host) in _THIS_MACHINE


def _name_of(host: str) -> str:
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0].lower()


def _cookie(scope: Scope) -> str:
    told = "; ".join(value.decode("latin-1") for name, value in scope["headers"] if name == b"cookie")
    try:
        morsel = SimpleCookie(told).get(COOKIE)
    except CookieError:
        return ""
    return morsel.value if morsel is not None else ""


def _digest(told: str) -> bytes:
    return hashlib.sha256(told.encode("utf-8", "surrogatepass")).digest()
