"""The account of one exchange, from which its records are written."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field

import msgspec

from leeward.domain.record import Closed, Evidence, Outcome
from leeward.domain.verdict import CLEAR, Cause, Verdict
from leeward.domain.view import Stage
from leeward.gateway.equipment import Keeping
from leeward.inspection.tally import Tally

# Protocol, RULE-MIST-005: what fires it is never kept as text.
_NEVER_KEPT = "RULE-MIST-005"
_MOST_EVIDENCE_CHARS = 256 * 1024


@dataclass(slots=True)
class Account:
    """What happened in one exchange so far.

    Attributes:
        prompt: Parts of the request by path.
        reply: Text of the model by channel, as it came.
        inspection_seconds: Time spent looking.
    """

    id: str
    outcome: Outcome = Outcome.CRASHED
    error: str = ""
    upstream: str = ""
    upstream_status: int = 0
    prompt_chars: int = 0
    reply_chars: int = 0
    released_chars: int = 0
    inspection_seconds: float = 0.0
    prompt: dict[str, str] = field(default_factory=dict)
    reply: dict[str, list[str]] = field(default_factory=dict)
    prompt_verdict: Verdict = CLEAR
    tally: Tally = field(default_factory=Tally)

    def add(self, verdict: Verdict) -> None:
        """Join a verdict in."""
        self.tally.add(verdict)

    def verdict(self) -> Verdict:
        """Return the join of all verdicts."""
        return self.tally.verdict()

    def heard(self, channel: str, text: str) -> None:
        """Take note of text that the model wrote."""
        self.reply_chars += len(text)
        self.reply.setdefault(channel, []).append(text)

    def closed(self, at: float, salt: bytes) -> Closed:
        """Return the record of the end."""
        return Closed(
            id=self.id,
            at=at,
            outcome=self.outcome,
            verdict=self.verdict(),
            prompt_chars=self.prompt_chars,
            reply_chars=self.reply_chars,
            released_chars=self.released_chars,
            commitment=self._commitment(salt),
            upstream=self.upstream,
            upstream_status=self.upstream_status,
            inspection_seconds=self.inspection_seconds,
            error=self.error,
        )

    def evidence(self, at: float, keeping: Keeping) -> tuple[Evidence, ...]:
        """Return what is kept of the text: nothing when no rule fired on it, never anything when RULE-MIST-005 did."""
        seen = [f for f in self.verdict().firings if f.cause is Cause.FINDING and f.finding is not None]
        # What fires on facts alone, e.g. that a model's licence is unknown, says nothing about the text.
        rules = [f.rule for f in seen if f.part != Stage.EXCHANGE]
        if not rules or any(f.rule == _NEVER_KEPT for f in seen):
            return ()
        kept_until, rule = max((keeping.until(rule, at), rule) for rule in sorted(set(rules)))
        if kept_until <= at:
            return ()
        return (Evidence(id=self.id, kept_until=kept_until, content=self._content(), rule=rule),)

    def _content(self) -> bytes:
        told = {"prompt": self.prompt, "reply": {k: "".join(v) for k, v in self.reply.items()}}
        content = _encode(told)
        if len(content) <= _MOST_EVIDENCE_CHARS:
            return content
        # A very long exchange is kept in part and says so, rather than not at all.
        cut = {side: {k: v[-8_192:] for k, v in list(texts.items())[-16:]} for side, texts in told.items()}
        return _encode({**cut, "is_cut": True})

    def _commitment(self, salt: bytes) -> str:
        digest = hashlib.sha256(salt)
        for side in (self.prompt.values(), ("".join(v) for v in self.reply.values())):
            for text in side:
                data = text.encode("utf-8", "surrogatepass")
                digest.update(len(data).to_bytes(8, "big"))
                digest.update(data)
        return f"v1:{salt.hex()}:{digest.hexdigest()}"


def _encode(told: object) -> bytes:
    try:
        return msgspec.json.encode(told)
    except UnicodeEncodeError:  # lone surrogates are no UTF-8, but JSON can spell them
        return json.dumps(told).encode("ascii")
