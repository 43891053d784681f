"""Scans on a Ray cluster; needs `pip install leeward[ray]`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from leeward.errors import SettingsError
from leeward.scanning.job import Job, Scanner
from leeward.scanning.rows import Row

_CHUNK = 256


def scan_ray(job: Job, rows: Sequence[Row], jobs: int) -> Iterator[bytes]:
    """Yield the output lines of `rows` in any order.

    Args:
        jobs: Actors, each with an inspection of its own.

    Raises:
        SettingsError: If Ray is not installed.
    """
    try:
        import ray
        from ray.util import ActorPool
    except ImportError as error:
        raise SettingsError("--engine ray needs Ray", remedy="pip install 'leeward[ray]'") from error
    ray.init(ignore_reinit_error=True, log_to_driver=False)
    actor = ray.remote(_Worker)
    pool = ActorPool([actor.remote(job) for _ in range(jobs)])
    chunks = [rows[start : start + _CHUNK] for start in range(0, len(rows), _CHUNK)]
    for lines in pool.map_unordered(lambda worker, some: worker.lines.remote(some), chunks):
        yield from lines


class _Worker:
    """One actor."""

    def __init__(self, job: Job) -> None:
        self._scanner = Scanner(job)

    def lines(self, rows: Sequence[Row]) -> list[bytes]:
        """Return the output lines of `rows`."""
        return [self._scanner.line(row) for row in rows]
