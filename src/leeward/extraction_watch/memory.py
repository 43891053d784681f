"""What is remembered of each key and tenant: counters and sketches of fixed size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log
from typing import TypeVar

from leeward.extraction_watch.exchange import Exchange

_Name = TypeVar("_Name", int, str)
_Value = TypeVar("_Value")

SKETCH_BITS = 8_192
MOST_TEXTS = 64
MOST_FRAMES = 48
MOST_LABELS = 32
MOST_BIASES = 16
MOST_MEMBERS = 512
MOST_STREAMS = 8
MOST_COUNTED = 200
MOST_WORDS = 192
_FEW = 10
_HEAD_START = 5
_JOB_SHARE = 0.15
_SHORT_JOB_SHARE = 0.25
_NEAR = 3
_TOPIC_SHARE = 0.25
_PACE_SHARE = 0.15
_SLOWEST_GAP = 600.0
_FADE_SECONDS = 30.0  # nothing fades visibly in less


@dataclass(slots=True)
class Seen:
    """How one text came before: how often, and under which sampling."""

    times: int = 0
    settings: int = 0  # bitmap of 64 hashed settings


@dataclass(slots=True)
class Spread:
    """Where one word came before: how often, and behind which frames."""

    times: int = 0
    frames: int = 0  # bitmap of 64 hashed frames
    last: int = field(default=-100, compare=False)  # number of the exchange


@dataclass(slots=True)
class Stream:
    """Evidence of one line from exchanges with the same sampling: a program that shares its key with others."""

    evidence: float = 0.0
    signs: float = 0.0


@dataclass(frozen=True, slots=True)
class Shared:
    """What the store held of a trace when it was last compared.

    Attributes:
        version: Of the row; 0 when there was none.
        content: The trace as it was then; what came since is told from it.
        at: When, in seconds of the trace's clock.
        weight: Its strongest evidence then.
        number: Its exchanges then.
    """

    version: int
    content: bytes
    at: float
    weight: float
    number: int


@dataclass(frozen=True, slots=True)
class Known:
    """What was known of the parts of an exchange before it came.

    Attributes:
        seen: Of its text.
        is_new: Whether the text was never seen, as far as a sketch can tell.
        frames, openings, labels: How often its first two words, its first four, and its most frequent label had come.
        biases: How often the same tokens were biased.
        is_cell: Whether it is one more cell of a grid of topics and frames.
        is_short: Whether it has no room for a document.
        number: How many exchanges came before.
        exams: How many forms of examination there were, this one included.
        is_after_exam: Whether the exchange before was an examination question too.
    """

    seen: Seen
    is_new: bool
    frames: int
    openings: int
    labels: int
    biases: int
    is_cell: bool
    is_short: bool
    number: int
    exams: int = 0
    is_after_exam: bool = False

    @property
    def is_batch(self) -> bool:
        """Whether an application puts the same words before changing documents; it may have some such jobs."""
        least = _SHORT_JOB_SHARE if self.is_short else _JOB_SHARE
        return self.is_framed or (self.openings >= _HEAD_START and self.openings > self.number * least)

    @property
    def is_framed(self) -> bool:
        """Whether most of what is sent begins with the same two words."""
        return self.frames >= _HEAD_START and self.frames > self.number * 0.4

    @property
    def is_form(self) -> bool:
        """Whether it is filled into a form: the same words before it, or the same labels in it."""
        return self.is_batch or (self.labels >= _HEAD_START and self.labels > self.number * _JOB_SHARE)


@dataclass(slots=True)
class Trace:
    """What is remembered of one key or tenant; takes about 20 kB at most, of a tenant with hundreds of keys 50 kB.

    Attributes:
        evidence: Sum of log-likelihood ratios of each line of evidence, decayed, never below 0.
        counts, lines: How often each sign, and a sign of each line, was seen, decayed like evidence.
        exchanges, logprobs: Number of exchanges, and of those that asked for log-probabilities; both fade faster.
        streams: Evidence that the caller works through tasks, by its sampling.
        members: Keys of a tenant that showed a sign, the latest last.
        counted: How many of its exchanges went into the baseline.
        exams: Bits of the forms of examination seen while there was evidence of any.
        is_after_exam: Whether the exchange before was an examination question.
        gap_seconds: Moving average of the time between exchanges.
        last_gap_seconds: Time between the last two.
        admitted_at: When an exchange last went through while throttled.
        alert_since: When the step `alert` was reached; None when it was not, or when suspicion has gone since.
        told: Ranks of the steps that were told of: the furthest of soft, hard, alert; then proposal and hardening.
        part: Share of the caller's exchanges that come to this process; the others go to replicas.
        own, own_told, number_told: Exchanges that came to this process; both numbers when `part` was last estimated.
        shared: What the store holds of it; None when it was never compared.
    """

    last_t: float
    faded_t: float
    evidence: dict[str, float] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    lines: dict[str, float] = field(default_factory=dict)
    exchanges: float = 0.0
    logprobs: float = 0.0
    gap_seconds: float = 60.0
    last_gap_seconds: float = 0.0
    admitted_at: float = float("-inf")
    alert_since: float | None = None
    last_text: int = -1
    last_frame: int = -1
    number: int = 0
    is_held: bool = False
    texts: OrderedDict[int, Seen] = field(default_factory=OrderedDict)
    frames: OrderedDict[int, int] = field(default_factory=OrderedDict)
    openings: OrderedDict[int, int] = field(default_factory=OrderedDict)
    labels: OrderedDict[int, int] = field(default_factory=OrderedDict)
    biases: OrderedDict[int, int] = field(default_factory=OrderedDict)
    streams: OrderedDict[int, Stream] = field(default_factory=OrderedDict)
    members: OrderedDict[str, None] = field(default_factory=OrderedDict)
    counted: int = 0
    words: OrderedDict[int, Spread] = field(default_factory=OrderedDict)
    sketch: int = 0
    exams: int = 0
    is_after_exam: bool = False
    told: int = 0
    is_proposed: bool = False
    is_hardened: bool = False
    part: float = 1.0
    own: int = 0
    own_told: int = 0
    number_told: int = 0
    shared: Shared | None = None

    @property
    def weight(self) -> float:
        """Strongest evidence of any line."""
        return max(self.evidence.values(), default=0.0)

    @property
    def distinct(self) -> float:
        """Estimate of distinct texts by linear counting (Whang et al. 1990), at most about 70,000."""
        free = SKETCH_BITS - self.sketch.bit_count()
        return -SKETCH_BITS * log(max(free, 1) / SKETCH_BITS)

    def fade(self, t: float, half_life_seconds: float, volume_half_life_seconds: float) -> None:
        """Let everything decay to time `t`; a clock that runs back changes nothing."""
        gap = self.last_gap_seconds = t - self.last_t
        if gap > 0:
            self.last_t = t
            if t - self.faded_t >= _FADE_SECONDS:
                self.fade_to(t, half_life_seconds, volume_half_life_seconds)
        self.gap_seconds += _PACE_SHARE * (min(max(gap * self.part, 0.0), _SLOWEST_GAP) - self.gap_seconds)

    def fade_to(self, t: float, half_life_seconds: float, volume_half_life_seconds: float) -> None:
        """Let everything decay to time `t`, though nothing came."""
        if t > self.faded_t:
            self._fade(t - self.faded_t, half_life_seconds, volume_half_life_seconds)
            self.faded_t = t

    def _fade(self, seconds: float, half_life_seconds: float, volume_half_life_seconds: float) -> None:
        share = 0.5 ** (seconds / half_life_seconds)
        for fading in (self.evidence, self.counts, self.lines):
            for name in fading:
                fading[name] *= share
        for stream in self.streams.values():
            stream.evidence *= share
            stream.signs *= share
        recent = 0.5 ** (seconds / volume_half_life_seconds)
        self.exchanges *= recent
        self.logprobs *= recent

    def remember(self, exchange: Exchange) -> Known:
        """Enter the exchange; return what was known of its parts before."""
        seen = self.texts.pop(exchange.text, None) or Seen()
        before = Seen(seen.times, seen.settings)
        seen.times += 1
        seen.settings |= 1 << exchange.setting % 64
        _keep(self.texts, exchange.text, seen, MOST_TEXTS)
        self.exams = (self.exams if self.lines.get("variety", 0.0) >= 0.5 else 0) | exchange.exam
        is_drawn = self.sketch >> exchange.text % SKETCH_BITS & 1
        known = Known(
            seen=before,
            is_new=not before.times and (not is_drawn or self.distinct > SKETCH_BITS / 2),
            frames=_count(self.frames, exchange.frame, MOST_FRAMES),
            openings=_count(self.openings, exchange.opening, MOST_FRAMES),
            labels=max((_count(self.labels, label, MOST_LABELS) for label in exchange.labels), default=0),
            biases=_count(self.biases, exchange.bias, MOST_BIASES) if exchange.bias > 1 else 0,
            is_cell=self._is_cell(exchange),
            is_short=bool(exchange.words),
            number=self.number,
            exams=self.exams.bit_count(),
            is_after_exam=self.is_after_exam,
        )
        self.is_after_exam = exchange.is_exam
        self.count(exchange)
        self.last_frame = exchange.frame
        return known

    def stream(self, client: int) -> Stream:
        """Return the stream of a sampling; the longest unused of eight gives way to a new one."""
        found = self.streams.pop(client, None) or Stream()
        _keep(self.streams, client, found, MOST_STREAMS)
        return found

    def count(self, exchange: Exchange) -> None:
        """Count an exchange without remembering its parts."""
        self.sketch |= 1 << exchange.text % SKETCH_BITS
        self.exchanges += 1.0
        self.logprobs += exchange.logprobs
        self.last_text = exchange.text
        self.number += 1
        self.own += 1

    def join(self, key: str) -> None:
        """Note that a key of a tenant showed a sign."""
        self.members.pop(key, None)
        _keep(self.members, key, None, MOST_MEMBERS)

    def _is_cell(self, exchange: Exchange) -> bool:
        """Whether the text goes on with a topic in another frame, or with a frame on another known topic."""
        own = 1 << exchange.frame % 64
        is_cell = False
        for word in exchange.words:
            known = self.words.pop(word, None) or Spread()
            is_near = self.number - known.last <= _NEAR or exchange.frame == self.last_frame
            # What stands in every text is no topic.
            if is_near and known.frames & ~own and known.times <= max(_FEW, _TOPIC_SHARE * self.number):
                is_cell = True
            known.times += 1
            known.frames |= own
            known.last = self.number
            _keep(self.words, word, known, MOST_WORDS)
        return is_cell


def _count(kept: OrderedDict[int, int], name: int, most: int) -> int:
    """Count `name` and return how often it was counted before."""
    times = kept.pop(name, 0)
    _keep(kept, name, times + 1, most)
    return times


def _keep(kept: OrderedDict[_Name, _Value], name: _Name, value: _Value, most: int) -> None:
    kept[name] = value
    if len(kept) > most:
        kept.popitem(last=False)


class Baseline:
    """How many of the new texts of this deployment read like tasks written down; each tenant counts alike.

    It begins as if 2,000 exchanges had been seen. No tenant adds more than 200, so that one who extracts cannot make
    extraction look ordinary.
    """

    def __init__(self) -> None:
        self._tasks, self._seen = 500.0, 2_000.0

    def add(self, trace: Trace, is_task: bool) -> None:
        """Enter an exchange of a tenant."""
        if trace.counted < MOST_COUNTED:
            trace.counted += 1
            self._tasks += is_task
            self._seen += 1.0

    @property
    def task_share(self) -> float:
        """Share of tasks, in [0.15, 0.6]."""
        return min(0.6, max(0.15, self._tasks / self._seen))


class TrafficMemory:
    """Traces of the callers seen last; the longest unseen is forgotten first.

    Args:
        most: Traces kept at once, of keys and tenants together.

    Attributes:
        baseline: What is ordinary here.
        changed: Names of traces that may have changed since somebody emptied it.
    """

    def __init__(self, most: int = 4_096) -> None:
        self._most = most
        self.baseline = Baseline()
        self.changed: set[tuple[str, str]] = set()
        self._traces: OrderedDict[tuple[str, str], Trace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._traces)

    def trace(self, tenant: str, key: str, t: float) -> Trace:
        """Return the trace of a key, or of the tenant as a whole when `key` is empty; a new one when unseen."""
        name = tenant, key
        found = self._traces.get(name)
        self.changed.add(name)
        if found is None:
            found = self._traces[name] = Trace(t, t)
            if len(self._traces) > self._most:
                self.changed.discard(self._traces.popitem(last=False)[0])
        else:
            self._traces.move_to_end(name)
        return found

    def known(self, tenant: str, key: str = "") -> Trace | None:
        """Return the trace of a key or tenant when there is one."""
        return self._traces.get((tenant, key))

    def restore(self, tenant: str, key: str, trace: Trace) -> None:
        """Take up a trace that was kept elsewhere, where none is known."""
        if len(self._traces) < self._most:
            self._traces.setdefault((tenant, key), trace)

    def items(self) -> Iterator[tuple[tuple[str, str], Trace]]:
        """Yield every trace with the tenant and key that it is of."""
        yield from self._traces.items()

    def forget(self, key: str, tenant: str | None = None) -> int:
        """Undo what was concluded about a key, e.g. after an appeal; return how many traces went.

        Args:
            key: Public id of the key; empty for the tenant as a whole.
            tenant: Only there; None means wherever the key was seen.
        """
        gone = list(self._matching(key, tenant))
        for name in gone:
            del self._traces[name]
            self.changed.discard(name)
        return len(gone)

    def _matching(self, key: str, tenant: str | None) -> Iterator[tuple[str, str]]:
        return (name for name in self._traces if name[1] == key and tenant in (None, name[0]))
