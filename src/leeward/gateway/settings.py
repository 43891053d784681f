"""What the gateway can be told."""

from __future__ import annotations

from typing import Literal

import msgspec

from leeward.gateway.wire.body import Limits as WireLimits


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a request may weigh.

    Attributes:
        body_bytes: Longest request body.
        depth: Deepest nesting of JSON.
        messages: Most messages or input items.
        values: Most members and elements of the whole JSON document.
        body_seconds: Longest time that a client may take to send its request.
        reply_bytes: Longest whole reply of the model server.
    """

    body_bytes: int = 8 * 1024 * 1024
    depth: int = 64
    messages: int = 20_000
    values: int = 500_000
    body_seconds: float = 30.0
    reply_bytes: int = 32 * 1024 * 1024

    def wire(self) -> WireLimits:
        """Return what the reader of requests enforces."""
        return WireLimits(body_bytes=self.body_bytes, depth=self.depth, messages=self.messages, values=self.values)


class Answers(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How the caller is told.

    Attributes:
        refusal: `message` answers 200 with a standard refusal; `error` answers 400 or 403.
        notes: `visible` writes notes behind the passage; `metadata` keeps them in the `leeward` object.
        language: Language of answers when the conversation's cannot be told.
        country: Two-letter code whose help lines are shown first; empty shows the global directory.
        help_lines: `verified` shows lines that a person confirmed lately, `corroborated` those of two sources too.
        contact: Whom a caller who is slowed down may write to: an address of e-mail or of a page; empty names nobody.
    """

    refusal: Literal["message", "error"] = "message"
    notes: Literal["visible", "metadata"] = "visible"
    language: str = "en"
    country: str = ""
    help_lines: Literal["verified", "corroborated"] = "verified"
    contact: str = ""


Opaque = Literal["deny", "allow"]


class OpaqueParts(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to parts whose content cannot be seen here; what is allowed is recorded as unchecked.

    Attributes:
        image_url: Images given by address, which the model server would fetch.
        document: Documents by address and uploaded files.
        audio: Audio.
        agent: Instructions of an agent of Mistral's API, which its owner wrote there; callers cannot change them here.
    """

    image_url: Opaque = "deny"
    document: Opaque = "deny"
    audio: Opaque = "deny"
    agent: Opaque = "allow"


class Hardening(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a caller under suspicion of model extraction (RULE-MIST-010) no longer gets.

    Attributes:
        at: The step from which on it holds; `never` turns it off.
        logprobs: Log-probabilities of replies: `drop` asks the model for none, `round` rounds them to one decimal.
        logit_bias: Whether biases on tokens are taken out of requests.
        temperature_floor: Least temperature, so that the same question does not give the same answer; 0 sets none.

    Source:
        Carlini et al. (2024), arXiv:2403.06634, section 8; Finlayson et al. (2024), arXiv:2403.09539, section 7.
    """

    at: Literal["soft", "hard", "alert", "never"] = "soft"
    logprobs: Literal["keep", "round", "drop"] = "drop"
    logit_bias: Literal["keep", "drop"] = "drop"
    temperature_floor: float = 0.0

    def __post_init__(self) -> None:
        if not 0.0 <= self.temperature_floor <= 1.0:
            raise ValueError("`temperature_floor` must lie between 0 and 1")


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Settings of the front door.

    Attributes:
        public_url: Address under which callers reach this gateway, for appeal links; no slash at the end.
        keys: `required` asks every caller for a virtual key; `open` asks none; `auto` asks once one exists.
        store_failure: `refuse` answers 503 when a record cannot be opened; `serve` goes on, counted.
        keepalive_seconds: A stream that holds text back sends a comment at least this often.
        reply_seconds: Longest time for one whole exchange.
        traces: Whether each exchange has an OpenTelemetry span.
    """

    public_url: str = ""
    keys: Literal["auto", "required", "open"] = "auto"
    store_failure: Literal["refuse", "serve"] = "refuse"
    keepalive_seconds: float = 10.0
    reply_seconds: float = 600.0
    traces: bool = False
    limits: Limits = Limits()
    answers: Answers = Answers()
    opaque: OpaqueParts = OpaqueParts()
    extraction: Hardening = Hardening()
