"""The input items of `POST /v1/responses`."""

from __future__ import annotations

from typing import Final

from leeward.domain.view import Stage
from leeward.errors import WireError
from leeward.gateway.wire.body import Json, Limits, Object, missing, wrong
from leeward.gateway.wire.messages import chunks, content_of, further, newest_turn, stage_of
from leeward.gateway.wire.part import Collector

_KNOWN: Final = frozenset({"id", "type", "status", "call_id", "async"})


def responses_input(seen: Collector, body: Object, limits: Limits) -> None:
    """Take `input`: a string or a list of items.

    Raises:
        WireError: When it is absent, too long or wrongly typed.
    """
    value = body.get("input")
    if type(value) is str:
        seen.text(body, "input", "input", "user", Stage.PROMPT)
        return
    if type(value) is not list:
        raise missing("input") if value is None else wrong("input", "a string or a list of items")
    if len(value) > limits.messages:
        raise WireError(
            f"`input` holds more than {limits.messages} items.", status=413, code="too_many_messages", param="input"
        )
    newest = newest_turn(value)
    for index, item in enumerate(value):
        seen.is_history = index < newest
        if type(item) is not dict:
            raise wrong(f"input[{index}]", "an object")
        _item(seen, value, index, item, f"input[{index}]")
    seen.is_history = False


def _item(seen: Collector, items: list[Json], index: int, item: Object, path: str) -> None:
    match item.get("type", "message"):
        case "message":
            role, stage = stage_of(item.get("role"), path)
            content_of(seen, item, f"{path}.content", role, stage)
            further(seen, item, path, role, stage)
        case "function_call":
            _call(seen, item, path, "arguments")
        case "custom_tool_call":
            _call(seen, item, path, "input")
        case "function_call_output" | "custom_tool_call_output":
            content_of(seen, item, f"{path}.output", "tool", Stage.TOOL_RESULT, "output")
            further(seen, item, path, "tool", Stage.TOOL_RESULT, known=_KNOWN | {"output"})
        case "reasoning":
            _reasoning(seen, item, path)
        case str() as kind:
            seen.hidden(path, f"item:{kind}")
            fallback: Json = {"type": "message", "role": "user", "content": ""}
            seen.tree(items, index, path, "", Stage.DOCUMENT, fallback=fallback)
        case _:
            raise wrong(f"{path}.type", "a string")


def _call(seen: Collector, item: Object, path: str, key: str) -> None:
    if key == "arguments":
        seen.arguments(item, key, f"{path}.{key}", "assistant")
    else:
        content_of(seen, item, f"{path}.{key}", "assistant", Stage.PROMPT, key)
    further(seen, item, path, "assistant", Stage.PROMPT, known=_KNOWN | {"name", key})


def _reasoning(seen: Collector, item: Object, path: str) -> None:
    for key in ("summary", "content"):
        value = item.get(key)
        if value is not None:
            if type(value) is not list:
                raise wrong(f"{path}.{key}", "a list")
            chunks(seen, value, f"{path}.{key}", "assistant", Stage.PROMPT)
    if item.get("encrypted_content") is not None:
        seen.hidden(f"{path}.encrypted_content", "encrypted_reasoning")
    known = _KNOWN | {"summary", "content", "encrypted_content"}
    further(seen, item, path, "assistant", Stage.PROMPT, known=known)
