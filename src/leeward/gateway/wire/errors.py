"""Error bodies that clients of OpenAI and of Mistral both understand."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec

from leeward.gateway.wire.body import Json, Object, encode
from leeward.gateway.wire.guardrails import Guardrail, Outcome, blocked_results

_TYPES: Final = {401: "authentication_error", 429: "rate_limit_error"}
_STEP: Final = re.compile(r"[^.\[\]]+")
_MOST_WORDS: Final = 1_000
GUARDRAIL_BLOCKED: Final = "Content blocked by guardrail"
GUARDRAIL_FAILED: Final = "Request blocked due to error in guardrail evaluation and block_on_error is set to True."


def error_type(status: int) -> str:
    """Return the `type` that both APIs give for an HTTP status."""
    return _TYPES.get(status, "server_error" if status >= 500 else "invalid_request_error")


def error_body(
    message: str,
    *,
    status: int,
    code: str | None,
    param: str | None = None,
    leeward: Object | None = None,
) -> bytes:
    """Return an error body in both forms at once.

    Flat members are Mistral's, `error` holds the same for OpenAI's clients, and a 422 has `detail` as well,
    which Mistral's client reads as a validation error.

    Args:
        message: For a person; never text of the exchange.
        status: The HTTP status it goes out with.
        code: Machine-readable reason.
        param: Path at fault, e.g. `messages[0].content`.
        leeward: The additive object, when a decision stands behind the error.
    """
    told: Object = {"message": message, "type": error_type(status), "param": param, "code": code}
    body: Object = {"object": "error", **told, "error": told}
    if status == 422:
        body["detail"] = [{"loc": _loc(param), "msg": message, "type": code or "invalid", "input": None, "ctx": None}]
    if leeward is not None:
        body["leeward"] = leeward
    return encode(body)


def _loc(param: str | None) -> list[Json]:
    steps: list[Json] = ["body"]
    steps.extend(int(s) if s.isdecimal() and len(s) < 10 else s for s in _STEP.findall(param or ""))
    return steps


def error_words(body: bytes) -> str:
    """Return what a model server's error body says to a person, at most `_MOST_WORDS` characters; empty when nothing.

    The text comes from outside and may quote the exchange: examine it before anybody sees it.
    """
    try:
        told = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    holder = told.get("error", told) if isinstance(told, dict) else None
    if isinstance(holder, str):
        return holder[:_MOST_WORDS]
    words = (holder.get("message") or holder.get("detail")) if isinstance(holder, dict) else None
    return words[:_MOST_WORDS] if isinstance(words, str) else ""


def guardrail_body(outcomes: Sequence[Outcome], *, leeward: Object | None = None) -> bytes:
    """Return the body of the 403 with which Mistral's own guardrails block."""
    error: Object = {
        "message": GUARDRAIL_BLOCKED, "status": 403, "type": "invalid_request_error", "param": None,
        "code": "content_filter",
    }  # fmt: skip
    body: Object = {"error": error, "guardrails": blocked_results(outcomes)}
    if leeward is not None:
        body["leeward"] = leeward
    return encode(body)


def guardrail_failure_body(guardrails: Sequence[Guardrail], *, leeward: Object | None = None) -> bytes:
    """Return the body of the 403 sent when a guardrail with `block_on_error` could not be evaluated."""
    told: Object = {"message": GUARDRAIL_FAILED, "type": "invalid_request_error", "code": 3201}
    results: list[Json] = [
        {m.version: {"action": "block", "error": {"message": "The content could not be examined."}}}
        for g in guardrails
        if g.block_on_error
        for m in g.moderations
    ]
    body: Object = {"object": "Error", **told, "guardrails": results, "error": {**told, "param": None}}
    if leeward is not None:
        body["leeward"] = leeward
    return encode(body)
