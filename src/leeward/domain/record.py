"""Records: what is kept of every exchange."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from leeward.domain.verdict import Verdict


class Outcome(StrEnum):
    """How an exchange ended."""

    ANSWERED = "answered"
    REFUSED_PROMPT = "refused_prompt"  # stopped before the model saw it
    REFUSED_REPLY = "refused_reply"  # stopped on what the model wrote
    RESTRICTED = "restricted"
    THROTTLED = "throttled"
    SUSPENDED = "suspended"
    DISCONNECTED = "disconnected"  # the client left
    UPSTREAM_FAILED = "upstream_failed"
    REJECTED = "rejected"  # the request could not be read
    CRASHED = "crashed"  # an error of ours
    UNFINISHED = "unfinished"  # found open after a restart; never written by a live exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """Written before anything leaves.

    Attributes:
        id: Decision id: time-sortable, 26 characters, Crockford base 32 (ULID).
        at: Seconds since the epoch, UTC.
        endpoint: e.g. `chat.completions`.
        ruleset: Full digest of the ruleset that judges it.
        is_stream: Whether the caller asked for a stream.
    """

    id: str
    at: float
    endpoint: str
    model: str
    tenant: str
    key: str
    end_user: str
    ruleset_name: str
    ruleset: str
    is_stream: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """Written when the exchange has ended, however it ended.

    Attributes:
        id: The id of the opened record.
        at: Seconds since the epoch, UTC.
        verdict: Join over all views of prompt and reply.
        prompt_chars, reply_chars: Characters examined.
        released_chars: Characters of the model's text that left.
        commitment: Salted SHA-256 of prompt and reply, hex; proves later what was judged without keeping it.
        upstream: Name of the upstream, empty when none was asked.
        upstream_status: HTTP status of the upstream, 0 when there was none.
        inspection_seconds: Time spent looking.
        error: Short code when something went wrong, never text of the exchange.
    """

    id: str
    at: float
    outcome: Outcome
    verdict: Verdict
    prompt_chars: int = 0
    reply_chars: int = 0
    released_chars: int = 0
    commitment: str = ""
    upstream: str = ""
    upstream_status: int = 0
    inspection_seconds: float = 0.0
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Text of an exchange, kept encrypted and only for a time.

    Attributes:
        id: The id of the record.
        kept_until: Seconds since the epoch, UTC.
        content: JSON document with the parts of prompt and reply; encrypted by the store.
        rule: The rule because of which it is kept; decides how long.
    """

    id: str
    kept_until: float
    content: bytes
    rule: str
