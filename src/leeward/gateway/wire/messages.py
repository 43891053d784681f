"""Chat messages, content chunks and tool definitions: every string that reaches the model becomes a part."""

from __future__ import annotations

import re
from typing import Final

from leeward.domain.view import Stage
from leeward.errors import WireError
from leeward.gateway.wire.body import Json, Limits, Object, missing, string, wrong
from leeward.gateway.wire.part import Collector, Form, Part

_STAGES: Final[dict[Json, tuple[str, Stage]]] = {
    "system": ("system", Stage.INSTRUCTIONS),
    "developer": ("developer", Stage.INSTRUCTIONS),
    "user": ("user", Stage.PROMPT),
    "assistant": ("assistant", Stage.PROMPT),
    "tool": ("tool", Stage.TOOL_RESULT),
    "function": ("tool", Stage.TOOL_RESULT),
}
_PLAIN_KEYS: Final = frozenset({"role", "content"})
_CALL_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{0,64}\Z")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_TEXT_CHUNKS: Final = frozenset({"text", "input_text", "output_text", "reasoning_text", "summary_text"})
_HARMLESS_CHUNK_KEYS: Final = frozenset({"type", "detail", "closed", "cache_control", "prompt_cache_breakpoint"})


def conversation(seen: Collector, value: Json, path: str, limits: Limits) -> None:
    """Take the messages of one conversation.

    Raises:
        WireError: When it is empty, too long, or a message has a wrong type or an unknown role.
    """
    if type(value) is not list:
        raise missing(path) if value is None else wrong(path, "a list of messages")
    if not value:
        raise WireError(f"`{path}` must hold at least one message.", status=422, code="empty", param=path)
    if len(value) > limits.messages:
        raise WireError(
            f"`{path}` holds more than {limits.messages} messages.", status=413, code="too_many_messages", param=path
        )
    newest = newest_turn(value)
    for index, message in enumerate(value):
        seen.is_history = index < newest
        if type(message) is not dict:
            raise wrong(f"{path}[{index}]", "an object")
        _message(seen, message, f"{path}[{index}]")
    seen.is_history = False


def newest_turn(entries: list[Json]) -> int:
    """Return the index behind the last assistant message that something follows; 0 when there is none."""
    for index in range(len(entries) - 2, -1, -1):
        entry = entries[index]
        if isinstance(entry, dict) and entry.get("role") == "assistant":
            return index + 1
    return 0


def _message(seen: Collector, message: Object, path: str) -> None:
    role, stage = stage_of(message.get("role"), path)
    content_of(seen, message, f"{path}.content", role, stage)
    if not _PLAIN_KEYS.issuperset(message):
        further(seen, message, path, role, stage)


def stage_of(role: Json, path: str) -> tuple[str, Stage]:
    """Return a role and where its text is examined.

    Raises:
        WireError: When nobody knows the role.
    """
    try:
        return _STAGES[role]
    except (KeyError, TypeError):
        raise _bad_role(role, path) from None


def _bad_role(role: Json, path: str) -> WireError:
    if role is None:
        return missing(f"{path}.role")
    return wrong(f"{path}.role", "one of system, developer, user, assistant, tool")


def content_of(seen: Collector, holder: Object, path: str, role: str, stage: Stage, key: str = "content") -> None:
    """Take content: a string, a list of chunks, or null."""
    content = holder.get(key)
    if type(content) is str:
        if content:
            seen.parts.append(Part(path, role, stage, content, b"", seen.is_history, seen.item, Form.TEXT, holder, key))
    elif type(content) is list:
        chunks(seen, content, path, role, stage)
    elif content is not None:
        raise wrong(path, "a string or a list of content parts")


def chunks(seen: Collector, content: list[Json], path: str, role: str, stage: Stage) -> None:
    """Take a list of content chunks; bare strings count as text."""
    for index, chunk in enumerate(content):
        where = f"{path}[{index}]"
        if type(chunk) is str:
            seen.text(content, index, where, role, stage)
        elif type(chunk) is dict:
            _chunk(seen, content, index, chunk, where, role, stage)
        else:
            raise wrong(where, "a string or an object")


