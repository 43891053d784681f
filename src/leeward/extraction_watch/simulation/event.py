"""One simulated exchange."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Sent(NamedTuple):
    """What a caller sent and when: `t` in seconds from midnight of the first day."""

    t: float
    text: str
    params: Mapping[str, object]


class Event(NamedTuple):
    """A line of the contract of `leeward extraction replay`."""

    t: float
    tenant: str
    key: str
    text: str
    params: Mapping[str, object]
