"""What a client says, in the words of the model server that will read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import msgspec

from leeward.errors import WireError
from leeward.gateway import call_ids
from leeward.gateway.wire.body import Json, Object

Client: TypeAlias = Literal["openai", "mistral"]
Dialect: TypeAlias = Literal["mistral", "openai", "vllm", "ollama", "llamacpp"]

SAFETY_TEXT: Final = (
    "Answer with care, respect and honesty. Do not give help with harming people, and do not produce hateful, sexual "
    "or otherwise unlawful content; decline such requests briefly and offer something safe instead."
)
REASONING_TEXT: Final = (
    "Think the task through before you answer. Write your reasoning between [THINK] and [/THINK], then give the "
    "answer itself, complete and in the language of the user."
)

# Keys by which a caller could bring in text, state or vectors that nobody has looked at, whoever reads them.
_DENIED: Final = frozenset(
    {
        "add_generation_prompt",
        "add_special_tokens",
        "cache_salt",
        "chat_template",
        "chat_template_kwargs",
        "continue_final_message",
        "id_slot",
        "kv_transfer_params",
        "lora",
        "mm_processor_kwargs",
        "prompt_embeds",
        "skip_special_tokens",
    }
)
# The value that asks for nothing, where it is not false.
_HARMLESS: Final[Mapping[str, bool]] = {"add_generation_prompt": True, "skip_special_tokens": True}
# What each kind of server calls the same thing.
_RENAMED: Final[Mapping[str, Mapping[str, str]]] = {
    "mistral": {"seed": "random_seed", "max_completion_tokens": "max_tokens", "dimensions": "output_dimension"},
    "openai": {"random_seed": "seed", "output_dimension": "dimensions"},
    "vllm": {"random_seed": "seed", "output_dimension": "dimensions"},
    "ollama": {"random_seed": "seed", "max_completion_tokens": "max_tokens", "output_dimension": "dimensions"},
    "llamacpp": {"random_seed": "seed", "max_completion_tokens": "max_tokens", "output_dimension": "dimensions"},
}
# Keys that change nothing in the reply or that the gateway has seen to itself, so that leaving them out is no lie.
_DROPPED: Final[Mapping[str, frozenset[str]]] = {
    "mistral": frozenset({"prompt_cache_retention", "safety_identifier", "store", "stream_options", "user"}),
    "openai": frozenset({"guardrails"}),
    "vllm": frozenset({"guardrails", "safety_identifier", "store", "user"}),
    "ollama": frozenset({"guardrails", "safety_identifier", "store", "user"}),
    "llamacpp": frozenset({"guardrails", "safety_identifier", "store", "user"}),
}
# Keys that do change the reply and that the server would refuse or, worse, overlook.
_REFUSED: Final[Mapping[str, Mapping[str, str]]] = {
    "mistral": {
        "audio": "Ask for text.",
        "function_call": "Use `tool_choice`.",
        "functions": "Use `tools`.",
        "logit_bias": "Leave it out.",
        "verbosity": "Ask for short or long answers in a message.",
        "web_search_options": "Leave it out.",
    },
    "openai": {"prompt_logprobs": "Leave it out.", "top_prompt_logprobs": "Leave it out."},
    "vllm": {"function_call": "Use `tool_choice`.", "functions": "Use `tools`."},
    "ollama": {
        "function_call": "Use `tool_choice`.",
        "functions": "Use `tools`.",
        "prompt_logprobs": "Leave it out.",
        "top_prompt_logprobs": "Leave it out.",
    },
    "llamacpp": {
        "function_call": "Use `tool_choice`.",
        "functions": "Use `tools`.",
        "prompt_logprobs": "Leave it out.",
        "top_prompt_logprobs": "Leave it out.",
    },
}
# Endpoints that only some servers have in the shape that the client wrote.
_ONLY_MISTRAL: Final = frozenset({"agents.completions", "fim.completions"})
_NEVER_MISTRAL: Final = frozenset({"completions"})
_CHAT: Final = frozenset({"agents.completions", "chat.completions"})
_SERVER_TOOLS: Final = frozenset(
    {"code_interpreter", "connector", "document_library", "image_generation", "web_search", "web_search_premium"}
)


@dataclass(frozen=True, slots=True)
class Bridged:
    """A request as the model server wants it.

    Attributes:
        body: The new body; the one that was given is left as it was.
        notes: What was changed, for the record; names of keys only, never text of the exchange.
        ids: The caller's tool call ids by the ids that the server gets.
    """

    body: Object
    notes: tuple[str, ...] = ()
    ids: Mapping[str, str] = field(default_factory=dict)


def to_upstream(body: Object, *, endpoint: str, client: Client, dialect: Dialect) -> Bridged:
    """Return `body` in the words of `dialect`.

    Args:
        body: A decoded request that has been examined.
        endpoint: As in `wire.request.ENDPOINTS`.
        client: Whose shapes the caller expects.
        dialect: Whose words the server knows.

    Raises:
        WireError: If the server cannot do what the caller asks, or the caller may not ask it.
    """
    if endpoint in _ONLY_MISTRAL and dialect == "openai":
        dialect = "mistral"  # of all servers that may be behind a plain address, only Mistral's words fit this endpoint
    _check_endpoint(endpoint, dialect)
    draft = _Draft(dict(body), dialect, client)
    _keys(draft)
    if endpoint in _CHAT:
        draft.copy_messages()
        for step in _CHAT_STEPS:
            step(draft)
    elif endpoint == "embeddings":
        _embedding_type(draft)
    if draft.body.get("stream") is True and client == "mistral" and dialect != "mistral":
        # A Mistral client gets the usage of a stream without asking.
        draft.body["stream_options"] = {"include_usage": True}
        draft.note("asked for usage")
    return Bridged(draft.body, tuple(dict.fromkeys(draft.notes)), draft.ids)


def restore(reply: Object, bridged: Bridged) -> Object:
    """Return a reply, or a chunk of a stream, with the caller's own tool call ids; untouched when there are none."""
    choices = reply.get("choices")
    if not bridged.ids or not isinstance(choices, list):
        return reply
    return {**reply, "choices": [_restored(choice, bridged.ids) for choice in choices]}


