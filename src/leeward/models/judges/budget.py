"""How often a judge may be asked: so many requests a minute, and a rest after it failed several times in a row."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final

FAILURES: Final = 3  # in a row, after which the judge is left alone
REST_SECONDS: Final = 10.0


class Budget:
    """A bucket of requests that fills evenly; safe to share between threads.

    Args:
        per_minute: Requests a minute, which is also the most that can be saved up; 0 sets no limit.
        clock: Seconds, monotonic.

    Raises:
        ValueError: If `per_minute` is below 0.
    """

    def __init__(self, per_minute: float, clock: Callable[[], float]) -> None:
        if per_minute < 0:
            raise ValueError("a budget cannot be below 0")
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._saved = per_minute
        self._filled_at = clock()
        self._failures = 0
        self._rests_until = float("-inf")

    def take(self, requests: int = 1) -> bool:
        """Return whether so many requests may be sent now; takes all of them or none."""
        with self._lock:
            now = self._clock()
            if now < self._rests_until:
                return False
            if not self._per_minute:
                return True
            self._saved = min(self._per_minute, self._saved + (now - self._filled_at) * self._per_minute / 60.0)
            self._filled_at = now
            if self._saved < requests:
                return False
            self._saved -= requests
            return True

    def went_well(self) -> None:
        """Note that the judge answered."""
        with self._lock:
            self._failures = 0

    def failed(self) -> None:
        """Note that it did not; several times in a row begin a rest."""
        with self._lock:
            self._failures += 1
            if self._failures >= FAILURES:
                self._failures = 0
                self._rests_until = self._clock() + REST_SECONDS
