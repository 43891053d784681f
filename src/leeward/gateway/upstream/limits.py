"""How long, how much and how often: the bounds of one upstream client."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Retries:
    """When a request may be sent again after a reply that says "not now".

    Only a reply whose status is named here is retried, and only before any of it was handed on. Tokens may be
    generated twice by a server that answers 500 late, so 500, 502 and 504 must be asked for.

    Args:
        times: Further attempts; 0 for none.
        statuses: Statuses that mean "not now", each 429 or 500 to 599.
        first_wait_seconds: Pause when the server names none; doubles each time.
        longest_wait_seconds: A longer `Retry-After` is the caller's business: the reply is handed on as it is.
    """

    times: int = 1
    statuses: frozenset[int] = frozenset({429, 503})
    first_wait_seconds: float = 0.25
    longest_wait_seconds: float = 2.0

    def __post_init__(self) -> None:
        if self.times < 0 or self.first_wait_seconds < 0:
            raise ValueError("retries: times and first_wait_seconds cannot be negative")
        wrong = sorted(s for s in self.statuses if s != 429 and not 500 <= s <= 599)
        if wrong:
            raise ValueError(f"retries: status {wrong[0]} cannot be retried; name 429 or 500 to 599")


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one upstream.

    Args:
        max_connections: Open connections, busy and idle; further requests queue first come, first served.
        max_waiting: Requests in that queue; one more is refused at once.
        keep_idle_seconds: An unused connection is closed after this time.
        connect_seconds: TCP and TLS handshake together.
        first_byte_seconds: From sending to the end of the reply's head; covers a model's whole thinking time when it
            does not stream.
        chunk_seconds: Longest silence inside a body; not counted while we hold the server back.
        head_bytes: Largest reply head; also the largest run of bytes without any body, such as trailers.
        max_headers: Header lines in a reply.
        high_water_bytes: Unread body that makes us stop reading from the server.
        low_water_bytes: Reading starts again at or below this.
    """

    max_connections: int = 256
    max_waiting: int = 4096
    keep_idle_seconds: float = 30.0
    connect_seconds: float = 5.0
    first_byte_seconds: float = 120.0
    chunk_seconds: float = 60.0
    head_bytes: int = 65_536
    max_headers: int = 200
    high_water_bytes: int = 262_144
    low_water_bytes: int = 65_536
    retries: Retries = field(default_factory=Retries)

    def __post_init__(self) -> None:
        positive = (
            self.max_connections,
            self.keep_idle_seconds,
            self.connect_seconds,
            self.first_byte_seconds,
            self.chunk_seconds,
            self.head_bytes,
            self.max_headers,
        )
        if min(positive) <= 0 or self.max_waiting < 0:
            raise ValueError("limits: every limit must be above zero (max_waiting may be zero)")
        if not 0 <= self.low_water_bytes < self.high_water_bytes:
            raise ValueError("limits: low_water_bytes must be below high_water_bytes")
