"""Streams of `POST /v1/responses`: typed events with sequence numbers."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from leeward.gateway.wire.body import Json, Object, encode
from leeward.gateway.wire.channels import Delta, Kind, incomplete_reason, numbers_only, responses_usage
from leeward.gateway.wire.escapes import EscapeReader, write_escapes
from leeward.gateway.wire.request import Request
from leeward.gateway.wire.sse import KEEP_ALIVE, Event
from leeward.gateway.wire.upstream_event import decode_upstream, garbage, small_index, text_of, upstream_error

_WITHHELD: Final = frozenset({"content_filter", "error"})
# Delta event -> kind of the strand; the matching `done` event carries the whole text in the named member.
_DELTAS: Final[dict[str, Kind]] = {
    "response.output_text.delta": Kind.CONTENT,
    "response.refusal.delta": Kind.REFUSAL,
    "response.reasoning_text.delta": Kind.REASONING,
    "response.reasoning_summary_text.delta": Kind.REASONING,
    "response.function_call_arguments.delta": Kind.TOOL_ARGUMENTS,
    "response.custom_tool_call_input.delta": Kind.TOOL_ARGUMENTS,
}
_DONES: Final[dict[str, tuple[Kind, str]]] = {
    "response.output_text.done": (Kind.CONTENT, "text"),
    "response.refusal.done": (Kind.REFUSAL, "refusal"),
    "response.reasoning_text.done": (Kind.REASONING, "text"),
    "response.reasoning_summary_text.done": (Kind.REASONING, "text"),
    "response.function_call_arguments.done": (Kind.TOOL_ARGUMENTS, "arguments"),
    "response.custom_tool_call_input.done": (Kind.TOOL_ARGUMENTS, "input"),
}
_SILENT: Final = frozenset(
    {"response.created", "response.in_progress", "response.queued", "response.content_part.added",
     "response.content_part.done", "response.output_item.done", "response.reasoning_summary_part.added",
     "response.reasoning_summary_part.done"}
)  # fmt: skip
_ECHOED: Final = (
    "instructions", "metadata", "temperature", "top_p", "max_output_tokens", "max_tool_calls", "reasoning", "text",
    "truncation", "user", "prompt_cache_key", "safety_identifier",
)  # fmt: skip


@dataclass(slots=True)
class _Incoming:
    """What came in of one output item."""

    reader: EscapeReader = field(default_factory=EscapeReader)
    received: dict[Kind, int] = field(default_factory=dict)
    is_custom: bool = False
    call_id: str = ""


@dataclass(slots=True)
class Item:
    """An output item that is being sent.

    Attributes:
        position: Its `output_index`.
        kind: `message`, `refusal` (a message whose part is a refusal), `reasoning`, `function_call`,
            `custom_tool_call`.
        texts: Released pieces.
    """

    position: int
    kind: str
    id: str
    name: str = ""
    call_id: str = ""
    texts: list[str] = field(default_factory=list)

    def part(self, text: str) -> Object:
        """Return the content part with `text` in it."""
        match self.kind:
            case "reasoning":
                return {"type": "reasoning_text", "text": text}
            case "refusal":
                return {"type": "refusal", "refusal": text}
            case _:
                return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}

    def whole(self, status: str, *, is_empty: bool = False) -> Object:
        """Return the item as it stands, or as it is announced."""
        text = "" if is_empty else "".join(self.texts)
        content: list[Json] = [] if is_empty else [self.part(text)]
        match self.kind:
            case "function_call":
                return {"type": "function_call", "id": self.id, "call_id": self.call_id, "name": self.name,
                        "arguments": write_escapes(text), "status": status}  # fmt: skip
            case "custom_tool_call":
                return {"type": "custom_tool_call", "id": self.id, "call_id": self.call_id, "name": self.name,
                        "input": text}  # fmt: skip
            case "reasoning":
                return {"type": "reasoning", "id": self.id, "summary": [], "content": content, "status": status}
            case _:
                return {"type": "message", "id": self.id, "role": "assistant", "status": status, "content": content}


def response_object(
    request: Request, *, id: str, created: int, model: str, output: list[Json], reason: str | None,
    usage: Object | None,
) -> Object:  # fmt: skip
    """Return the `response` object; `reason` is the finish reason, None while it is in progress."""
    why = incomplete_reason(reason) if reason is not None else None
    status = "in_progress" if reason is None else "incomplete" if why else "completed"
    body = request.body
    return {
        "id": id, "object": "response", "created_at": created, "status": status, "model": model, "output": output,
        "error": None, "incomplete_details": {"reason": why} if why else None, "previous_response_id": None,
        "parallel_tool_calls": body.get("parallel_tool_calls", True), "store": False, "background": False,
        "tool_choice": body.get("tool_choice") or "auto", "tools": body.get("tools") or [],
        **{key: body.get(key) for key in _ECHOED},
        "usage": None if reason is None else responses_usage(usage),
    }  # fmt: skip


class ResponsesStream:
    """Codec of the events of /v1/responses; nothing of upstream's events is sent on but examined text."""

    __slots__ = (
        "_has_head", "_incoming", "_items", "_reason", "_request", "_sequence", "_tools",
        "created", "dropped", "id", "is_done", "model", "usage",
    )  # fmt: skip

    def __init__(self, request: Request, *, id: str, created: int) -> None:
        self.id, self.model, self.created = id, request.model, created
        self.usage: Object | None = None
        self.is_done = False
        self.dropped = 0
        self._request = request
        self._has_head = False
        self._sequence = 0
        self._incoming: dict[int, _Incoming] = {}
        self._items: dict[tuple[str, int], Item] = {}
        self._tools: dict[int, Item] = {}
        self._reason: str | None = None

    # -- upstream to deltas

    def on_event(self, event: Event) -> list[Delta]:
        """Return what an upstream event adds; see `StreamCodec`."""
        if event.data == b"[DONE]":
            self.is_done = True
            return self.end()
        value = decode_upstream(event.data)
        kind = value.get("type")
        if type(kind) is not str:
            raise garbage("an event without a type")
        strand = _DELTAS.get(kind)
        if strand is not None:
            return self._text(small_index(value, "output_index", 0), strand, text_of(value.get("delta"), "delta"))
        if kind in _DONES:
            return self._rest(kind, value)
        if kind == "response.output_item.added":
            return self._added(value)
        return self._other(kind, value)

    def _text(self, index: int, kind: Kind, text: str) -> list[Delta]:
        item = self._incoming.setdefault(index, _Incoming())
        item.received[kind] = item.received.get(kind, 0) + len(text)
        if kind is Kind.TOOL_ARGUMENTS and not item.is_custom:
            text = item.reader.feed(text)
        return [Delta(0, kind, index, text)] if text else []

    def _rest(self, kind: str, value: Object) -> list[Delta]:
        """Return what a server that sends no deltas puts into the `done` event."""
        strand, key = _DONES[kind]
        index = small_index(value, "output_index", 0)
        item = self._incoming.setdefault(index, _Incoming())
        text = text_of(value.get(key), key)
        deltas = [] if item.received.get(strand) else self._text(index, strand, text)
        if strand is Kind.TOOL_ARGUMENTS and (held := item.reader.end()):
            deltas.append(Delta(0, strand, index, held))
        return deltas

    def _added(self, value: Object) -> list[Delta]:
        index = small_index(value, "output_index", 0)
        item = value.get("item")
        if type(item) is not dict:
            raise garbage("an output item that is not an object")
        kind = item.get("type")
        state = self._incoming.setdefault(index, _Incoming())
        if kind in ("function_call", "custom_tool_call"):
            state.is_custom = kind == "custom_tool_call"
            state.call_id = text_of(item.get("call_id"), "call_id")[:256]
            name = text_of(item.get("name"), "name")
            given = text_of(item.get("arguments") or item.get("input"), "arguments")
            deltas = [Delta(0, Kind.TOOL_NAME, index, name)] if name else []
            return deltas + (self._text(index, Kind.TOOL_ARGUMENTS, given) if given else [])
        if kind not in ("message", "reasoning"):
            self.dropped += 1
        return []

    def _other(self, kind: str, value: Object) -> list[Delta]:
        response = value.get("response")
        if type(response) is dict and not self._has_head:
            self._take_head(response)
        if kind in ("response.completed", "response.incomplete"):
            return self._completed(kind, response if isinstance(response, dict) else {})
        if kind in ("response.failed", "error"):
            raise upstream_error(response if isinstance(response, dict) else value)
        if kind not in _SILENT:
            self.dropped += 1
        return []

    def _take_head(self, response: Object) -> None:
        self._has_head = True
        identity, model, created = response.get("id"), response.get("model"), response.get("created_at")
        if isinstance(identity, str) and 0 < len(identity) <= 256:
            self.id = identity
        if isinstance(model, str) and 0 < len(model) <= 256:
            self.model = model
        if isinstance(created, int | float):
            self.created = int(created)

    def _completed(self, kind: str, response: Object) -> list[Delta]:
        self.is_done = True
        usage = response.get("usage")
        if type(usage) is dict:
            clean = numbers_only(usage)
            assert isinstance(clean, dict)
            self.usage = clean
        details = response.get("incomplete_details")
        reason = "stop"
        if kind == "response.incomplete":
            why = details.get("reason") if isinstance(details, dict) else None
            reason = "content_filter" if why == "content_filter" else "length"
        return [*self.end(), Delta(0, Kind.CONTENT, 0, "", reason)]

    def end(self) -> list[Delta]:
        """Return the cut-off escapes of tool arguments; see `StreamCodec`."""
        return [
            Delta(0, Kind.TOOL_ARGUMENTS, index, text)
            for index, item in sorted(self._incoming.items())
            if (text := item.reader.end())
        ]

    # -- released text to frames

    def opening(self) -> bytes:
        """Return the events that begin the response; see `StreamCodec`."""
        return self._start()

    def chunk(self, choice: int, kind: Kind, index: int, text: str) -> bytes:  # noqa: ARG002
        """Return the frames that release `text`; see `StreamCodec`."""
        if kind in (Kind.TOOL_NAME, Kind.TOOL_ARGUMENTS):
            self._tool(kind, index, text)
            return b""
        if not text:
            return b""
        sort = {Kind.REASONING: "reasoning", Kind.REFUSAL: "refusal"}.get(kind, "message")
        item = self._items.get((sort, index))
        opening = b""
        if item is None:
            opening = self._start()
            item = self._items[sort, index] = self._new_item(sort)
            opening += self._open(item)
        item.texts.append(text)
        return opening + self._text_event(item, "delta", text)

    def _tool(self, kind: Kind, index: int, text: str) -> None:
        item = self._tools.get(index)
        if item is None:
            state = self._incoming.get(index, _Incoming())
            sort = "custom_tool_call" if state.is_custom else "function_call"
            item = self._tools[index] = Item(-1, sort, "", call_id=state.call_id or f"call{index:05d}")
        if kind is Kind.TOOL_NAME:
            item.name += text
        else:
            item.texts.append(text)

    def _new_item(self, sort: str) -> Item:
        position = len(self._items)
        return Item(position, sort, f"{sort[:3]}_{self.id}_{position}")

    def _start(self) -> bytes:
        if self._sequence:
            return b""
        response = self._response([], None)
        return self._event("response.created", {"response": response}) + self._event(
            "response.in_progress", {"response": response}
        )

    def _response(self, output: list[Json], reason: str | None) -> Object:
        return response_object(
            self._request, id=self.id, created=self.created, model=self.model, output=output, reason=reason,
            usage=self.usage,
        )  # fmt: skip

    def _open(self, item: Item) -> bytes:
        added = self._event(
            "response.output_item.added",
            {"output_index": item.position, "item": item.whole("in_progress", is_empty=True)},
        )
        return added + self._event(
            "response.content_part.added",
            {"item_id": item.id, "output_index": item.position, "content_index": 0, "part": item.part("")},
        )

    def _text_event(self, item: Item, phase: str, text: str) -> bytes:
        place: Object = {"item_id": item.id, "output_index": item.position, "content_index": 0}
        key = "delta" if phase == "delta" else "text"
        match item.kind:
            case "reasoning":
                return self._event(f"response.reasoning_text.{phase}", {**place, key: text})
            case "refusal":
                key = "delta" if phase == "delta" else "refusal"
                return self._event(f"response.refusal.{phase}", {**place, key: text})
            case _:
                return self._event(f"response.output_text.{phase}", {**place, key: text, "logprobs": []})

    def _close(self, item: Item, status: str) -> bytes:
        text = "".join(item.texts)
        frames = self._text_event(item, "done", text)
        frames += self._event(
            "response.content_part.done",
            {"item_id": item.id, "output_index": item.position, "content_index": 0, "part": item.part(text)},
        )
        return frames + self._item_done(item, status)

    def _item_done(self, item: Item, status: str) -> bytes:
        return self._event("response.output_item.done", {"output_index": item.position, "item": item.whole(status)})

    def _release_tool(self, index: int, call: Item) -> bytes:
        call.position = len(self._items)
        call.id = f"fc_{self.id}_{call.position}"
        self._items["tool", index] = call
        added = self._event(
            "response.output_item.added",
            {"output_index": call.position, "item": call.whole("in_progress", is_empty=True)},
        )
        text = "".join(call.texts)
        place: Object = {"item_id": call.id, "output_index": call.position}
        if call.kind == "custom_tool_call":
            name, key = "response.custom_tool_call_input", "input"
        else:
            name, key, text = "response.function_call_arguments", "arguments", write_escapes(text)
        last: Object = {**place, key: text} if key == "input" else {**place, key: text, "name": call.name}
        delta = self._event(f"{name}.delta", {**place, "delta": text}) if text else b""
        return added + delta + self._event(f"{name}.done", last) + self._item_done(call, "completed")

    def calls(self, choice: int) -> list[tuple[int, str]]:  # noqa: ARG002
        """Return the tool calls; see `StreamCodec`."""
        return [(index, "".join(call.texts)) for index, call in sorted(self._tools.items()) if call.name]

    def take_call(self, choice: int, index: int) -> Object:  # noqa: ARG002
        """Take a tool call out; see `StreamCodec`."""
        call = self._tools.pop(index)
        call.id = f"fc_{self.id}_{index}"
        return call.whole("completed")

    def drop_tools(self, choice: int) -> None:  # noqa: ARG002
        """Forget the tool calls; see `StreamCodec`."""
        self._tools = {}

    def finish(self, choice: int, reason: str) -> bytes:
        """Return frames that end the reply's items; see `StreamCodec`."""
        if reason in _WITHHELD:
            self.drop_tools(choice)
        frames = self._start()
        status = "incomplete" if incomplete_reason(reason) else "completed"
        frames += b"".join(self._close(item, status) for item in self._items.values())
        frames += b"".join(self._release_tool(i, call) for i, call in sorted(self._tools.items()) if call.name)
        self._tools = {}
        self._reason = reason
        return frames

    def closing(self, leeward: Object, guardrails: Json = None) -> bytes:
        """Return the last event; see `StreamCodec`."""
        frames = self.finish(0, "error") if self._reason is None else b""
        reason = self._reason or "error"
        output: list[Json] = [
            item.whole("incomplete" if incomplete_reason(reason) else "completed") for item in self._items.values()
        ]
        response = {**self._response(output, reason), "leeward": leeward}
        if guardrails is not None:
            response["guardrails"] = guardrails
        name = "response.incomplete" if incomplete_reason(reason) else "response.completed"
        return frames + self._event(name, {"response": response})

    def _event(self, name: str, members: Object) -> bytes:
        body: Object = {"type": name, "sequence_number": self._sequence, **members}
        self._sequence += 1
        return b"event: %b\ndata: %b\n\n" % (name.encode(), encode(body))

    def done(self) -> bytes:
        """Return nothing: the last event is the end mark."""
        return b""

    def keepalive(self) -> bytes:
        """Return a comment that every client skips."""
        return KEEP_ALIVE
