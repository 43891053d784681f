"""A marked word never leaves through any stream, however the model server cuts its text."""

from __future__ import annotations

import asyncio
import json
import random
import unicodedata
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from leeward.gateway.front import Gateway
from running_house import MARKER, opened
from scripted_upstream import CHUNKED_HEAD, LAST_CHUNK, ScriptedUpstream, Seen, Wire, chunked

CUTS = 120  # of each endpoint, shared among its channels
HARMLESS = (
    "The boats go out early in the morning and come back with the tide. ",
    "Der Zug nach Wien fährt um acht Uhr von Gleis drei ab. ",
    "一只猫在花园里睡觉。",
    "```python\nfor day in week:\n    print(day)\n```\n",
    'A list: 1, 2, 3; "quoted" and a back\\slash. \n',
    "🌊🌊 ",
)
# The marker as a model may write it, each of which the rule must see.
DISGUISES = (
    MARKER,
    MARKER.upper(),
    "zzq\u200buaffle",
    "ｚｚｑｕａｆｆｌｅ",
    "zzquáffle",
    f'"{MARKER}"',
    f"**{MARKER}**",
)
Deltas: TypeAlias = Callable[[Sequence[str]], list[bytes]]


def data(value: object) -> bytes:
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


def chunk(delta: object, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return data({"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice]})


def in_chat(wrap: Callable[[str, int], object]) -> Deltas:
    def frames(pieces: Sequence[str]) -> list[bytes]:
        deltas = [chunk(wrap(piece, number)) for number, piece in enumerate(pieces)]
        return [*deltas, chunk({}, "stop"), b"data: [DONE]\n\n"]

    return frames


def content(piece: str, _: int) -> object:
    return {"content": piece}


def thinking(piece: str, _: int) -> object:
    return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]}


def reasoning(piece: str, _: int) -> object:
    return {"reasoning_content": piece}


def refusal(piece: str, _: int) -> object:
    return {"refusal": piece}


def arguments(piece: str, number: int) -> object:
    call: dict[str, Any] = {"index": 0, "function": {"arguments": piece}}
    if number == 0:
        call |= {"id": "call_1", "type": "function"}
        call["function"]["name"] = "look"
    return {"tool_calls": [call]}


def tool_name(piece: str, _: int) -> object:
    return {"tool_calls": [{"index": 0, "id": "call_1", "type": "function", "function": {"name": piece}}]}


def text_completion(pieces: Sequence[str]) -> list[bytes]:
    def frame(text: str, finish: str | None = None) -> bytes:
        choice = {"index": 0, "text": text, "logprobs": None, "finish_reason": finish}
        return data({"id": "c", "object": "text_completion", "created": 1, "model": "m", "choices": [choice]})

    return [*(frame(piece) for piece in pieces), frame("", "stop"), b"data: [DONE]\n\n"]


def in_response(kind: str, item: dict[str, Any], done: str) -> Deltas:
    def frames(pieces: Sequence[str]) -> list[bytes]:
        text = "".join(pieces)
        where = {"item_id": "i", "output_index": 0, "content_index": 0}
        events: list[dict[str, Any]] = [
            {"type": "response.created", "response": {"id": "r", "model": "m", "output": []}},
            {"type": "response.output_item.added", "output_index": 0, "item": {**item, "id": "i"}},
            *({"type": f"response.{kind}.delta", **where, "delta": piece} for piece in pieces),
            {"type": f"response.{kind}.done", **where, done: text},
            {"type": "response.output_item.done", "output_index": 0, "item": {**item, "id": "i", done: text}},
            {"type": "response.completed", "response": {"id": "r", "model": "m", "status": "completed", "output": [
                {**item, "id": "i", "content": [{"type": "output_text", "text": text}]}]}},
        ]  # fmt: skip
        return [f"event: {e['type']}\n".encode() + data({**e, "sequence_number": n}) for n, e in enumerate(events)]

    return frames


MESSAGE = {"type": "message", "role": "assistant", "content": []}
CALL = {"type": "function_call", "call_id": "c", "name": "look", "arguments": ""}
THOUGHT = {"type": "reasoning", "summary": []}
ASK = [{"role": "user", "content": "Tell me something, please."}]
# Endpoint, request, how pieces of text become frames.
STREAMS: dict[str, tuple[str, dict[str, Any], Deltas]] = {
    "chat-content": ("/v1/chat/completions", {"model": "m", "messages": ASK}, in_chat(content)),
    "chat-reasoning": ("/v1/chat/completions", {"model": "m", "messages": ASK}, in_chat(reasoning)),
    "chat-thinking": ("/v1/chat/completions", {"model": "m", "messages": ASK}, in_chat(thinking)),
    "chat-refusal": ("/v1/chat/completions", {"model": "m", "messages": ASK}, in_chat(refusal)),
    "chat-tool-arguments": ("/v1/chat/completions", {"model": "m", "messages": ASK}, in_chat(arguments)),
    "chat-tool-name": ("/v1/chat/completions", {"model": "m", "messages": ASK}, in_chat(tool_name)),
    "completions": ("/v1/completions", {"model": "m", "prompt": "Tell me."}, text_completion),
    "fim": ("/v1/fim/completions", {"model": "m", "prompt": "def f("}, in_chat(content)),
    "agents": ("/v1/agents/completions", {"agent_id": "ag_1", "messages": ASK}, in_chat(content)),
    "agents-tool-arguments": ("/v1/agents/completions", {"agent_id": "ag_1", "messages": ASK}, in_chat(arguments)),
    "responses-text": ("/v1/responses", {"model": "m", "input": "Tell me."},
                       in_response("output_text", MESSAGE, "text")),
    "responses-reasoning": ("/v1/responses", {"model": "m", "input": "Tell me."},
                            in_response("reasoning_text", THOUGHT, "text")),
    "responses-arguments": ("/v1/responses", {"model": "m", "input": "Tell me."},
                            in_response("function_call_arguments", CALL, "arguments")),
}  # fmt: skip


# Where text leaves before the reply has ended: prose does, while calls leave whole and code in long strides.
SHOWN = frozenset({"chat-content", "completions", "agents", "responses-text"})


def cuts(path: str) -> int:
    return CUTS // sum(path == other for other, _, _ in STREAMS.values())


def planted(chance: random.Random, name: str) -> str:
    """Harmless text of some length with the marker somewhere in it."""
    marker = chance.choice(DISGUISES)
    if name == "chat-tool-name":
        return f"look {marker} up"
    before = "".join(chance.choices(HARMLESS, k=chance.randint(0, 40)))
    after = "".join(chance.choices(HARMLESS, k=chance.randint(0, 40)))
    text = f"{before} {marker} {after}"
    if name.endswith("arguments"):
        return json.dumps({"query": text}, ensure_ascii=chance.random() < 0.5)
    return text


def cut_anywhere(chance: random.Random, text: str) -> list[str]:
    """Cut text into pieces of very different sizes; often right through the marker."""
    if chance.random() < 0.1:
        return list(text)
    count = min(len(text) - 1, chance.choice((0, 1, 2, 5, 20, 60)))
    places = sorted(chance.sample(range(1, len(text)), count))
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


class Lines:
    """A model server that plays, for each request, the next frames it was given, cut into any network pieces."""

    def __init__(self, chance: random.Random) -> None:
        self.chance = chance
        self.frames: list[bytes] = []

    async def __call__(self, wire: Wire, seen: Seen) -> None:
        told = b"".join(self.frames)
        wire.send(CHUNKED_HEAD)
        at = 0
        while at < len(told) and not wire.gone.is_set():
            size = self.chance.choice((7, 64, 700, 70_000))
            wire.send(chunked(told[at : at + size]))
            at += size
            if self.chance.random() < 0.3:
                await asyncio.sleep(0)
        wire.send(LAST_CHUNK)


async def stream(app: Gateway, path: str, body: dict[str, Any]) -> bytes:
    """Call the application as a server would; gives every byte that goes to the client, headers too."""
    request = json.dumps({**body, "stream": True}).encode()
    scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "client": ("127.0.0.1", 5),
             "headers": [(b"content-type", b"application/json")]}  # fmt: skip
    sent: list[bytes] = []
    messages = [{"type": "http.request", "body": request, "more_body": False}]

    async def receive() -> dict[str, Any]:
        if messages:
            return messages.pop()
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(b"".join(value + b"\n" for _, value in message.get("headers", ())) + message.get("body", b""))

    await app(scope, receive, send)
    return b"".join(sent)