def _chunk(seen: Collector, content: list[Json], index: int, chunk: Object, path: str, role: str, stage: Stage) -> None:
    kind = chunk.get("type")
    used = _HARMLESS_CHUNK_KEYS
    if kind in _TEXT_CHUNKS:
        if type(chunk.get("text")) is not str:
            raise wrong(f"{path}.text", "a string")
        seen.text(chunk, "text", f"{path}.text", role, stage)
        used = used | {"text"}
    elif kind == "refusal":
        content_of(seen, chunk, f"{path}.refusal", role, stage, "refusal")
        used = used | {"refusal"}
    elif kind == "thinking":
        content_of(seen, chunk, f"{path}.thinking", role, stage, "thinking")
        used = used | {"thinking"}
    elif kind in ("image_url", "input_image"):
        _image(seen, content, index, chunk, path, role)
        used = used | {"image_url", "file_id"}
    elif type(kind) is str and kind in _HIDDEN:
        used = used | _hidden(seen, chunk, path, kind)
    else:
        raise WireError(
            f"`{path}.type` is not a kind of content that can be inspected.",
            status=422, code="unsupported_content", param=f"{path}.type",
        )  # fmt: skip
    if not used.issuperset(chunk):
        _leftovers(seen, chunk, used, path, role)


# Chunk type -> what policy calls it, and the keys that hold no text for the model.
_HIDDEN: Final[dict[str, tuple[str, frozenset[str]]]] = {
    "document_url": ("document_url", frozenset({"document_url"})),
    "file": ("file", frozenset({"file_id"})),
    "input_file": ("file", frozenset({"file_id", "file_data", "file_url"})),
    "input_audio": ("audio", frozenset({"input_audio"})),
    "audio_url": ("audio", frozenset({"audio_url"})),
    "input_video": ("video", frozenset({"input_video"})),
    "video_url": ("video", frozenset({"video_url"})),
    "resource": ("resource", frozenset()),
    "resource_link": ("resource_link", frozenset()),
    "reference": ("", frozenset()),
    "tool_reference": ("", frozenset()),
}


def _hidden(seen: Collector, chunk: Object, path: str, kind: str) -> frozenset[str]:
    name, keys = _HIDDEN[kind]
    if name:
        seen.hidden(path, name)
    inner = chunk.get("file")
    if kind == "file" and isinstance(inner, dict):
        if inner.get("filename") is not None:
            seen.text(inner, "filename", f"{path}.file.filename", "", Stage.DOCUMENT)
        return keys | {"file"}
    return keys


def _image(seen: Collector, content: list[Json], index: int, chunk: Object, path: str, role: str) -> None:
    if chunk.get("file_id") is not None:
        seen.hidden(path, "file")
        return
    url = chunk.get("image_url")
    where = f"{path}.image_url"
    if isinstance(url, dict):
        url, where = url.get("url"), f"{where}.url"
    seen.image(content, index, url, where, role, "input_text" if chunk["type"] == "input_image" else "text")


def _leftovers(seen: Collector, holder: Object, used: frozenset[str], path: str, role: str) -> None:
    """Take whatever else holds text: a key nobody knows may still reach the model."""
    for key, value in holder.items():
        if key in used or value is None or isinstance(value, bool | int | float):
            continue
        where = f"{path}.{key}"
        if type(value) is str:
            seen.text(holder, key, where, role, Stage.DOCUMENT)
        else:
            seen.tree(holder, key, where, role, Stage.DOCUMENT, fallback=None)


_MESSAGE_KEYS: Final = frozenset({"role", "content", "tool_calls", "function_call", "type", "status", "phase", "id"})
_PROSE_KEYS: Final = ("reasoning", "reasoning_content", "refusal")
_CHECKED_KEYS: Final = frozenset({*_PROSE_KEYS, "name", "tool_call_id", "call_id", "id", "audio"})


