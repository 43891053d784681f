"""Traces as they are kept and shared: packed into bytes, and joined when several processes saw parts of one caller."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

from leeward.extraction_watch.memory import (
    MOST_BIASES,
    MOST_COUNTED,
    MOST_FRAMES,
    MOST_LABELS,
    MOST_MEMBERS,
    MOST_STREAMS,
    MOST_TEXTS,
    MOST_WORDS,
    SKETCH_BITS,
    Seen,
    Shared,
    Spread,
    Stream,
    Trace,
)
from leeward.extraction_watch.weigh import MOST_EVIDENCE, Limits

_FORMAT: Final = 1
# A replica is believed to take at least this share of a caller's exchanges.
_LEAST_PART: Final = 1 / 32
# Fewer exchanges tell little about how a caller's are dealt out.
_ENOUGH_TO_TELL: Final = 50

_Value = TypeVar("_Value")


class _Packed(msgspec.Struct, array_like=True, frozen=True):
    """A trace without what is one process's own."""

    format: int
    last_t: float
    faded_t: float
    evidence: dict[str, float]
    counts: dict[str, float]
    lines: dict[str, float]
    exchanges: float
    logprobs: float
    gap_seconds: float
    admitted_at: float | None
    alert_since: float | None
    number: int
    texts: dict[int, tuple[int, int]]
    frames: dict[int, int]
    openings: dict[int, int]
    labels: dict[int, int]
    biases: dict[int, int]
    streams: dict[int, tuple[float, float]]
    members: list[str]
    counted: int
    words: dict[int, tuple[int, int, int]]
    sketch: bytes
    exams: int
    told: int
    is_proposed: bool
    is_hardened: bool


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Packed).decode


