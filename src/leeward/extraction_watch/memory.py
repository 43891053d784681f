"""What is remembered of each key and tenant: counters and sketches of fixed size."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import log
from typing import TypeVar

from leeward.extraction_watch.exchange import Exchange

_Value = TypeVar("_Value")

_SKETCH_BITS = 2_048
_MOST_TEXTS = 64
_MOST_FRAMES = 48
_MOST_WORDS = 192
_FEW = 10
_NEAR = 3
_TOPIC_SHARE = 0.25
_PACE_SHARE = 0.15
_SLOWEST_GAP = 600.0


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
    last: int = -100  # number of the exchange


@dataclass(slots=True)
class Trace:
    """What is remembered of one key or tenant; takes about 20 kB at most.

    Attributes:
        evidence: Sum of log-likelihood ratios for each hazard, decayed, never below 0.
        counts: How often each sign was seen since the first exchange, decayed like evidence.
        exchanges: Decayed number of exchanges.
        gap_seconds: Moving average of the time between exchanges.
        admitted_at: When an exchange last went through while throttled.
    """

    last_t: float
    evidence: dict[str, float] = field(default_factory=dict)
    counts: dict[str, float] = field(default_factory=dict)
    exchanges: float = 0.0
    gap_seconds: float = 60.0
    admitted_at: float = float("-inf")
    last_text: int = -1
    last_frame: int = -1
    number: int = 0
    is_held: bool = False
    texts: OrderedDict[int, Seen] = field(default_factory=OrderedDict)
    frames: OrderedDict[int, int] = field(default_factory=OrderedDict)
    words: OrderedDict[int, Spread] = field(default_factory=OrderedDict)
    sketch: int = 0

    @property
    def distinct(self) -> float:
        """Estimate of distinct texts by linear counting (Whang et al. 1990), at most about 15,000."""
        free = _SKETCH_BITS - self.sketch.bit_count()
        return -_SKETCH_BITS * log(max(free, 1) / _SKETCH_BITS)

    def fade(self, t: float, half_life_seconds: float) -> None:
        """Let everything decay to time `t`; a clock that runs back changes nothing."""
        gap = t - self.last_t
        if gap > 0:
            share = 0.5 ** (gap / half_life_seconds)
            for hazard in self.evidence:
                self.evidence[hazard] *= share
            for sign in self.counts:
                self.counts[sign] *= share
            self.exchanges *= share
            self.last_t = t
        self.gap_seconds += _PACE_SHARE * (min(max(gap, 0.0), _SLOWEST_GAP) - self.gap_seconds)

    def remember(self, exchange: Exchange) -> tuple[Seen, int, bool]:
        """Enter the exchange; return what was known before of its text, its frame, and its words.

        Returns:
            How the text came before this time, how often its frame came, and whether it is one more cell of a
            grid of topics and frames.
        """
        seen = self.texts.pop(exchange.text, None) or Seen()
        before = Seen(seen.times, seen.settings)
        seen.times += 1
        seen.settings |= 1 << exchange.setting % 64
        _keep(self.texts, exchange.text, seen, _MOST_TEXTS)
        frames = self.frames.pop(exchange.frame, 0)
        _keep(self.frames, exchange.frame, frames + 1, _MOST_FRAMES)
        is_cell = self._is_cell(exchange)
        self.sketch |= 1 << exchange.text % _SKETCH_BITS
        self.exchanges += 1.0
        self.last_text = exchange.text
        self.last_frame = exchange.frame
        self.number += 1
        return before, frames, is_cell

    def _is_cell(self, exchange: Exchange) -> bool:
        """Whether the text goes on with a topic in another frame, or with a frame on another known topic."""
        own = 1 << exchange.frame % 64
        is_cell = False
        for word in exchange.words:
            known = self.words.pop(word, None) or Spread()
            is_near = self.number - known.last <= _NEAR or exchange.frame == self.last_frame
            # What stands in every text is no topic.
            if is_near and known.frames & ~own and known.times <= max(_FEW, _TOPIC_SHARE * self.exchanges):
                is_cell = True
            known.times += 1
            known.frames |= own
            known.last = self.number
            _keep(self.words, word, known, _MOST_WORDS)
        return is_cell


def _keep(kept: OrderedDict[int, _Value], name: int, value: _Value, most: int) -> None:
    kept[name] = value
    if len(kept) > most:
        kept.popitem(last=False)


class TrafficMemory:
    """Traces of the callers seen last; the longest unseen is forgotten first.

    Args:
        most: Traces kept at once, of keys and tenants together.
    """

    def __init__(self, most: int = 4_096) -> None:
        self._most = most
        self._traces: OrderedDict[tuple[str, str], Trace] = OrderedDict()

    def __len__(self) -> int:
        return len(self._traces)

    def trace(self, tenant: str, key: str, t: float) -> Trace:
        """Return the trace of a key, or of the tenant as a whole when `key` is empty; a new one when unseen."""
        name = tenant, key
        found = self._traces.get(name)
        if found is None:
            found = self._traces[name] = Trace(t)
            if len(self._traces) > self._most:
                self._traces.popitem(last=False)
        else:
            self._traces.move_to_end(name)
        return found

    def known(self, tenant: str, key: str = "") -> Trace | None:
        """Return the trace of a key or tenant when there is one."""
        return self._traces.get((tenant, key))

    def forget(self, key: str, tenant: str | None = None) -> int:
        """Undo what was concluded about a key, e.g. after an appeal; return how many traces went.

        Args:
            key: Public id of the key; empty for the tenant as a whole.
            tenant: Only there; None means wherever the key was seen.
        """
        gone = list(self._matching(key, tenant))
        for name in gone:
            del self._traces[name]
        return len(gone)

    def _matching(self, key: str, tenant: str | None) -> Iterator[tuple[str, str]]:
        return (name for name in self._traces if name[1] == key and tenant in (None, name[0]))
