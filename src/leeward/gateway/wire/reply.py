"""A whole reply: every string that the model wrote is a channel, everything else unknown is left out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, cast

from leeward.gateway.wire.body import Json, Object, encode, encode_text
from leeward.gateway.wire.channels import Channel, Kind, incomplete_reason, numbers_only, zero_usage
from leeward.gateway.wire.escapes import read_escapes, write_escapes
from leeward.gateway.wire.request import Request
from leeward.gateway.wire.responses_stream import Item, response_object
from leeward.gateway.wire.upstream_event import decode_upstream, garbage, small_index, text_of

_TOP: Final = frozenset({"id", "object", "created", "model", "choices", "usage", "system_fingerprint", "service_tier"})
_RESPONSE_TOP: Final = frozenset(
    {"id", "object", "model", "status", "output", "usage", "incomplete_details", "service_tier", "tools", "tool_choice",
     "text", "reasoning", "truncation", "metadata", "instructions", "user", "prompt_cache_key", "safety_identifier"}
)  # fmt: skip
_CHOICE: Final = frozenset({"index", "finish_reason", "message", "messages", "text", "logprobs", "token_ids"})
_SPELLS_TEXT: Final = ("logprobs", "token_ids", "prompt_logprobs", "prompt_token_ids")
_MESSAGE: Final = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call", "tool_call_id"}
)
_PROSE: Final = {
    "reasoning": Kind.REASONING,
    "reasoning_content": Kind.REASONING,
    "refusal": Kind.REFUSAL,
}
_CALL: Final = frozenset({"id", "type", "index", "function", "custom"})
_VECTORS: Final = frozenset({"id", "object", "model", "data", "usage"})
_VECTOR_ENDPOINTS: Final = frozenset({"embeddings"})


@dataclass(slots=True)
class Reply:
    """A reply that can be examined, changed and sent on.

    Attributes:
        channels: Every strand of text in it, in reading order.
        dropped: How many members were left out because nobody could examine them.
    """

    endpoint: str
    body: Object
    channels: list[Channel] = field(default_factory=list)
    dropped: int = 0
    _altered: set[int] = field(default_factory=set)

    @classmethod
    def parse(cls, endpoint: str, body: bytes) -> Reply:
        """Return the reply that `body` holds.

        Raises:
            UpstreamError: `garbage` when it is not a reply of that endpoint, `status` when it is an error object.
        """
        reply = cls(endpoint, decode_upstream(body))
        if endpoint == "responses":
            _read_response(reply)
        elif endpoint in _VECTOR_ENDPOINTS:
            _keep_only(reply, reply.body, _VECTORS)
        else:
            _read_choices(reply)
        usage = reply.body.get("usage")
        if usage is not None:
            reply.body["usage"] = numbers_only(usage)
        return reply

    @classmethod
    def written(cls, request: Request, text: str, *, id: str, created: int, reason: str = "content_filter") -> Reply:
        """Return a reply that no model wrote, e.g. a refusal, in each choice that `request` asks for."""
        if request.endpoint == "responses":
            message = Item(0, "message", f"msg_{id}", texts=[text]).whole(_status(reason))
            body = response_object(
                request, id=id, created=created, model=request.model, output=[message], reason=reason, usage=None
            )
            return cls("responses", body)
        is_text = request.endpoint == "completions"
        choices: list[Json] = [_written_choice(i, text, reason, is_text) for i in range(request.choice_count)]
        kind = "text_completion" if is_text else "chat.completion"
        head: Object = {"id": id, "object": kind, "created": created, "model": request.model}
        return cls(request.endpoint, {**head, "choices": choices, "usage": zero_usage()})

    @property
    def usage(self) -> Object:
        """Token counts as the model server gave them, numbers only; empty when it gave none."""
        usage = self.body.get("usage")
        return usage if isinstance(usage, dict) else {}

    @property
    def choices(self) -> tuple[int, ...]:
        """Indices of the choices, in order."""
        if self.endpoint == "responses":
            return (0,)
        return tuple(small_index(c, "index", 0) for c in _objects(self.body.get("choices")))

    def finish_reason(self, choice: int) -> str:
        """Return why a choice ended; empty when upstream did not say."""
        if self.endpoint == "responses":
            details = self.body.get("incomplete_details")
            why = details.get("reason") if isinstance(details, dict) else None
            return {None: "stop", "max_output_tokens": "length"}.get(why, "content_filter")  # type: ignore[arg-type]
        reason = self._choice(choice).get("finish_reason")
        return reason if isinstance(reason, str) else ""

    def replace(self, channel: Channel, text: str) -> None:
        """Write `text` in place of a channel; what spells out the old text goes when the reply is encoded."""
        channel.text = text
        channel.holder[channel.key] = write_escapes(text) if channel.is_json else text
        self._altered.add(channel.choice)

    def set_finish(self, choice: int, reason: str) -> None:
        """Say why a choice ended, in the words of chat completions; translated for /v1/responses."""
        if self.endpoint == "responses":
            why = incomplete_reason(reason)
            self.body["status"] = _status(reason)
            self.body["incomplete_details"] = {"reason": why} if why else None
        else:
            self._choice(choice)["finish_reason"] = reason

    def take_call(self, channel: Channel) -> Object:
        """Take the tool call out whose arguments are `channel`, and return it."""
        self._altered.add(channel.choice)
        self.channels = [c for c in self.channels if c.holder is not channel.holder]
        if self.endpoint == "responses":
            self.body["output"] = [i for i in _objects(self.body.get("output")) if i is not channel.holder]
            return cast(Object, channel.holder)
        for message in self._messages(channel.choice):
            for call in _objects(message.get("tool_calls")):
                if any(call.get(key) is channel.holder for key in ("function", "custom")):
                    left: list[Json] = [c for c in _objects(message["tool_calls"]) if c is not call]
                    message["tool_calls"] = left or None
                    return call
            if message.get("function_call") is channel.holder:
                del message["function_call"]
        return {"type": "function", "function": cast(Object, channel.holder)}

    def has_calls(self, choice: int) -> bool:
        """Whether a tool call is left in a choice."""
        return any(c.choice == choice and c.kind is Kind.TOOL_NAME for c in self.channels)

    def say(self, choice: int, text: str) -> None:
        """Write words of ours behind what a choice says."""
        if self.endpoint == "responses":
            output = _objects(self.body.get("output"))
            message = Item(0, "message", f"msg_{self.body.get('id')}_held", texts=[text]).whole("completed")
            self.body["output"] = [*output, message]
            return
        *_, message = self._messages(choice)
        said = message.get("content")
        if isinstance(said, list):
            message["content"] = [*said, {"type": "text", "text": text}]
        else:
            message["content"] = f"{said}\n\n{text}" if said else text

    def _messages(self, choice: int) -> list[Object]:
        entry = self._choice(choice)
        return _objects([*_objects(entry.get("messages")), entry.get("message")])

    def drop_tools(self, choice: int) -> None:
        """Take the tool calls out of a choice."""
        self._altered.add(choice)
        self.channels = [
            c for c in self.channels
            if c.choice != choice or c.kind not in (Kind.TOOL_NAME, Kind.TOOL_ARGUMENTS)
        ]  # fmt: skip
        if self.endpoint == "responses":
            self.body["output"] = [
                i for i in _objects(self.body.get("output")) if i.get("type") in ("message", "reasoning")
            ]
            return
        for message in self._messages(choice):
            message.pop("function_call", None)
            if message.get("tool_calls") is not None:
                message["tool_calls"] = None

    def refuse(self, choice: int, text: str, reason: str = "content_filter") -> None:
        """Put `text` in place of everything that a choice holds."""
        self._altered.add(choice)
        self.channels = [c for c in self.channels if c.choice != choice]
        if self.endpoint == "responses":
            identity = self.body.get("id")
            message = Item(0, "message", f"msg_{identity}", texts=[text]).whole(_status(reason))
            self.body["output"] = [message]
            self.set_finish(0, reason)
            return
        entry = self._choice(choice)
        entry.pop("messages", None)
        entry.update(_written_choice(choice, text, reason, self.endpoint == "completions"))

    def attach(self, leeward: Object, guardrails: Json = None) -> None:
        """Add the `leeward` object, and Mistral's `guardrails` list when the request asked for it."""
        self.body["leeward"] = leeward
        if guardrails is not None:
            self.body["guardrails"] = guardrails

    def encode(self) -> bytes:
        """Return the reply as it now stands."""
        if self._altered:
            self._forget_spellings()
        return encode(self.body)

    def _choice(self, choice: int) -> Object:
        for entry in _objects(self.body.get("choices")):
            if small_index(entry, "index", 0) == choice:
                return entry
        raise KeyError(choice)

    def _forget_spellings(self) -> None:
        if self.endpoint == "responses":
            for item in _objects(self.body.get("output")):
                for part in _objects(item.get("content")):
                    if "logprobs" in part:
                        part["logprobs"] = []
            return
        for entry in _objects(self.body.get("choices")):
            if small_index(entry, "index", 0) in self._altered:
                for key in _SPELLS_TEXT:
                    entry.pop(key, None)
                entry["logprobs"] = None