def pack(trace: Trace) -> bytes:
    """Return a trace as bytes: hashes and counters, 20 kB at most, of a tenant with hundreds of keys 50 kB."""
    return _encode(
        _Packed(
            format=_FORMAT,
            last_t=trace.last_t,
            faded_t=trace.faded_t,
            evidence=trace.evidence,
            counts=trace.counts,
            lines=trace.lines,
            exchanges=trace.exchanges,
            logprobs=trace.logprobs,
            gap_seconds=trace.gap_seconds,
            admitted_at=None if trace.admitted_at == float("-inf") else trace.admitted_at,
            alert_since=trace.alert_since,
            number=trace.number,
            texts={text: (seen.times, seen.settings) for text, seen in trace.texts.items()},
            frames=dict(trace.frames),
            openings=dict(trace.openings),
            labels=dict(trace.labels),
            biases=dict(trace.biases),
            streams={client: (s.evidence, s.signs) for client, s in trace.streams.items()},
            members=list(trace.members),
            counted=trace.counted,
            words={word: (w.times, w.frames, w.last) for word, w in trace.words.items()},
            sketch=trace.sketch.to_bytes(SKETCH_BITS // 8, "big"),
            exams=trace.exams,
            told=trace.told,
            is_proposed=trace.is_proposed,
            is_hardened=trace.is_hardened,
        )
    )


def unpack(content: bytes) -> Trace | None:
    """Return a trace from its bytes; None when another version of this code wrote them."""
    try:
        packed = _decode(content)
    except msgspec.DecodeError:
        return None
    if packed.format != _FORMAT:
        return None
    return Trace(
        last_t=packed.last_t,
        faded_t=packed.faded_t,
        evidence=packed.evidence,
        counts=packed.counts,
        lines=packed.lines,
        exchanges=packed.exchanges,
        logprobs=packed.logprobs,
        gap_seconds=packed.gap_seconds,
        admitted_at=float("-inf") if packed.admitted_at is None else packed.admitted_at,
        alert_since=packed.alert_since,
        number=packed.number,
        texts=OrderedDict((text, Seen(*seen)) for text, seen in packed.texts.items()),
        frames=OrderedDict(packed.frames),
        openings=OrderedDict(packed.openings),
        labels=OrderedDict(packed.labels),
        biases=OrderedDict(packed.biases),
        streams=OrderedDict((client, Stream(*s)) for client, s in packed.streams.items()),
        members=OrderedDict.fromkeys(packed.members),
        counted=packed.counted,
        words=OrderedDict((word, Spread(*w)) for word, w in packed.words.items()),
        sketch=int.from_bytes(packed.sketch, "big"),
        exams=packed.exams,
        told=packed.told,
        is_proposed=packed.is_proposed,
        is_hardened=packed.is_hardened,
    )


def snapshot(trace: Trace) -> Shared:
    """Return the trace as it is now, to be written over the version that it goes on from."""
    version = trace.shared.version if trace.shared else 0
    return Shared(version, pack(trace), trace.last_t, trace.weight, trace.number)


def note_shared(trace: Trace, shared: Shared) -> None:
    """Note what the store holds of a trace now."""
    if trace.shared is None:
        trace.own_told, trace.number_told = trace.own, trace.number
    trace.shared = shared
    seen = trace.number - trace.number_told
    if seen >= _ENOUGH_TO_TELL:
        part = max(_LEAST_PART, (trace.own - trace.own_told) / seen)
        trace.part += 0.5 * (min(1.0, part) - trace.part)
        trace.own_told, trace.number_told = trace.own, trace.number


def join(ours: Trace, version: int, content: bytes, limits: Limits) -> None:
    """Add to a trace what other processes saw of the same caller since the store was last compared.

    What this process saw since then is kept on top of what the store holds, as if one process had seen all of it.

    Args:
        ours: What this process knows; changed in place.
        version: Of the row.
        content: What the store holds; content of another version of this code counts as nothing.
    """
    theirs = unpack(content)
    if theirs is None:
        ours.shared = Shared(version, b"", ours.last_t, 0.0, 0)
        return
    base = unpack(ours.shared.content) if ours.shared is not None and ours.shared.content else None
    base = base or Trace(ours.faded_t, ours.faded_t)
    t = max(ours.faded_t, theirs.faded_t, base.faded_t)
    for trace in (ours, theirs, base):
        trace.fade_to(t, limits.half_life_seconds, limits.volume_half_life_seconds)
    _join_numbers(ours, theirs, base)
    _join_texts(ours, theirs, base)
    note_shared(ours, Shared(version, content, theirs.last_t, theirs.weight, theirs.number))


def _join_numbers(ours: Trace, theirs: Trace, base: Trace) -> None:
    ours.evidence = {
        name: min(MOST_EVIDENCE, told)
        for name in ours.evidence | theirs.evidence
        if (told := _sum(ours.evidence, theirs.evidence, base.evidence, name)) > 0.0
    }
    ours.counts = {name: _sum(ours.counts, theirs.counts, base.counts, name) for name in ours.counts | theirs.counts}
    ours.lines = {name: _sum(ours.lines, theirs.lines, base.lines, name) for name in ours.lines | theirs.lines}
    ours.exchanges = max(0.0, theirs.exchanges + ours.exchanges - base.exchanges)
    ours.logprobs = max(0.0, theirs.logprobs + ours.logprobs - base.logprobs)
    ours.counted = min(MOST_COUNTED, max(ours.counted, theirs.counted + ours.counted - base.counted))
    ours.last_t = max(ours.last_t, theirs.last_t)
    ours.gap_seconds = min(ours.gap_seconds, theirs.gap_seconds)
    ours.admitted_at = max(ours.admitted_at, theirs.admitted_at)
    since = [at for at in (ours.alert_since, theirs.alert_since) if at is not None]
    ours.alert_since = min(since, default=None)
    ours.told = max(ours.told, theirs.told)
    ours.is_proposed |= theirs.is_proposed
    ours.is_hardened |= theirs.is_hardened


def _sum(ours: dict[str, float], theirs: dict[str, float], base: dict[str, float], name: str) -> float:
    return max(0.0, theirs.get(name, 0.0) + ours.get(name, 0.0) - base.get(name, 0.0))


def _join_texts(ours: Trace, theirs: Trace, base: Trace) -> None:
    ours.frames = _added(ours.frames, theirs.frames, base.frames, MOST_FRAMES, _count)
    ours.openings = _added(ours.openings, theirs.openings, base.openings, MOST_FRAMES, _count)
    ours.labels = _added(ours.labels, theirs.labels, base.labels, MOST_LABELS, _count)
    ours.biases = _added(ours.biases, theirs.biases, base.biases, MOST_BIASES, _count)
    ours.texts = _added(ours.texts, theirs.texts, base.texts, MOST_TEXTS, _seen)
    ours.streams = _added(ours.streams, theirs.streams, base.streams, MOST_STREAMS, _stream)
    number = theirs.number + ours.number - base.number
    for spread in ours.words.values():
        spread.last += number - ours.number
    ours.words = _added(ours.words, theirs.words, base.words, MOST_WORDS, _spread)
    ours.number = number
    for key in ours.members:
        theirs.members[key] = None
    while len(theirs.members) > MOST_MEMBERS:
        theirs.members.popitem(last=False)
    ours.members = theirs.members
    ours.sketch |= theirs.sketch
    ours.exams |= theirs.exams


def _added(
    ours: OrderedDict[int, _Value],
    theirs: OrderedDict[int, _Value],
    base: OrderedDict[int, _Value],
    most: int,
    add: Callable[[_Value, _Value | None, _Value | None], _Value],
) -> OrderedDict[int, _Value]:
    """Return what the store holds and, as the latest, what this process saw since."""
    for name, value in ours.items():
        before = base.get(name)
        if value != before:
            theirs[name] = add(value, theirs.get(name), before)
            theirs.move_to_end(name)
    while len(theirs) > most:
        theirs.popitem(last=False)
    return theirs


def _count(own: int, other: int | None, before: int | None) -> int:
    return max(1, (other or 0) + own - (before or 0))


def _seen(own: Seen, other: Seen | None, before: Seen | None) -> Seen:
    if other is None:
        return own
    return Seen(max(1, other.times + own.times - (before.times if before else 0)), own.settings | other.settings)


def _stream(own: Stream, other: Stream | None, before: Stream | None) -> Stream:
    if other is None:
        return own
    before = before or Stream()
    told = min(MOST_EVIDENCE, max(0.0, other.evidence + own.evidence - before.evidence))
    return Stream(told, max(0.0, other.signs + own.signs - before.signs))


def _spread(own: Spread, other: Spread | None, before: Spread | None) -> Spread:
    if other is None:
        return own
    times = max(1, other.times + own.times - (before.times if before else 0))
    return Spread(times, own.frames | other.frames, max(own.last, other.last))
