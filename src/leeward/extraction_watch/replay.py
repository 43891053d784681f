"""Runs recorded exchanges through the watch and tells when a caller reaches a further step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from leeward.domain.view import Fact
from leeward.extraction_watch.detector import SUSPENSION, ExtractionWatch, Suspicion
from leeward.extraction_watch.exchange import read
from leeward.extraction_watch.weigh import Step


@dataclass(frozen=True, slots=True)
class Alert:
    """A caller reached a step.

    Attributes:
        t: Seconds, of the event at which it was reached.
        keys: The key; for a tenant as a whole, its keys that took part in what was seen.
        step: `soft`, `hard` or `alert`.
        evidence: Hazard, probability and counters, as `name=value`.
    """

    t: float
    tenant: str
    keys: tuple[str, ...]
    step: str
    evidence: tuple[str, ...]


def replay(events: Iterable[Mapping[str, Fact]], watch: ExtractionWatch | None = None) -> Iterator[Alert]:
    """Yield an alert whenever a key or tenant rises to a further step, and when its suspension is proposed.

    A caller that falls back to no suspicion is told again when it rises again.

    Args:
        events: Facts of exchanges, in time order, as views of stage `traffic` hold them.
        watch: What looks; a fresh one by default.
    """
    watch = ExtractionWatch() if watch is None else watch
    reached: dict[tuple[str, str], Step] = {}
    suspects: dict[str, set[str]] = {}
    proposed: set[tuple[str, str]] = set()
    for facts in events:
        exchange = read(facts)
        own, whole = watch.observe(exchange)
        for suspicion in (own,) if own is whole else (own, whole):
            name = suspicion.tenant, suspicion.key
            before = reached.get(name, Step.NONE)
            if suspicion.step is Step.NONE:
                reached.pop(name, None)
                proposed.discard(name)
                continue
            if suspicion.key:
                suspects.setdefault(suspicion.tenant, set()).add(suspicion.key)
            is_proposal = suspicion.proposes_suspension and name not in proposed
            if suspicion.step.rank > before.rank or is_proposal:
                reached[name] = max(suspicion.step, before, key=lambda step: step.rank)
                if is_proposal:
                    proposed.add(name)
                keys = (
                    {suspicion.key}
                    if suspicion.key
                    else suspects.get(suspicion.tenant, set()) | set(watch.colluders(suspicion.tenant))
                )
                yield _alert(exchange.t, suspicion, tuple(sorted(keys - {""})))


def _alert(t: float, suspicion: Suspicion, keys: tuple[str, ...]) -> Alert:
    told = f"hazard={suspicion.hazard}", f"probability={suspicion.probability:.3f}"
    proposal = (SUSPENSION,) if suspicion.proposes_suspension else ()
    return Alert(t, suspicion.tenant, keys, str(suspicion.step), (*told, *proposal, *suspicion.evidence))