def _status(reason: str) -> str:
    return "incomplete" if incomplete_reason(reason) else "completed"


def _written_choice(index: int, text: str, reason: str, is_text: bool) -> Object:
    if is_text:
        return {"index": index, "text": text, "logprobs": None, "finish_reason": reason}
    message: Object = {"role": "assistant", "content": text, "tool_calls": None}
    return {"index": index, "message": message, "logprobs": None, "finish_reason": reason}


def _objects(value: Json) -> list[Object]:
    return [v for v in value if isinstance(v, dict)] if isinstance(value, list) else []


def _keep_only(reply: Reply, holder: Object, known: frozenset[str]) -> None:
    """Leave out members that may hold text nobody examined: unknown ones that are not numbers or flags."""
    if known.issuperset(holder):
        return
    for key in [k for k in holder if k not in known]:
        value = holder[key]
        if isinstance(value, str | list | dict):
            del holder[key]
            reply.dropped += bool(value)


def _read_choices(reply: Reply) -> None:
    _keep_only(reply, reply.body, _TOP)
    choices = reply.body.get("choices")
    if type(choices) is not list:
        raise garbage("a reply without choices")
    for position, choice in enumerate(choices):
        if type(choice) is not dict:
            raise garbage("a choice that is not an object")
        choice["index"] = index = small_index(choice, "index", position)
        where = f"choices[{position}]"
        _keep_only(reply, choice, _CHOICE)
        reason = choice.get("finish_reason")
        choice["finish_reason"] = reason[:32] if isinstance(reason, str) else None
        if "text" in choice:
            _take(reply, choice, "text", index, Kind.TEXT, 0, f"{where}.text")
        if isinstance(choice.get("message"), dict):
            _message(reply, choice["message"], index, f"{where}.message")  # type: ignore[arg-type]
        for number, message in enumerate(_objects(choice.get("messages"))):
            _message(reply, message, index, f"{where}.messages[{number}]")


