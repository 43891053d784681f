"""Counts and spans; none of them ever carries text of an exchange."""

from __future__ import annotations

import os
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Final, TypeAlias, TypeVar

import msgspec
from opentelemetry import trace
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from leeward.domain.record import Closed
from leeward.domain.verdict import Cause

_SECONDS: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

DaysLeft: TypeAlias = Callable[[], Iterable[tuple[tuple[str, str, str], int]]]

tracer = trace.get_tracer("leeward")


class Counts(msgspec.Struct, kw_only=True):
    """What one process has counted."""

    active: int = 0
    store_failures: int = 0
    exchanges: dict[tuple[str, str, str], int] = msgspec.field(default_factory=dict)
    firings: dict[str, int] = msgspec.field(default_factory=dict)
    unchecked: dict[tuple[str, str], int] = msgspec.field(default_factory=dict)
    turned_away: dict[str, int] = msgspec.field(default_factory=dict)
    inspections: list[int] = msgspec.field(default_factory=lambda: [0] * (len(_SECONDS) + 1))
    inspection_seconds: float = 0.0

    def add(self, other: Counts) -> None:
        """Add what another process has counted."""
        self.active += other.active
        self.store_failures += other.store_failures
        _merge(self.exchanges, other.exchanges)
        _merge(self.firings, other.firings)
        _merge(self.unchecked, other.unchecked)
        _merge(self.turned_away, other.turned_away)
        self.inspections = [a + b for a, b in zip(self.inspections, other.inspections, strict=True)]
        self.inspection_seconds += other.inspection_seconds


class Metrics:
    """What `/metrics` shows.

    Counting happens on the event loop alone, so plain numbers do; they become metrics when somebody asks. Where several
    processes serve one address, each writes down its counts, and whichever is asked answers for all.

    Args:
        shared: Folder in which the processes of one gateway write down their counts; None when there is one process.
        days_left: Gives tenant, kind and number of each entitlement that has an end, with the days until then.
    """

    def __init__(self, shared: Path | None = None, days_left: DaysLeft = tuple) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self.counts = Counts()
        self._shared = shared
        self._days_left = days_left
        self._own = f"{os.getpid()}.counts"

    def opened(self) -> None:
        """Count an exchange that begins."""
        self.counts.active += 1

    def closed(self, record: Closed, endpoint: str) -> None:
        """Count an exchange that ended."""
        counts, verdict = self.counts, record.verdict
        counts.active -= 1
        _count(counts.exchanges, (endpoint, record.outcome.value, verdict.disposition.word))
        counts.inspections[bisect_left(_SECONDS, record.inspection_seconds)] += 1
        counts.inspection_seconds += record.inspection_seconds
        for firing in verdict.firings:
            if firing.cause is Cause.FINDING:
                _count(counts.firings, firing.rule)
            else:
                _count(counts.unchecked, (firing.rule, firing.detector))

    def turned_away(self, code: str) -> None:
        """Count a request that was refused before it became an exchange."""
        _count(self.counts.turned_away, code)

    def store_failed(self) -> None:
        """Count an exchange whose record could not be opened."""
        self.counts.store_failures += 1

    def share(self) -> None:
        """Write down the counts for the other processes; nothing to do when there is one process."""
        if self._shared is not None:
            draft = self._shared / f"{self._own}.draft"
            draft.write_bytes(msgspec.msgpack.encode(self.counts))
            draft.replace(self._shared / self._own)

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the registry asks for them."""
        counts = self._all()
        yield _counter("leeward_exchanges", "Exchanges by how they ended.", _EXCHANGE, counts.exchanges)
        yield _counter("leeward_firings", "Rules that fired.", ("rule",), _single(counts.firings))
        yield _counter(
            "leeward_unchecked", "Rules that could not be checked, by detector.", ("rule", "detector"), counts.unchecked
        )
        yield _counter(
            "leeward_turned_away", "Requests that were no exchange, by reason.", ("code",), _single(counts.turned_away)
        )
        yield CounterMetricFamily(
            "leeward_store_failures", "Exchanges whose record could not be opened.", value=counts.store_failures
        )
        yield GaugeMetricFamily("leeward_active_exchanges", "Exchanges under way.", value=counts.active)
        yield self._entitlements()
        bounds = [*map(str, _SECONDS), "+Inf"]
        yield HistogramMetricFamily(
            "leeward_inspection_seconds",
            "Time spent looking, per exchange.",
            buckets=list(zip(bounds, accumulate(counts.inspections), strict=True)),
            sum_value=counts.inspection_seconds,
        )

    def _entitlements(self) -> GaugeMetricFamily:
        words = "Days until an entitlement of a tenant ends; below 0 it has ended."
        family = GaugeMetricFamily("leeward_entitlement_days_left", words, labels=("tenant", "kind", "contract"))
        for labels, days in self._days_left():
            family.add_metric(labels, days)
        return family

    def _all(self) -> Counts:
        if self._shared is None:
            return self.counts
        total = Counts()
        total.add(self.counts)
        for path in self._shared.glob("*.counts"):
            if path.name != self._own:
                total.add(msgspec.msgpack.decode(path.read_bytes(), type=Counts))
        return total


_Key = TypeVar("_Key", bound=Hashable)
_Labels = TypeVar("_Labels", bound=tuple[str, ...])
_EXCHANGE: Final = ("endpoint", "outcome", "disposition")


def _count(counts: dict[_Key, int], key: _Key, by: int = 1) -> None:
    counts[key] = counts.get(key, 0) + by


def _merge(counts: dict[_Key, int], others: Mapping[_Key, int]) -> None:
    for key, by in others.items():
        _count(counts, key, by)


def _single(counts: Mapping[str, int]) -> dict[tuple[str, ...], int]:
    return {(label,): count for label, count in counts.items()}


def _counter(name: str, words: str, labels: tuple[str, ...], counts: Mapping[_Labels, int]) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family
