"""Counts and spans; none of them ever carries text of an exchange."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator, Mapping
from itertools import accumulate
from typing import Final, TypeVar

from opentelemetry import trace
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from leeward.domain.record import Closed
from leeward.domain.verdict import Cause

_SECONDS: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

tracer = trace.get_tracer("leeward")


class Metrics:
    """What `/metrics` shows.

    Counting happens on the event loop alone, so plain numbers do; they become metrics when somebody asks.
    """

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.registry.register(self)
        self._active = 0
        self._store_failures = 0
        self._exchanges: Counter[tuple[str, str, str]] = Counter()
        self._firings: Counter[str] = Counter()
        self._unchecked: Counter[tuple[str, str]] = Counter()
        self._turned_away: Counter[str] = Counter()
        self._inspections = [0] * (len(_SECONDS) + 1)
        self._inspection_seconds = 0.0

    def opened(self) -> None:
        """Count an exchange that begins."""
        self._active += 1

    def closed(self, record: Closed, endpoint: str) -> None:
        """Count an exchange that ended."""
        self._active -= 1
        verdict = record.verdict
        self._exchanges[endpoint, record.outcome.value, verdict.disposition.word] += 1
        self._inspections[bisect_left(_SECONDS, record.inspection_seconds)] += 1
        self._inspection_seconds += record.inspection_seconds
        for firing in verdict.firings:
            if firing.cause is Cause.FINDING:
                self._firings[firing.rule] += 1
            else:
                self._unchecked[firing.rule, firing.detector] += 1

    def turned_away(self, code: str) -> None:
        """Count a request that was refused before it became an exchange."""
        self._turned_away[code] += 1

    def store_failed(self) -> None:
        """Count an exchange whose record could not be opened."""
        self._store_failures += 1

    def page(self) -> bytes:
        """Return all metrics in the text format of Prometheus."""
        return generate_latest(self.registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; the registry asks for them."""
        yield _counter("leeward_exchanges", "Exchanges by how they ended.", _EXCHANGE, self._exchanges)
        yield _counter("leeward_firings", "Rules that fired.", ("rule",), _single(self._firings))
        yield _counter(
            "leeward_unchecked", "Rules that could not be checked, by detector.", ("rule", "detector"), self._unchecked
        )
        yield _counter(
            "leeward_turned_away", "Requests that were no exchange, by reason.", ("code",), _single(self._turned_away)
        )
        yield CounterMetricFamily(
            "leeward_store_failures", "Exchanges whose record could not be opened.", value=self._store_failures
        )
        yield GaugeMetricFamily("leeward_active_exchanges", "Exchanges under way.", value=self._active)
        bounds = [*map(str, _SECONDS), "+Inf"]
        yield HistogramMetricFamily(
            "leeward_inspection_seconds",
            "Time spent looking, per exchange.",
            buckets=list(zip(bounds, accumulate(self._inspections), strict=True)),
            sum_value=self._inspection_seconds,
        )


_Labels = TypeVar("_Labels", bound=tuple[str, ...])
_EXCHANGE: Final = ("endpoint", "outcome", "disposition")


def _single(counts: Counter[str]) -> Counter[tuple[str, ...]]:
    return Counter({(label,): count for label, count in counts.items()})


def _counter(
    name: str, words: str, labels: tuple[str, ...], counts: Mapping[_Labels, int]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, words, labels=labels)
    for values, count in sorted(counts.items()):
        family.add_metric(values, count)
    return family