def _take(reply: Reply, holder: Object, key: str, choice: int, kind: Kind, index: int, path: str) -> None:
    if text := text_of(holder.get(key), key):
        reply.channels.append(Channel(choice, kind, index, text, path, holder, key))


def _message(reply: Reply, message: Object, choice: int, path: str) -> None:
    _keep_only(reply, message, _MESSAGE)
    for key, kind in _PROSE.items():
        if key in message:
            _take(reply, message, key, choice, kind, 0, f"{path}.{key}")
    content = message.get("content")
    if type(content) is list:
        message["content"] = _chunks(reply, content, choice, f"{path}.content", Kind.CONTENT)
    elif content is not None:
        _take(reply, message, "content", choice, Kind.CONTENT, 0, f"{path}.content")
    for position, call in enumerate(_objects(message.get("tool_calls"))):
        _keep_only(reply, call, _CALL)
        index = small_index(call, "index", position)
        for key in ("function", "custom"):
            if isinstance(call.get(key), dict):
                _function(reply, call[key], choice, index, f"{path}.tool_calls[{position}].{key}")  # type: ignore[arg-type]
    legacy = message.get("function_call")
    if isinstance(legacy, dict):
        _function(reply, legacy, choice, 0, f"{path}.function_call")


def _function(reply: Reply, function: Object, choice: int, index: int, path: str) -> None:
    _keep_only(reply, function, frozenset({"name", "arguments", "input"}))
    _take(reply, function, "name", choice, Kind.TOOL_NAME, index, f"{path}.name")
    if isinstance(function.get("arguments"), dict):
        function["arguments"] = encode_text(function["arguments"])
    _arguments(reply, function, choice, index, f"{path}.arguments")
    _take(reply, function, "input", choice, Kind.TOOL_ARGUMENTS, index, f"{path}.input")


