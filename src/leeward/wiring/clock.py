"""Time, chance and ids; the only place that asks the machine for them."""

from __future__ import annotations

import os
import threading
import time

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = tuple(a + b for a in _ALPHABET for b in _ALPHABET)


class SystemClock:
    """The machine's clock."""

    def now(self) -> float:
        """Return seconds since the epoch, UTC."""
        return time.time()


class Chance:
    """Random bytes, drawn from the machine a page at a time: each draw is a system call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._page = b""
        self._at = 0

    def __call__(self, count: int, /) -> bytes:
        """Return `count` random bytes, fit for cryptography."""
        with self._lock:
            if self._at + count > len(self._page):
                self._page, self._at = os.urandom(max(4_096, count)), 0
            drawn = self._page[self._at : self._at + count]
            self._at += count
        return drawn


class Ulids:
    """Fresh ULIDs: 48 bits of milliseconds, 80 bits of chance; sorted by time also within a millisecond.

    Source:
        github.com/ulid/spec, monotonic variant.
    """

    def __init__(self, chance: Chance | None = None) -> None:
        self._lock = threading.Lock()
        self._chance = chance or Chance()
        self._last = 0

    def new(self) -> str:
        """Return a fresh ULID."""
        value = time.time_ns() // 1_000_000 << 80 | int.from_bytes(self._chance(10), "big")
        with self._lock:
            if value >> 80 <= self._last >> 80:
                value = self._last + 1
            self._last = value
        # 26 letters of 5 bits: 130 bits, of which the two highest are always zero.
        high, low = value >> 60, value & (1 << 60) - 1
        return "".join([_letters(high >> 60), _letters(high), _letters(low)])[-26:]


def _letters(bits: int) -> str:
    """Return the lowest 60 bits as 12 letters."""
    return "".join([_PAIRS[bits >> shift & 1023] for shift in (50, 40, 30, 20, 10, 0)])
