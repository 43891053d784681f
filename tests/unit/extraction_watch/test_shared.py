from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from leeward.cli.simulate import Event
from leeward.domain.view import Fact
from leeward.extraction_watch.detector import ExtractionWatch
from leeward.extraction_watch.exchange import bias_of, read
from leeward.extraction_watch.memory import Shared, Trace
from leeward.extraction_watch.shared import join, note_shared, pack, snapshot, unpack
from leeward.extraction_watch.simulation.strategies import STRATEGIES
from leeward.extraction_watch.simulation.traffic import Attack, attack
from leeward.extraction_watch.weigh import MOST_EVIDENCE, Limits, Step

LIMITS = Limits()
OTHER_VERSION = b"\x92\x63\x01"


def facts_of(event: Event) -> dict[str, Fact]:
    params = event.params
    return {
        "t": event.t, "tenant": event.tenant, "key": event.key, "texts": [event.text], **params,
        "logit_bias": bias_of(params.get("logit_bias")),  # type: ignore[arg-type]
    }  # type: ignore[dict-item]  # fmt: skip


def enter(watch: ExtractionWatch, event: Event) -> Step:
    return watch.observe(read(facts_of(event)))[0].step


def trace_of(watch: ExtractionWatch, event: Event) -> Trace:
    trace = watch.memory.known(event.tenant, event.key)
    assert trace is not None
    return trace


class Row:
    """What a store does with a trace: written by who knows its version, else joined first."""

    def __init__(self) -> None:
        self.version, self.content = 0, b""

    def share(self, trace: Trace) -> None:
        sent = snapshot(trace)
        if sent.version != self.version:
            join(trace, self.version, self.content, LIMITS)
            sent = snapshot(trace)
        self.version, self.content = self.version + 1, sent.content
        note_shared(trace, replace(sent, version=self.version))


def some_traffic(count: int = 300) -> list[Event]:
    return list(attack(Attack(strategy="distillation", delivery="mixed", queries=count, share=0.5), 1))


def test_a_trace_comes_back_from_its_bytes_as_it_was() -> None:
    watch, events = ExtractionWatch(), some_traffic()
    for event in events:
        enter(watch, event)
    trace = trace_of(watch, events[0])

    back = unpack(pack(trace))

    assert back is not None
    assert back == replace(trace, last_text=-1, last_frame=-1, last_gap_seconds=0.0, own=0)


def test_bytes_are_bounded_and_hold_no_text() -> None:
    watch, events = ExtractionWatch(), some_traffic(4_000)
    for event in events:
        enter(watch, event)
    content = pack(trace_of(watch, events[0]))

    assert len(content) < 20_000
    assert not any(word.encode() in content for event in events for word in event.text.split() if len(word) > 6)


@pytest.mark.parametrize("content", [b"", b"\xc1", OTHER_VERSION])
def test_bytes_of_another_version_are_passed_over(content: bytes) -> None:
    trace = Trace(0.0, 0.0, evidence={"exam": 3.0})
    join(trace, 7, content, LIMITS)

    assert unpack(content) is None
    assert trace.evidence == {"exam": 3.0}
    assert trace.shared is not None
    assert trace.shared.version == 7


@pytest.mark.parametrize("strategy", list(STRATEGIES))
def test_two_processes_that_share_see_together_what_one_sees(strategy: str) -> None:
    events = list(attack(Attack(strategy=strategy, queries=1_000), 4))
    alone = ExtractionWatch()
    caught = next(n for n, event in enumerate(events) if enter(alone, event) is not Step.NONE)
    watches, row = (ExtractionWatch(), ExtractionWatch()), Row()

    together = None
    for number, event in enumerate(events):
        if enter(watches[number % 2], event) is not Step.NONE:
            together = number
            break
        if number % 4 >= 2:
            row.share(trace_of(watches[number % 2], event))

    assert together is not None
    assert together <= 1.25 * caught + 16


def test_what_one_saw_is_added_once_however_often_it_is_shared() -> None:
    watch, row, events = ExtractionWatch(), Row(), some_traffic(100)
    other = Trace(events[0].t, events[0].t)
    for event in events:
        enter(watch, event)
    trace = trace_of(watch, events[0])
    for _ in range(5):
        row.share(trace)
        row.share(other)

    assert trace.number == other.number == 100
    assert trace.counts == pytest.approx(other.counts)
    assert trace.evidence == pytest.approx(other.evidence)
    assert other.weight <= MOST_EVIDENCE


def test_numbers_of_both_are_kept() -> None:
    chance, row = Random(3), Row()
    events = some_traffic(400)
    halves = ExtractionWatch(), ExtractionWatch()
    for event in events:
        enter(halves[chance.random() < 0.3], event)
    ours, theirs = (trace_of(half, events[0]) for half in halves)
    number = ours.number + theirs.number
    row.share(ours)
    row.share(theirs)
    row.share(ours)

    assert number == 400
    assert ours.number == theirs.number == 400
    assert set(ours.words) == set(theirs.words)
    assert ours.sketch == theirs.sketch


def test_a_process_learns_which_part_of_a_callers_traffic_it_sees() -> None:
    watches, row = (ExtractionWatch(), ExtractionWatch()), Row()
    events = some_traffic(800)
    for number, event in enumerate(events):
        watch = watches[number % 4 == 0]
        enter(watch, event)
        if number % 10 == 9:
            for each in watches:
                row.share(trace_of(each, event))
    most, few = (trace_of(each, events[0]).part for each in watches)

    assert most == pytest.approx(0.75, abs=0.1)
    assert few == pytest.approx(0.25, abs=0.1)


def test_a_process_that_starts_anew_goes_on_where_the_last_one_stood() -> None:
    events = some_traffic(600)
    first = ExtractionWatch()
    for event in events[:300]:
        enter(first, event)
    content = pack(trace_of(first, events[0]))
    second = ExtractionWatch()
    back = unpack(content)
    assert back is not None
    note_shared(back, Shared(1, content, back.last_t, back.weight, back.number))
    second.memory.restore(events[0].tenant, events[0].key, back)
    for event in events[300:]:
        enter(first, event)
        enter(second, event)
    one, other = trace_of(first, events[0]), trace_of(second, events[0])

    assert other.part == 1.0
    assert other.number == one.number
    assert other.weight == pytest.approx(one.weight, abs=0.5)
