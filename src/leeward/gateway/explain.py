"""The `leeward` object and the headers that explain a decision to the caller."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from leeward.domain.rule import Ruleset
from leeward.domain.verdict import Cause, Verdict
from leeward.gateway.wire.body import Object

_MOST_FINDINGS = 50


def explain(
    decision_id: str,
    ruleset: Ruleset,
    verdict: Verdict,
    *,
    appeal: str = "",
    changes: Sequence[str] = (),
    edits: Sequence[Mapping[str, object]] = (),
    spotlit: Sequence[str] = (),
    held_calls: Sequence[Object] = (),
    dropped: int = 0,
    notices: Sequence[str] = (),
) -> Object:
    """Return the object that rides on every reply; it names what was seen and where, and never quotes it.

    Args:
        appeal: Address of the appeal page; empty when the gateway has no public address.
        dropped: Members of the model server's reply that were left out because nobody could examine them.
        changes: What was altered in the request, e.g. `messages[1].content: 1 passage removed`.
        edits: What sanitising did, as JSON values: part, span in characters of what came, kind.
        spotlit: Paths of the parts that were marked as data.
        notices: What the tenant should know beside this exchange.
        held_calls: Tool calls that were taken out of the reply and wait for the caller's word.
    """
    told: dict[str, object] = {
        "decision_id": decision_id,
        "ruleset": ruleset.label,
        "language": verdict.language,
        "disposition": verdict.disposition.word,
        "findings": [f.to_dict() for f in verdict.firings[:_MOST_FINDINGS] if f.cause is Cause.FINDING],
        "checked": sorted(verdict.checked),
        "unchecked": sorted(verdict.unchecked),
        "unmeasured": sorted(verdict.unmeasured),
    }
    if verdict.duties:
        told["duties"] = sorted(verdict.duties)
    if changes:
        told["changes"] = list(changes)
    if edits:
        told["edits"] = list(edits[:_MOST_FINDINGS])
    if spotlit:
        told["spotlit"] = list(spotlit[:_MOST_FINDINGS])
    if notices:
        told["notices"] = list(notices)
    if held_calls:
        told["held_calls"] = list(held_calls)
    if dropped:
        told["dropped"] = dropped
    if appeal:
        told["appeal"] = f"{appeal}/appeals/{decision_id}"
    return cast(Object, told)  # nothing but JSON values was put in


def decision_headers(
    decision_id: str, ruleset: Ruleset, verdict: Verdict, inspection_seconds: float
) -> list[tuple[bytes, bytes]]:
    """Return the headers that every reply carries."""
    return [
        (b"x-leeward-decision-id", decision_id.encode()),
        (b"x-leeward-disposition", verdict.disposition.word.encode()),
        (b"x-leeward-ruleset", ruleset.label.encode()),
        (b"server-timing", b"leeward;dur=%.3f" % (inspection_seconds * 1000)),
    ]