def _restored(choice: Json, ids: Mapping[str, str]) -> Json:
    if not isinstance(choice, dict):
        return choice
    copy = dict(choice)
    for key in ("message", "delta", "messages"):
        value = choice.get(key)
        if isinstance(value, list):
            copy[key] = [_restored_message(each, ids) for each in value]
        elif value is not None:
            copy[key] = _restored_message(value, ids)
    return copy


def _restored_message(message: Json, ids: Mapping[str, str]) -> Json:
    if not isinstance(message, dict):
        return message
    copy = dict(message)
    call_ids.swap(copy, ids)
    return copy


@dataclass(slots=True)
class _Draft:
    body: Object
    dialect: Dialect
    client: Client
    messages: list[Object] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)

    def note(self, text: str) -> None:
        self.notes.append(text)

    def drop(self, key: str) -> None:
        if self.body.pop(key, None) is not None:
            self.note(f"dropped {key}")

    def copy_messages(self) -> None:
        """Put copies of the messages, which may be changed, in the place of the caller's."""
        given = self.body.get("messages")
        if not isinstance(given, list):
            return
        copies: list[Json] = [dict(each) if isinstance(each, dict) else each for each in given]
        self.body["messages"] = copies
        self.messages = [each for each in copies if isinstance(each, dict)]


def _check_endpoint(endpoint: str, dialect: Dialect) -> None:
    if (endpoint in _ONLY_MISTRAL and dialect != "mistral") or (endpoint in _NEVER_MISTRAL and dialect == "mistral"):
        raise WireError(
            f"The model server behind this model does not serve `{endpoint}`. Use /v1/chat/completions.",
            code="endpoint_not_supported",
        )


