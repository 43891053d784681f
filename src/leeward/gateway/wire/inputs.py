"""Which keys of which endpoint hold text for the model."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from leeward.domain.view import Stage
from leeward.errors import WireError
from leeward.gateway.wire.body import Json, Limits, Object, missing, wrong
from leeward.gateway.wire.messages import chunks, content_of, conversation, tools
from leeward.gateway.wire.part import Collector
from leeward.gateway.wire.responses_input import responses_input


@dataclass(slots=True)
class Facts:
    """What reading the text showed beside the text."""

    has_tools: bool = False
    is_json_mode: bool = False
    has_prefill: bool = False
    items: int = 1


def _chat(seen: Collector, body: Object, limits: Limits) -> Facts:
    facts = Facts()
    if "tools" in body:
        facts.has_tools = tools(seen, body["tools"], "tools", limits)
    if "functions" in body:
        facts.has_tools |= tools(seen, body["functions"], "functions", limits)
    conversation(seen, body.get("messages"), "messages", limits)
    messages = body["messages"]
    assert isinstance(messages, list)
    last = messages[-1]
    assert isinstance(last, dict)
    facts.has_prefill = last["role"] == "assistant"
    if body.get("response_format") is not None:
        facts.is_json_mode = _format(seen, body["response_format"], "response_format")
    if body.get("prediction") is not None:
        _prediction(seen, body["prediction"])
    if body.get("documents") is not None:
        _documents(seen, body["documents"])
    return facts


def _format(seen: Collector, value: Json, path: str) -> bool:
    """Take the schema of the reply; return whether the reply must be JSON."""
    if type(value) is not dict:
        raise wrong(path, "an object")
    kind = value.get("type")
    for key in ("json_schema", "schema", "description"):
        if value.get(key) is not None:
            fallback: Json = "" if key == "description" else {"type": "object"}
            if key == "json_schema":
                fallback = {"name": "removed", "schema": {"type": "object"}}
            seen.tree(value, key, f"{path}.{key}", "", Stage.DOCUMENT, fallback=fallback)
    return kind in ("json_object", "json_schema")


def _prediction(seen: Collector, value: Json) -> None:
    if type(value) is not dict:
        raise wrong("prediction", "an object")
    content_of(seen, value, "prediction.content", "", Stage.PROMPT)


def _documents(seen: Collector, value: Json) -> None:
    if type(value) is not list:
        raise wrong("documents", "a list")
    for index in range(len(value)):
        seen.tree(value, index, f"documents[{index}]", "", Stage.DOCUMENT, fallback={})


def _agents(seen: Collector, body: Object, limits: Limits) -> Facts:
    if not body.get("agent_id") or type(body["agent_id"]) is not str:
        raise missing("agent_id")
    return _chat(seen, body, limits)


def _strings(seen: Collector, body: Object, key: str, role: str, limits: Limits) -> int:
    """Take a string or a list of strings; return how many.

    Raises:
        WireError: For token ids: nobody can see what they spell without the model's tokenizer.
    """
    value = body.get(key)
    if value is None:
        raise missing(key)
    if type(value) is str:
        seen.text(body, key, key, role, Stage.PROMPT)
        return 1
    if type(value) is not list or not value:
        raise wrong(key, "a string or a list of strings that is not empty")
    if len(value) > limits.messages:
        raise WireError(f"`{key}` holds too many entries.", status=413, code="too_many_inputs", param=key)
    for index, entry in enumerate(value):
        if type(entry) is not str:
            raise _not_text(entry, f"{key}[{index}]")
        seen.item = index
        seen.text(value, index, f"{key}[{index}]", role, Stage.PROMPT)
    return len(value)


def _not_text(entry: Json, path: str) -> WireError:
    if isinstance(entry, int | list):
        return WireError(
            f"`{path}` holds token ids, which cannot be inspected. Send text.",
            status=422, code="token_ids_not_supported", param=path,
        )  # fmt: skip
    return wrong(path, "a string")


def _completions(seen: Collector, body: Object, limits: Limits) -> Facts:
    items = _strings(seen, body, "prompt", "user", limits)
    seen.item = 0
    _suffix(seen, body)
    facts = Facts(items=items)
    if body.get("response_format") is not None:
        facts.is_json_mode = _format(seen, body["response_format"], "response_format")
    return facts


def _suffix(seen: Collector, body: Object) -> None:
    if body.get("suffix") is not None:
        seen.text(body, "suffix", "suffix", "user", Stage.PROMPT)


def _fim(seen: Collector, body: Object, _: Limits) -> Facts:
    if type(body.get("prompt")) is not str:
        raise wrong("prompt", "a string") if body.get("prompt") is not None else missing("prompt")
    seen.text(body, "prompt", "prompt", "user", Stage.PROMPT)
    _suffix(seen, body)
    return Facts()


def _embeddings(seen: Collector, body: Object, limits: Limits) -> Facts:
    return Facts(items=_strings(seen, body, "input", "user", limits))


def _moderations(seen: Collector, body: Object, limits: Limits) -> Facts:
    value = body.get("input")
    if type(value) is list and value:
        first = value[0]
        if type(first) is dict and "role" not in first:  # OpenAI: text and images, judged together
            chunks(seen, value, "input", "user", Stage.PROMPT)
            return Facts()
        if type(first) is dict or type(first) is list:
            return _chat_moderations(seen, body, limits)
    return Facts(items=_strings(seen, body, "input", "user", limits))


def _chat_moderations(seen: Collector, body: Object, limits: Limits) -> Facts:
    value = body.get("input")
    if type(value) is not list or not value:
        raise missing("input") if value is None else wrong("input", "a list of messages that is not empty")
    if type(value[0]) is dict:
        _judged_last(seen, value, "input", limits)
        return Facts()
    if len(value) > limits.messages:
        raise WireError("`input` holds too many entries.", status=413, code="too_many_inputs", param="input")
    for index, entry in enumerate(value):
        seen.item = index
        _judged_last(seen, entry, f"input[{index}]", limits)
    return Facts(items=len(value))


def _judged_last(seen: Collector, value: Json, path: str, limits: Limits) -> None:
    """Take a conversation of which only the last turn is scored; all before it is history."""
    begin = len(seen.parts)
    conversation(seen, value, path, limits)
    assert isinstance(value, list)
    last = f"{path}[{len(value) - 1}]."
    for part in seen.parts[begin:]:
        part.is_history = not part.path.startswith(last)


def _responses(seen: Collector, body: Object, limits: Limits) -> Facts:
    facts = Facts()
    if "tools" in body:
        facts.has_tools = tools(seen, body["tools"], "tools", limits)
    if body.get("instructions") is not None:
        content_of(seen, body, "instructions", "system", Stage.INSTRUCTIONS, "instructions")
    responses_input(seen, body, limits)
    text = body.get("text")
    if text is not None:
        if type(text) is not dict:
            raise wrong("text", "an object")
        if text.get("format") is not None:
            facts.is_json_mode = _format(seen, text["format"], "text.format")
    if body.get("prompt") is not None:
        seen.hidden("prompt", "stored_prompt")
        seen.tree(body, "prompt", "prompt", "user", Stage.PROMPT, fallback=None)
    return facts


READERS: Final[Mapping[str, Callable[[Collector, Object, Limits], Facts]]] = {
    "chat.completions": _chat,
    "completions": _completions,
    "fim.completions": _fim,
    "agents.completions": _agents,
    "embeddings": _embeddings,
    "moderations": _moderations,
    "chat.moderations": _chat_moderations,
    "responses": _responses,
}