def further(
    seen: Collector, message: Object, path: str, role: str, stage: Stage, *, known: frozenset[str] = _MESSAGE_KEYS
) -> None:
    """Take everything of a message beside its content; keys in `known` have been taken or hold no text."""
    for key in _PROSE_KEYS:
        if message.get(key) is not None:
            content_of(seen, message, f"{path}.{key}", role, stage, key)
    _name(seen, message, "name", f"{path}.name", role)
    for key in ("tool_call_id", "call_id", "id"):
        _call_id(seen, message, key, f"{path}.{key}")
    if message.get("audio") is not None:
        seen.hidden(f"{path}.audio", "audio")
    if message.get("tool_calls") is not None:
        _calls(seen, message["tool_calls"], f"{path}.tool_calls", role)
    if message.get("function_call") is not None:
        _function(seen, message["function_call"], f"{path}.function_call", role)
    known = known | _CHECKED_KEYS
    if not known.issuperset(message):
        _leftovers(seen, message, known, path, role)


def _calls(seen: Collector, calls: Json, path: str, role: str) -> None:
    if type(calls) is not list:
        raise wrong(path, "a list")
    for index, call in enumerate(calls):
        _call(seen, call, f"{path}[{index}]", role)


def _call(seen: Collector, call: Json, path: str, role: str) -> None:
    if type(call) is not dict:
        raise wrong(path, "an object")
    _call_id(seen, call, "id", f"{path}.id")
    for key in ("function", "custom"):
        if call.get(key) is not None:
            _function(seen, call[key], f"{path}.{key}", role)
    _leftovers(seen, call, frozenset({"id", "type", "index", "function", "custom"}), path, role)


def _function(seen: Collector, function: Json, path: str, role: str) -> None:
    if type(function) is not dict:
        raise wrong(path, "an object")
    _name(seen, function, "name", f"{path}.name", role)
    seen.arguments(function, "arguments", f"{path}.arguments", role)
    if function.get("input") is not None:
        seen.text(function, "input", f"{path}.input", role, Stage.PROMPT)
    _leftovers(seen, function, frozenset({"name", "arguments", "input"}), path, role)


def _name(seen: Collector, holder: Object, key: str, path: str, role: str) -> None:
    name = holder.get(key)
    if name is not None and not (isinstance(name, str) and name in seen.known_names):
        seen.text(holder, key, path, role, Stage.DOCUMENT)


def _call_id(seen: Collector, holder: Object, key: str, path: str) -> None:
    # A short opaque id carries no message; a long or spaced one may, and templates print it.
    value = holder.get(key)
    if value is not None and not (isinstance(value, str) and _CALL_ID.match(value)):
        seen.text(holder, key, path, "", Stage.DOCUMENT)


def tools(seen: Collector, value: Json, path: str, limits: Limits) -> bool:
    """Take tool definitions; return whether there are any."""
    if value is None:
        return False
    if type(value) is not list:
        raise wrong(path, "a list of tools")
    if len(value) > limits.messages:
        raise WireError(f"`{path}` holds too many tools.", status=413, code="too_many_tools", param=path)
    for index, tool in enumerate(value):
        where = f"{path}[{index}]"
        if type(tool) is not dict:
            raise wrong(where, "an object")
        kind = string(tool, "type", default="function")
        if kind not in ("function", "custom", "namespace"):
            seen.hidden(where, f"tool:{kind}")
        seen.tree(value, index, where, "", Stage.DOCUMENT, fallback=_bare_tool(seen, tool, kind))
    return bool(value)


def _bare_tool(seen: Collector, tool: Object, kind: str) -> Object:
    """Return the definition without its prose, and note the tool's name as seen."""
    inner = tool.get(kind)
    holder = inner if isinstance(inner, dict) else tool
    name = holder.get("name")
    if not isinstance(name, str) or not _NAME.match(name):
        name = "removed"
    seen.known_names.add(name)
    bare: Object = {"name": name}
    return {"type": kind, kind: bare} if isinstance(inner, dict) else {"type": kind, **bare}