def _arguments(reply: Reply, holder: Object, choice: int, index: int, path: str) -> None:
    if text := text_of(holder.get("arguments"), "arguments"):
        shown = read_escapes(text)
        reply.channels.append(Channel(choice, Kind.TOOL_ARGUMENTS, index, shown, path, holder, "arguments", True))


def _chunks(reply: Reply, content: list[Json], choice: int, path: str, kind: Kind) -> list[Json]:
    kept: list[Json] = []
    for chunk in content:
        where = f"{path}[{len(kept)}]"
        if isinstance(chunk, dict) and _chunk(reply, chunk, choice, where, kind):
            kept.append(chunk)
        else:
            reply.dropped += 1
    return kept


def _chunk(reply: Reply, chunk: Object, choice: int, path: str, kind: Kind) -> bool:
    match chunk.get("type"):
        case "text":
            _keep_only(reply, chunk, frozenset({"type", "text"}))
            _take(reply, chunk, "text", choice, kind, 0, f"{path}.text")
        case "thinking":
            _keep_only(reply, chunk, frozenset({"type", "thinking"}))
            inner = chunk.get("thinking")
            if isinstance(inner, list):
                chunk["thinking"] = _chunks(reply, inner, choice, f"{path}.thinking", Kind.REASONING)
            else:
                _take(reply, chunk, "thinking", choice, Kind.REASONING, 0, f"{path}.thinking")
        case "reference":
            ids = chunk.get("reference_ids")
            _keep_only(reply, chunk, frozenset({"type", "reference_ids"}))
            return isinstance(ids, list) and all(type(i) is int for i in ids)
        case _:
            return False
    return True


_RESPONSE_PARTS: Final = {
    "output_text": (Kind.CONTENT, "text"),
    "refusal": (Kind.REFUSAL, "refusal"),
    "reasoning_text": (Kind.REASONING, "text"),
    "summary_text": (Kind.REASONING, "text"),
}
_ITEM_KEYS: Final = frozenset(
    {"type", "id", "role", "status", "content", "summary", "call_id", "name", "arguments", "input"}
)


def _read_response(reply: Reply) -> None:
    _keep_only(reply, reply.body, _RESPONSE_TOP)
    output = reply.body.get("output")
    if type(output) is not list:
        raise garbage("a response without output")
    kept: list[Json] = []
    for item in output:
        if isinstance(item, dict) and _item(reply, item, len(kept)):
            kept.append(item)
        else:
            reply.dropped += 1
    reply.body["output"] = kept


def _item(reply: Reply, item: Object, index: int) -> bool:
    path = f"output[{index}]"
    kind = item.get("type")
    if kind not in ("message", "reasoning", "function_call", "custom_tool_call"):
        return False
    _keep_only(reply, item, _ITEM_KEYS)
    if kind in ("function_call", "custom_tool_call"):
        _take(reply, item, "name", 0, Kind.TOOL_NAME, index, f"{path}.name")
        _arguments(reply, item, 0, index, f"{path}.arguments")
        _take(reply, item, "input", 0, Kind.TOOL_ARGUMENTS, index, f"{path}.input")
        return True
    for key in ("summary", "content"):
        if item.get(key) is not None:
            item[key] = _parts(reply, item[key], index, f"{path}.{key}")
    return True


def _parts(reply: Reply, content: Json, index: int, path: str) -> list[Json]:
    kept: list[Json] = []
    for part in content if isinstance(content, list) else [content]:
        kind, key = _RESPONSE_PARTS.get(str(part.get("type")), (None, "")) if isinstance(part, dict) else (None, "")
        if kind is None or not isinstance(part, dict):
            reply.dropped += 1
            continue
        _keep_only(reply, part, frozenset({"type", key, "logprobs"}))
        if part["type"] == "output_text":
            part["annotations"] = []  # titles and addresses of pages that nobody examined
        _take(reply, part, key, 0, kind, index, f"{path}[{len(kept)}].{key}")
        kept.append(part)
    return kept
