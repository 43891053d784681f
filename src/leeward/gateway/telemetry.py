"""Counters, histograms and spans; none of them ever carries text of an exchange."""

from __future__ import annotations

from typing import Final

from opentelemetry import trace
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from leeward.domain.disposition import Disposition
from leeward.domain.record import Closed, Outcome
from leeward.domain.verdict import Cause

_SECONDS: Final = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

tracer = trace.get_tracer("leeward")


class Metrics:
    """What `/metrics` shows.

    Args:
        registry: Where the metrics are registered; each gateway has its own.
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        self._exchanges = Counter(
            "leeward_exchanges",
            "Exchanges by how they ended.",
            ("endpoint", "outcome", "disposition"),
            registry=self.registry,
        )
        self._ended: dict[tuple[str, Outcome, Disposition], Counter] = {}  # finding labels costs more than counting
        self._firings = Counter("leeward_firings", "Rules that fired.", ("rule",), registry=self.registry)
        self._unchecked = Counter(
            "leeward_unchecked",
            "Rules that could not be checked, by detector.",
            ("rule", "detector"),
            registry=self.registry,
        )
        self._inspection = Histogram(
            "leeward_inspection_seconds", "Time spent looking, per exchange.", buckets=_SECONDS, registry=self.registry
        )
        self._turned_away = Counter(
            "leeward_turned_away", "Requests that were no exchange, by reason.", ("code",), registry=self.registry
        )
        self._active = Gauge("leeward_active_exchanges", "Exchanges under way.", registry=self.registry)
        self.store_failures = Counter(
            "leeward_store_failures", "Exchanges whose record could not be opened.", registry=self.registry
        )

    def opened(self) -> None:
        """Count an exchange that begins."""
        self._active.inc()

    def closed(self, record: Closed, endpoint: str) -> None:
        """Count an exchange that ended."""
        self._active.dec()
        verdict = record.verdict
        ended = (endpoint, record.outcome, verdict.disposition)
        counter = self._ended.get(ended)
        if counter is None:
            counter = self._exchanges.labels(endpoint, record.outcome.value, verdict.disposition.word)
            self._ended[ended] = counter
        counter.inc()
        self._inspection.observe(record.inspection_seconds)
        for firing in verdict.firings:
            if firing.cause is Cause.FINDING:
                self._firings.labels(firing.rule).inc()
            else:
                self._unchecked.labels(firing.rule, firing.detector).inc()

    def turned_away(self, code: str) -> None:
        """Count a request that was refused before it became an exchange."""
        self._turned_away.labels(code).inc()

    def page(self) -> bytes:
        """Return all metrics in the text format."""
        return generate_latest(self.registry)
