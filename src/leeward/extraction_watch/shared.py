"""Traces as they are kept and shared: packed into bytes, and joined when several processes saw parts of one caller."""

from __future__ import annotations

from collections import OrderedDict
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

_Name = TypeVar("_Name", int, str)
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


_NOTHING: Final = _Packed(
    _FORMAT,
    0.0,
    0.0,
    {},
    {},
    {},
    0.0,
    0.0,
    0.0,
    None,
    None,
    0,
    {},
    {},
    {},
    {},
    {},
    {},
    [],
    0,
    {},
    b"",
    0,
    0,
    False,
    False,
)
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
    packed = _read(content)
    if packed is None:
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


def _read(content: bytes) -> _Packed | None:
    try:
        packed = _decode(content)
    except msgspec.DecodeError:
        return None
    return packed if packed.format == _FORMAT else None


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
    # Reading is enough for what was known before: building hundreds of counters would cost more than all the rest.
    base = _read(ours.shared.content) if ours.shared is not None else None
    base = base or _NOTHING
    t = max(ours.faded_t, theirs.faded_t)
    for trace in (ours, theirs):
        trace.fade_to(t, limits.half_life_seconds, limits.volume_half_life_seconds)
    left = 0.5 ** (max(0.0, t - base.faded_t) / limits.half_life_seconds)
    recent = 0.5 ** (max(0.0, t - base.faded_t) / limits.volume_half_life_seconds)
    _join_sums(ours, theirs, base, left)
    ours.exchanges = max(0.0, theirs.exchanges + ours.exchanges - base.exchanges * recent)
    ours.logprobs = max(0.0, theirs.logprobs + ours.logprobs - base.logprobs * recent)
    _join_standing(ours, theirs, base)
    _join_texts(ours, theirs, base, left)
    note_shared(ours, Shared(version, content, theirs.last_t, theirs.weight, theirs.number))


def _join_sums(ours: Trace, theirs: Trace, base: _Packed, left: float) -> None:
    """Add up what fades; `left` is what is left of the base by now."""
    ours.evidence = {
        name: min(MOST_EVIDENCE, told)
        for name, told in _sums(ours.evidence, theirs.evidence, base.evidence, left).items()
        if told > 0.0
    }
    ours.counts = _sums(ours.counts, theirs.counts, base.counts, left)
    ours.lines = _sums(ours.lines, theirs.lines, base.lines, left)


def _join_standing(ours: Trace, theirs: Trace, base: _Packed) -> None:
    ours.counted = min(MOST_COUNTED, max(ours.counted, theirs.counted + ours.counted - base.counted))
    ours.last_t = max(ours.last_t, theirs.last_t)
    ours.gap_seconds = min(ours.gap_seconds, theirs.gap_seconds)
    ours.admitted_at = max(ours.admitted_at, theirs.admitted_at)
    since = [at for at in (ours.alert_since, theirs.alert_since) if at is not None]
    ours.alert_since = min(since, default=None)
    ours.told = max(ours.told, theirs.told)
    ours.is_proposed |= theirs.is_proposed
    ours.is_hardened |= theirs.is_hardened


def _sums(ours: dict[str, float], theirs: dict[str, float], base: dict[str, float], left: float) -> dict[str, float]:
    return {
        name: max(0.0, theirs.get(name, 0.0) + ours.get(name, 0.0) - base.get(name, 0.0) * left)
        for name in ours | theirs
    }


def _join_texts(ours: Trace, theirs: Trace, base: _Packed, left: float) -> None:
    for own, other, before, most in (
        (ours.frames, theirs.frames, base.frames, MOST_FRAMES),
        (ours.openings, theirs.openings, base.openings, MOST_FRAMES),
        (ours.labels, theirs.labels, base.labels, MOST_LABELS),
        (ours.biases, theirs.biases, base.biases, MOST_BIASES),
    ):
        for name, times in own.items():
            if times != before.get(name):
                _put(other, name, max(1, other.get(name, 0) + times - before.get(name, 0)), most)
    ours.frames, ours.openings = theirs.frames, theirs.openings
    ours.labels, ours.biases = theirs.labels, theirs.biases
    _join_seen(ours, theirs, base)
    _join_streams(ours, theirs, base, left)
    _join_words(ours, theirs, base)
    for key in ours.members:
        _put(theirs.members, key, None, MOST_MEMBERS)
    ours.members = theirs.members
    ours.sketch |= theirs.sketch
    ours.exams |= theirs.exams


def _join_seen(ours: Trace, theirs: Trace, base: _Packed) -> None:
    for text, seen in ours.texts.items():
        before = base.texts.get(text, (0, 0))
        if (seen.times, seen.settings) != before:
            other = theirs.texts.get(text) or Seen()
            joined = Seen(max(1, other.times + seen.times - before[0]), other.settings | seen.settings)
            _put(theirs.texts, text, joined, MOST_TEXTS)
    ours.texts = theirs.texts


def _join_streams(ours: Trace, theirs: Trace, base: _Packed, left: float) -> None:
    for client, stream in ours.streams.items():
        evidence, signs = base.streams.get(client, (0.0, 0.0))
        other = theirs.streams.get(client) or Stream()
        told = min(MOST_EVIDENCE, max(0.0, other.evidence + stream.evidence - evidence * left))
        joined = Stream(told, max(0.0, other.signs + stream.signs - signs * left))
        _put(theirs.streams, client, joined, MOST_STREAMS)
    ours.streams = theirs.streams


def _join_words(ours: Trace, theirs: Trace, base: _Packed) -> None:
    number = theirs.number + ours.number - base.number
    shift = number - ours.number
    for word, spread in ours.words.items():
        times, frames, _ = base.words.get(word, (0, 0, 0))
        if (spread.times, spread.frames) != (times, frames):
            other = theirs.words.get(word) or Spread()
            joined = Spread(
                max(1, other.times + spread.times - times), other.frames | spread.frames, spread.last + shift
            )
            _put(theirs.words, word, joined, MOST_WORDS)
    ours.words, ours.number = theirs.words, number


def _put(kept: OrderedDict[_Name, _Value], name: _Name, value: _Value, most: int) -> None:
    """Keep a value as the latest; the oldest gives way."""
    kept[name] = value
    kept.move_to_end(name)
    if len(kept) > most:
        kept.popitem(last=False)
