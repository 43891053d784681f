"""Streams of chat, fill-in-the-middle and text completions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from leeward.gateway.wire.body import Json, Object, encode, encode_text
from leeward.gateway.wire.channels import Delta, Kind, numbers_only, zero_usage
from leeward.gateway.wire.escapes import EscapeReader, write_escapes
from leeward.gateway.wire.request import Request
from leeward.gateway.wire.sse import DONE, KEEP_ALIVE, Event
from leeward.gateway.wire.upstream_event import decode_upstream, garbage, small_index, text_of

_DELTA_KEYS: Final = frozenset(
    {"role", "content", "reasoning", "reasoning_content", "refusal", "tool_calls", "function_call"}
)
_WITHHELD: Final = frozenset({"content_filter", "error"})
_REASONING_KEYS: Final = ("reasoning", "reasoning_content")


@dataclass(slots=True)
class _Call:
    """A tool call: how it comes in, and what of it was released."""

    id: str = ""
    is_custom: bool = False
    is_legacy: bool = False
    reader: EscapeReader = field(default_factory=EscapeReader)
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def frame(self, index: int) -> Object:
        """Return the call in the shape of a delta."""
        text = "".join(self.arguments)
        if self.is_custom:
            return {"index": index, "id": self.id, "type": "custom", "custom": {"name": self.name, "input": text}}
        function: Object = {"name": self.name, "arguments": write_escapes(text)}
        return {"index": index, "id": self.id, "type": "function", "function": function}


class ChatStream:
    """Codec of `chat.completion.chunk` and, for /v1/completions, `text_completion` streams."""

    __slots__ = (
        "_calls", "_extra", "_has_head", "_held", "_include_usage", "_is_text", "_prefix", "_reasoning_key",
        "_shows_usage", "_started", "_sure_openai", "_thinking", "created", "dropped", "id", "is_done", "model",
        "usage",
    )  # fmt: skip

    def __init__(self, request: Request, *, id: str, created: int) -> None:
        self.id, self.model, self.created = id, request.model, created
        self.usage: Object | None = None
        self.is_done = False
        self.dropped = 0
        self._is_text = request.endpoint == "completions"
        self._include_usage = request.include_usage
        self._shows_usage = request.client == "mistral"
        self._sure_openai = request.client == "openai" and request.client_reason != "default"
        self._thinking = request.client == "mistral"
        self._reasoning_key = "reasoning_content"
        self._has_head = False
        self._prefix = b""
        self._extra: Object = {}
        self._calls: dict[tuple[int, int], _Call] = {}
        self._started: set[int] = set()
        self._held: tuple[int, str] | None = None

    # -- upstream to deltas

    def on_event(self, event: Event) -> list[Delta]:
        """Return what an upstream event adds; see `StreamCodec`."""
        if event.data == b"[DONE]":
            self.is_done = True
            return self.end()
        chunk = decode_upstream(event.data)
        if not self._has_head:
            self._take_head(chunk)
        choices = chunk.get("choices")
        deltas: list[Delta] = []
        if type(choices) is list:
            for choice in choices:
                self._choice(choice, deltas)
        elif choices is not None:
            raise garbage("choices that are not a list")
        usage = chunk.get("usage")
        if type(usage) is dict:
            self._take_usage(usage, bool(choices))
        return deltas

    def end(self) -> list[Delta]:
        """Return the cut-off escapes of tool arguments; see `StreamCodec`."""
        return [delta for choice in sorted({c for c, _ in self._calls}) for delta in self._end_calls(choice)]

    def _take_head(self, chunk: Object) -> None:
        self._has_head = True
        identity, model, created = chunk.get("id"), chunk.get("model"), chunk.get("created")
        if isinstance(identity, str) and 0 < len(identity) <= 256:
            self.id = identity
        if isinstance(model, str) and 0 < len(model) <= 256:
            self.model = model
        if type(created) is int:
            self.created = created
        for key in ("system_fingerprint", "service_tier"):
            value = chunk.get(key)
            if isinstance(value, str) and len(value) <= 64:
                self._extra[key] = value

    def _take_usage(self, usage: Object, rides: bool) -> None:
        clean = numbers_only(usage)
        assert isinstance(clean, dict)
        self.usage = {**zero_usage(), **clean}
        self._shows_usage |= rides and not self._sure_openai

    def _choice(self, choice: Json, deltas: list[Delta]) -> None:
        if type(choice) is not dict:
            raise garbage("a choice that is not an object")
        number = small_index(choice, "index", 0)
        delta = choice.get("delta")
        if type(delta) is dict:
            self._delta(number, delta, deltas)
        if self._is_text and (text := text_of(choice.get("text"), "text")):
            deltas.append(Delta(number, Kind.TEXT, 0, text))
        reason = choice.get("finish_reason")
        if type(reason) is str:
            deltas.extend(self._end_calls(number))
            deltas.append(Delta(number, Kind.TEXT if self._is_text else Kind.CONTENT, 0, "", reason[:32]))

    def _delta(self, choice: int, delta: Object, deltas: list[Delta]) -> None:
        content = delta.get("content")
        if type(content) is str:
            if content:
                deltas.append(Delta(choice, Kind.CONTENT, 0, content))
        elif content is not None:
            self._chunks(choice, content, deltas)
        if len(delta) > 1 or content is None:
            self._further(choice, delta, deltas)

    def _further(self, choice: int, delta: Object, deltas: list[Delta]) -> None:
        for key in _REASONING_KEYS:
            if text := text_of(delta.get(key), key):
                self._reasoning_key = key
                deltas.append(Delta(choice, Kind.REASONING, 0, text))
                break  # some servers send the same text under both keys
        if text := text_of(delta.get("refusal"), "refusal"):
            deltas.append(Delta(choice, Kind.REFUSAL, 0, text))
        calls = delta.get("tool_calls")
        if type(calls) is list:
            for position, call in enumerate(calls):
                self._call(choice, position, call, deltas)
        legacy = delta.get("function_call")
        if type(legacy) is dict:
            self._arguments(choice, 0, self._calls.setdefault((choice, 0), _Call(is_legacy=True)), legacy, deltas)
        if not _DELTA_KEYS.issuperset(delta):
            self.dropped += sum(
                isinstance(v, str | list | dict) and bool(v) for k, v in delta.items() if k not in _DELTA_KEYS
            )

    def _chunks(self, choice: int, content: Json, deltas: list[Delta]) -> None:
        if type(content) is not list:
            raise garbage("content that is neither text nor a list")
        for chunk in content:
            if type(chunk) is not dict:
                raise garbage("a content chunk that is not an object")
            if chunk.get("type") == "text":
                if text := text_of(chunk.get("text"), "text"):
                    deltas.append(Delta(choice, Kind.CONTENT, 0, text))
            elif chunk.get("type") == "thinking":
                self._thinking |= not self._sure_openai
                self._think(choice, chunk.get("thinking"), deltas)
            else:
                self.dropped += 1

    def _think(self, choice: int, thinking: Json, deltas: list[Delta]) -> None:
        for piece in thinking if isinstance(thinking, list) else [thinking]:
            text = piece.get("text") if isinstance(piece, dict) else piece
            if isinstance(text, str):
                if text:
                    deltas.append(Delta(choice, Kind.REASONING, 0, text))
            elif piece is not None:
                self.dropped += 1

    def _call(self, choice: int, position: int, value: Json, deltas: list[Delta]) -> None:
        if type(value) is not dict:
            raise garbage("a tool call that is not an object")
        identity = value.get("id")
        index = small_index(value, "index", position)
        known = self._calls.get((choice, index))
        if known and isinstance(identity, str) and identity and known.id and identity != known.id:
            # Some servers leave the index at 0 for every call; another id means another call.
            index = sum(c == choice for c, _ in self._calls)
            known = None
        call = known or self._calls.setdefault((choice, index), _Call())
        if isinstance(identity, str) and identity and not call.id:
            call.id = identity[:256]
        function = value.get("function")
        custom = value.get("custom")
        if type(function) is dict:
            self._arguments(choice, index, call, function, deltas)
        elif type(custom) is dict:
            call.is_custom = True
            self._arguments(choice, index, call, custom, deltas)

    def _arguments(self, choice: int, index: int, call: _Call, function: Object, deltas: list[Delta]) -> None:
        if name := text_of(function.get("name"), "name"):
            deltas.append(Delta(choice, Kind.TOOL_NAME, index, name))
        if call.is_custom:
            text = text_of(function.get("input"), "input")
        else:
            given = function.get("arguments")
            raw = encode_text(given) if isinstance(given, dict) else text_of(given, "arguments")
            text = call.reader.feed(raw) if raw else ""
        if text:
            deltas.append(Delta(choice, Kind.TOOL_ARGUMENTS, index, text))

    def _end_calls(self, choice: int) -> list[Delta]:
        return [
            Delta(choice, Kind.TOOL_ARGUMENTS, index, text)
            for (owner, index), call in self._calls.items()
            if owner == choice and (text := call.reader.end())
        ]

    # -- released text to frames

    def opening(self) -> bytes:
        """Return the frame that begins the first choice; see `StreamCodec`."""
        return b"" if self._is_text or self._started else self._delta_frame(0, b'"content":""')

    def chunk(self, choice: int, kind: Kind, index: int, text: str) -> bytes:
        """Return the frame that releases `text`; see `StreamCodec`."""
        if kind is Kind.TOOL_NAME:
            self._calls.setdefault((choice, index), _Call()).name += text
            return b""
        if kind is Kind.TOOL_ARGUMENTS:
            self._calls.setdefault((choice, index), _Call()).arguments.append(text)
            return b""
        if not text:
            return b""
        if self._is_text:
            return self._frame(b'%d,"text":%b,"logprobs":null' % (choice, encode(text)))
        if kind is Kind.REASONING:
            return self._delta_frame(choice, self._reasoning(text))
        key = b'"refusal":' if kind is Kind.REFUSAL else b'"content":'
        return self._delta_frame(choice, key + encode(text))

    def _reasoning(self, text: str) -> bytes:
        if self._thinking:
            return b'"content":[{"type":"thinking","thinking":[{"type":"text","text":%b}]}]' % encode(text)
        return b'"%b":%b' % (self._reasoning_key.encode(), encode(text))

    def _delta_frame(self, choice: int, members: bytes) -> bytes:
        if choice not in self._started:
            self._started.add(choice)
            members = b'"role":"assistant",' + members
        return self._frame(b'%d,"delta":{%b}' % (choice, members))

    def _frame(self, middle: bytes) -> bytes:
        return b'%b,"choices":[{"index":%b,"finish_reason":null}]}\n\n' % (self._prefix or self._head(), middle)

    def _head(self) -> bytes:
        kind = "text_completion" if self._is_text else "chat.completion.chunk"
        head: Object = {"id": self.id, "object": kind, "created": self.created, "model": self.model, **self._extra}
        self._prefix = b"data: " + encode(head)[:-1]
        return self._prefix

    def calls(self, choice: int) -> list[tuple[int, str]]:
        """Return the tool calls of a choice; see `StreamCodec`."""
        calls = sorted(self._calls.items(), key=lambda item: item[0])
        return [(index, "".join(call.arguments)) for (owner, index), call in calls if owner == choice and call.name]

    def take_call(self, choice: int, index: int) -> Object:
        """Take a tool call out of a choice; see `StreamCodec`."""
        call = self._calls.pop((choice, index))
        call.id = call.id or f"call{index:05d}"
        told = call.frame(index)
        del told["index"]
        return told

    def drop_tools(self, choice: int) -> None:
        """Forget the tool calls of a choice; see `StreamCodec`."""
        self._calls = {at: call for at, call in self._calls.items() if at[0] != choice}

    def finish(self, choice: int, reason: str) -> bytes:
        """Return frames that end a choice; see `StreamCodec`."""
        if reason in _WITHHELD:
            self.drop_tools(choice)
        frames = self._release_held()
        calls = sorted(self._calls.items(), key=lambda item: item[0])
        # Clients put calls together by their place, so the places of calls that were taken out are filled.
        named = [call for (owner, _), call in calls if owner == choice and call.name]
        for index, call in enumerate(named):
            frames += self._delta_frame(choice, self._call_members(index, call))
        self.drop_tools(choice)
        self._held = (choice, reason)
        return frames

    def _call_members(self, index: int, call: _Call) -> bytes:
        if call.is_legacy:
            return b'"function_call":' + encode(call.frame(index)["function"])
        if not call.id:
            call.id = f"call{index:05d}"
        return b'"tool_calls":' + encode([call.frame(index)])

    def _release_held(self, extra: Object | None = None) -> bytes:
        if self._held is None:
            return b""
        choice, reason = self._held
        self._held = None
        entry: Object = {"index": choice, "text": "", "logprobs": None}
        if not self._is_text:
            entry = {"index": choice, "delta": {} if choice in self._started else {"role": "assistant", "content": ""}}
        self._started.add(choice)
        return self._whole([{**entry, "finish_reason": reason}], extra or {})

    def _whole(self, choices: list[Json], extra: Object) -> bytes:
        tail = encode({"choices": choices, **extra})
        return b"%b,%b\n\n" % (self._prefix or self._head(), tail[1:])

    def closing(self, leeward: Object, guardrails: Json = None) -> bytes:
        """Return the frames before `done`; see `StreamCodec`."""
        extra: Object = {"leeward": leeward}
        if guardrails is not None:
            extra["guardrails"] = guardrails
        usage = self.usage if self.usage is not None or self._has_head else zero_usage()
        if self._include_usage and usage is not None:
            return self._release_held() + self._whole([], {"usage": usage, **extra})
        if self._shows_usage and usage is not None:
            extra = {"usage": usage, **extra}
        return self._release_held(extra) if self._held else self._whole([], extra)

    def done(self) -> bytes:
        """Return the end mark."""
        return DONE

    def keepalive(self) -> bytes:
        """Return a comment that every client skips."""
        return KEEP_ALIVE