def joined(got: bytes) -> dict[str, str]:
    """What a client has when it puts the pieces together: text by where it stands in the events."""
    texts: dict[str, str] = {}

    def walk(value: object, path: str) -> None:
        if isinstance(value, str):
            texts[path] = texts.get(path, "") + value
        elif isinstance(value, dict):
            for key, inner in value.items():
                if key != "leeward":
                    walk(inner, f"{path}.{key}")
        elif isinstance(value, list):
            for inner in value:
                walk(inner, path)

    for line in got.decode().splitlines():
        if line.startswith("data: {"):
            walk(json.loads(line.removeprefix("data: ")), "")
    return texts


def spelt(text: str) -> str:
    """Undo what could hide the marker from the eye of this test: case, width, marks, joints."""
    plain = unicodedata.normalize("NFKD", text).lower()
    return "".join(c for c in plain if c.isascii() and c.isalnum())


def shows_marker(got: bytes) -> bool:
    unescaped = got.decode("unicode_escape", "ignore")
    return any(MARKER in spelt(text) for text in (got.decode(), unescaped, *joined(got).values()))


def released(got: bytes) -> str:
    """The model's own words in what a client got."""
    said = {path: text for path, text in joined(got).items() if path.endswith((".content", ".text", ".delta"))}
    return max(said.values(), key=len, default="")