# Top-level keys.


def _keys(draft: _Draft) -> None:
    body = draft.body
    for key in sorted(_DENIED.intersection(body)):
        _deny(draft, key)
    for key, remedy in _REFUSED[draft.dialect].items():
        if body.get(key) not in (None, False, [], {}, 0):
            raise WireError(
                f"The model server behind this model does not take `{key}`. {remedy}",
                code="parameter_not_supported",
                param=key,
            )
        body.pop(key, None)
    for key in sorted(_DROPPED[draft.dialect].intersection(body)):
        draft.drop(key)
    for old, new in _RENAMED[draft.dialect].items():
        if old in body:
            _rename(draft, old, new)
    _service_tier(draft)
    if body.get("modalities") == ["text"]:
        body.pop("modalities")


def _deny(draft: _Draft, key: str) -> None:
    value = draft.body.pop(key)
    if value is not None and value is not _HARMLESS.get(key, False):
        raise WireError(
            f"`{key}` is not allowed here: what it brings in cannot be inspected.",
            code="parameter_not_allowed",
            param=key,
        )


def _rename(draft: _Draft, old: str, new: str) -> None:
    value = draft.body.pop(old)
    if value is None:
        return
    if draft.body.get(new) is None:
        draft.body[new] = value
        draft.note(f"renamed {old} to {new}")
    elif draft.body[new] != value:
        raise WireError(f"`{old}` and `{new}` mean the same and differ. Send one of them.", param=old)


def _service_tier(draft: _Draft) -> None:
    tier = draft.body.get("service_tier")
    known = ("auto", "standard_only") if draft.dialect == "mistral" else ("auto", "default", "flex", "priority")
    if "service_tier" in draft.body and (tier not in known or draft.dialect in ("ollama", "llamacpp")):
        draft.drop("service_tier")


def _embedding_type(draft: _Draft) -> None:
    if draft.dialect == "mistral":
        return
    if draft.body.get("output_dtype") not in (None, "float"):
        raise WireError(
            "The model server behind this model gives `float` embeddings only.",
            code="parameter_not_supported",
            param="output_dtype",
        )
    draft.body.pop("output_dtype", None)


# Chat.


def _messages(draft: _Draft) -> None:
    keeps_developer = draft.dialect == "openai"
    for message in draft.messages:
        if message.get("role") == "developer" and not keeps_developer:
            message["role"] = "system"
            draft.note("turned developer into system")
        if draft.dialect == "mistral":
            _without_empty_keys(message)
        else:
            _open_shapes(message)


def _without_empty_keys(message: Object) -> None:
    # The OpenAI library replays its own replies with these keys empty; Mistral's closed schema would answer 422.
    for key in ("annotations", "audio", "function_call", "reasoning", "reasoning_content", "refusal"):
        if not message.get(key):
            message.pop(key, None)


def _open_shapes(message: Object) -> None:
    """Write out what Mistral lets its clients leave out or write shorter."""
    content = message.get("content")
    if isinstance(content, list):
        message["content"] = [_open_chunk(chunk) for chunk in content]
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [_open_call(call) for call in calls]


def _open_chunk(chunk: Json) -> Json:
    if isinstance(chunk, dict) and chunk.get("type") == "image_url" and isinstance(chunk.get("image_url"), str):
        return {**chunk, "image_url": {"url": chunk["image_url"]}}
    return chunk


def _open_call(call: Json) -> Json:
    if not isinstance(call, dict):
        return call
    opened: Object = {"type": "function", **{key: value for key, value in call.items() if key != "index"}}
    function = opened.get("function")
    if isinstance(function, dict) and isinstance(function.get("arguments"), dict):
        opened["function"] = {**function, "arguments": msgspec.json.encode(function["arguments"]).decode()}
    return opened


