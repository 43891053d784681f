"""Adds an instruction of ours to a request, where its endpoint has a place for instructions."""

from __future__ import annotations

from leeward.gateway.wire.body import Json, Object

_LEADING_ROLES = ("system", "developer")


def add_instruction(endpoint: str, body: Object, text: str) -> bool:
    """Put `text` before all else that instructs the model; return whether the endpoint has a place for it."""
    if endpoint == "responses":
        said = body.get("instructions")
        body["instructions"] = f"{text}\n\n{said}" if said else text
        return True
    messages = body.get("messages")
    if not isinstance(messages, list):
        return False
    first = messages[0] if messages else None
    if isinstance(first, dict) and first.get("role") in _LEADING_ROLES:
        # Many templates allow one system message only.
        first["content"] = _before(text, first.get("content"))
    else:
        messages.insert(0, {"role": "system", "content": text})
    return True


def _before(text: str, content: Json) -> Json:
    if isinstance(content, list):
        return [{"type": "text", "text": text}, *content]
    return f"{text}\n\n{content}" if content else text