@pytest.mark.parametrize("name", STREAMS)
async def test_a_marked_word_never_leaves_however_the_stream_is_cut(name: str, tmp_path: Path) -> None:
    chance = random.Random(f"{name} {random.random()}")
    lines = Lines(chance)
    path, body, frames_of = STREAMS[name]
    async with ScriptedUpstream(lines) as upstream, opened(tmp_path, upstream.url) as house:
        shown = 0
        for number in range(cuts(path)):
            text = planted(chance, name)
            lines.frames = frames_of(cut_anywhere(chance, text))
            got = await stream(house.app, path, body)
            shown += released(got)[:20] == text[:20]

            assert not shows_marker(got), f"cut {number}: {text!r} {got!r}"
            assert b"content_filter" in got, f"cut {number}: {text!r} {got!r}"

        # Text before the marker does leave, where it can: the test does not pass because nothing ever does.
        assert shown > 0 or name not in SHOWN


@pytest.mark.parametrize("name", STREAMS)
async def test_text_without_the_word_arrives_as_it_was_however_it_is_cut(name: str, tmp_path: Path) -> None:
    chance = random.Random(f"{name} {random.random()}")
    lines = Lines(chance)
    path, body, frames_of = STREAMS[name]
    async with ScriptedUpstream(lines) as upstream, opened(tmp_path, upstream.url) as house:
        for number in range(cuts(path) // 20):
            text = planted(chance, name)
            for disguise in sorted(DISGUISES, key=len, reverse=True):
                text = text.replace(disguise, "seagull").replace(json.dumps(disguise)[1:-1], "seagull")
            lines.frames = frames_of(cut_anywhere(chance, text))
            got = await stream(house.app, path, body)

            expected = json.loads(text) if name.endswith("arguments") else text
            assert b"content_filter" not in got, f"cut {number}: {text!r} {got!r}"
            assert expected in _values(got, is_json=name.endswith("arguments")), f"cut {number}: {text!r} {got!r}"


def _values(got: bytes, *, is_json: bool) -> list[Any]:
    if not is_json:
        return list(joined(got).values())
    values = []
    for text in joined(got).values():
        try:
            values.append(json.loads(text))
        except ValueError:
            continue
    return values