def _prefix(draft: _Draft) -> None:
    if draft.dialect == "mistral":
        return
    for i, message in enumerate(draft.messages):
        if message.pop("prefix", None) is not True:
            continue
        if message is not draft.messages[-1]:
            raise WireError("Only the last message may have `prefix`.", param=f"messages[{i}].prefix")
        _continue_final_message(draft, i)


def _continue_final_message(draft: _Draft, i: int) -> None:
    match draft.dialect:
        case "vllm":
            draft.body["continue_final_message"] = True
            draft.body["add_generation_prompt"] = False
            draft.note("turned prefix into continue_final_message")
        case "ollama" | "llamacpp":
            # They continue a last assistant message of their own accord.
            draft.note("dropped prefix")
        case _:
            raise WireError(
                "The model server behind this model cannot continue a message; leave `prefix` out.",
                code="parameter_not_supported",
                param=f"messages[{i}].prefix",
            )


def _tool_choice(draft: _Draft) -> None:
    if draft.dialect != "mistral" and draft.body.get("tool_choice") == "any":
        draft.body["tool_choice"] = "required"
        draft.note("turned tool_choice any into required")


def _tools(draft: _Draft) -> None:
    tools = draft.body.get("tools")
    if draft.dialect == "mistral" or not isinstance(tools, list):
        return
    for i, tool in enumerate(tools):
        kind = tool.get("type", "function") if isinstance(tool, dict) else None
        if kind in _SERVER_TOOLS:
            raise WireError(
                f"The model server behind this model has no tool `{kind}`. Offer functions and run them yourself.",
                code="tool_not_supported",
                param=f"tools[{i}].type",
            )


def _logprobs_of_prompt(draft: _Draft) -> None:
    if draft.dialect != "vllm":
        return
    many = draft.body.pop("top_prompt_logprobs", None)
    asked = draft.body.get("prompt_logprobs")
    if asked is True:
        # Mistral says whether and how many in two keys, vLLM in one.
        draft.body["prompt_logprobs"] = many if isinstance(many, int) else 0
        draft.note("turned prompt_logprobs into a number")
    elif asked is False or asked is None:
        draft.body.pop("prompt_logprobs", None)


def _house_texts(draft: _Draft) -> None:
    """Add in words what Mistral's server adds by itself."""
    if draft.dialect == "mistral":
        return
    if draft.body.pop("prompt_mode", None) == "reasoning":
        if "magistral" in str(draft.body.get("model", "")).lower():
            _put_before(draft, REASONING_TEXT)
            draft.note("turned prompt_mode into a system text")
        else:
            draft.note("dropped prompt_mode")
    if draft.body.pop("safe_prompt", None) is True:
        _put_before(draft, SAFETY_TEXT)
        draft.note("turned safe_prompt into a system text")


def _put_before(draft: _Draft, text: str) -> None:
    first = draft.messages[0] if draft.messages else None
    if first is None or first.get("role") not in ("system", "developer"):
        draft.messages.insert(0, {"role": "system", "content": text})
        draft.body["messages"] = list(draft.messages)
        return
    # Many templates allow one system message only.
    content = first.get("content")
    if isinstance(content, list):
        first["content"] = [{"type": "text", "text": text}, *content]
    else:
        first["content"] = f"{text}\n\n{content}" if content else text


def _short_ids(draft: _Draft) -> None:
    if draft.dialect not in ("mistral", "vllm"):
        return
    names = call_ids.shorten(draft.messages)
    if names:
        for message in draft.messages:
            call_ids.swap(message, names)
        draft.ids = {short: long for long, short in names.items()}
        draft.note("shortened tool call ids")


# `_prefix` adds keys that a caller may not send, so it comes after the check of what was sent.
_CHAT_STEPS: Final[tuple[Callable[[_Draft], None], ...]] = (
    _messages,
    _prefix,
    _tool_choice,
    _tools,
    _logprobs_of_prompt,
    _house_texts,
    _short_ids,
)
