"""Answers of model servers, in the shapes of OpenAI, Mistral and vLLM."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Any

from model_server import Answer, Asked, Line, Object

USAGE = {"prompt_tokens": 12, "completion_tokens": 3, "total_tokens": 15}


def is_mistral(asked: Asked) -> bool:
    return str(asked.body.get("model", asked.body.get("agent_id"))).startswith(("mistral", "codestral", "ag_"))


def call(name: str, arguments: str, *, id: str = "aB3dE6gH9", index: int = 0) -> Object:
    return {"id": id, "type": "function", "index": index, "function": {"name": name, "arguments": arguments}}


def chat(content: Any, *, calls: Sequence[Object] = (), finish: str = "", **extra: Any) -> Answer:
    """A whole answer; every choice says the same."""

    async def answer(line: Line, asked: Asked) -> None:
        if asked.body.get("stream"):
            await _stream(line, asked, [{"content": content, **extra}], finish or "stop")
            return
        message: Object = {"role": "assistant", "content": content, **extra}
        if calls:
            message["tool_calls"] = list(calls)
        reason = finish or ("tool_calls" if calls else "stop")
        choices = [{"index": i, "message": message, "finish_reason": reason} for i in range(asked.body.get("n") or 1)]
        head = {"id": "cmpl-7", "object": "chat.completion", "created": 1_790_000_000, "model": asked.body.get("model")}
        await line.whole(
            200, {**head, "model": head["model"] or "agent", "choices": choices, "usage": USAGE},
            mistral_correlation_id="corr-7",
        )  # fmt: skip

    return answer


def chat_stream(*deltas: Any, finish: str = "stop") -> Answer:
    """A stream of deltas; a string is a piece of content."""

    async def answer(line: Line, asked: Asked) -> None:
        await _stream(line, asked, [{"content": d} if isinstance(d, str) else d for d in deltas], finish)

    return answer


def each_says(*texts: str, is_cut: bool = False) -> Answer:
    """A stream in which each choice says something else, letter by letter, side by side."""

    async def answer(line: Line, asked: Asked) -> None:
        await line.begin()
        for letters in zip_longest(*texts, fillvalue=""):
            await line.events(_piece(asked, i, letter, None) for i, letter in enumerate(letters))
        if not is_cut:
            await line.events(_piece(asked, i, "", "stop") for i in range(len(texts)))
        await line.done(mark=not is_cut)

    return answer


def _piece(asked: Asked, index: int, text: str, finish: str | None) -> Object:
    if asked.path != "/v1/completions":
        return chunk(asked, {"content": text}, finish, index=index)
    choice = {"index": index, "text": text, "logprobs": None, "finish_reason": finish}
    return {**chunk(asked, {}), "object": "text_completion", "choices": [choice]}


async def _stream(line: Line, asked: Asked, deltas: Iterable[Object], finish: str) -> None:
    choices = range(asked.body.get("n") or 1)
    await line.begin()
    await line.events(chunk(asked, {"role": "assistant", "content": ""}, index=i) for i in choices)
    await line.events(chunk(asked, delta, index=i) for delta in deltas for i in choices)
    mistral = is_mistral(asked)
    await line.events(
        chunk(asked, {"content": ""}, finish, index=i, **({"usage": USAGE} if mistral else {})) for i in choices
    )
    if not mistral and (asked.body.get("stream_options") or {}).get("include_usage"):
        await line.events([{**chunk(asked, {}), "choices": [], "usage": USAGE}])
    await line.done()


def chunk(asked: Asked, delta: Object, finish: str | None = None, *, index: int = 0, **extra: Any) -> Object:
    return {
        "id": "cmpl-7", "object": "chat.completion.chunk", "created": 1_790_000_000,
        "model": asked.body.get("model") or "agent",
        "choices": [{"index": index, "delta": delta, "finish_reason": finish}], **extra,
    }  # fmt: skip


def split_call(name: str, arguments: str, *, id: str = "call_0123456789abcdef", pieces: int = 5) -> list[Object]:
    """A tool call as OpenAI and vLLM stream it: the name first, then the arguments in pieces."""
    size = -(-len(arguments) // pieces)
    first = {"index": 0, "id": id, "type": "function", "function": {"name": name, "arguments": ""}}
    rest = [{"index": 0, "function": {"arguments": arguments[i : i + size]}} for i in range(0, len(arguments), size)]
    return [{"tool_calls": [part]} for part in (first, *rest)]


def text_completion(text: str) -> Answer:
    async def answer(line: Line, asked: Asked) -> None:
        head = {"id": "cmpl-8", "object": "text_completion", "created": 1_790_000_000, "model": asked.body["model"]}
        if not asked.body.get("stream"):
            choices = [{"index": 0, "text": text, "logprobs": None, "finish_reason": "stop"}]
            await line.whole(200, {**head, "choices": choices, "usage": USAGE})
            return
        await line.begin()
        await line.events(
            {**head, "choices": [{"index": 0, "text": letter, "logprobs": None, "finish_reason": None}]}
            for letter in text
        )
        last = {"index": 0, "text": "", "logprobs": None, "finish_reason": "stop"}
        await line.events([{**head, "choices": [last]}])
        await line.done()

    return answer


def response(text: str) -> Answer:
    """An answer of /v1/responses, whole or streamed."""

    async def answer(line: Line, asked: Asked) -> None:
        if asked.body.get("stream"):
            await line.begin()
            await line.named(_response_events(text, asked))
            await line.done(mark=False)
        else:
            await line.whole(200, _response(asked, "completed", [_message(text)]))

    return answer


def response_call(name: str, arguments: str) -> Answer:
    """A tool call of /v1/responses, whole or streamed."""
    item = {"type": "function_call", "id": "fc_7", "call_id": "call_7", "name": name, "status": "completed"}
    item["arguments"] = arguments

    async def answer(line: Line, asked: Asked) -> None:
        if not asked.body.get("stream"):
            await line.whole(200, _response(asked, "completed", [item]))
            return
        where: Object = {"item_id": "fc_7", "output_index": 0}
        begun = {**item, "arguments": "", "status": "in_progress"}
        events: list[Object] = [
            {"type": "response.created", "response": _response(asked, "in_progress", [])},
            {"type": "response.output_item.added", "output_index": 0, "item": begun},
            *({"type": "response.function_call_arguments.delta", **where, "delta": c} for c in arguments),
            {"type": "response.function_call_arguments.done", **where, "arguments": arguments, "name": name},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.completed", "response": _response(asked, "completed", [item])},
        ]
        await line.begin()
        await line.named({**event, "sequence_number": number} for number, event in enumerate(events))
        await line.done(mark=False)

    return answer


def _response(asked: Asked, status: str, output: list[Object]) -> Object:
    usage = {
        "input_tokens": 12, "output_tokens": 3, "total_tokens": 15,
        "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0},
    }  # fmt: skip
    return {
        "id": "resp_7", "object": "response", "created_at": 1_790_000_000, "status": status, "output": output,
        "model": asked.body["model"], "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
        "usage": usage if status == "completed" else None,
    }  # fmt: skip


def _message(text: str, status: str = "completed") -> Object:
    content = [{"type": "output_text", "text": text, "annotations": []}] if text else []
    return {"type": "message", "id": "msg_7", "role": "assistant", "status": status, "content": content}


def _response_events(text: str, asked: Asked) -> list[Object]:
    where: Object = {"item_id": "msg_7", "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": []}
    events: list[Object] = [
        {"type": "response.created", "response": _response(asked, "in_progress", [])},
        {"type": "response.output_item.added", "output_index": 0, "item": _message("", "in_progress")},
        {"type": "response.content_part.added", **where, "part": empty},
        *({"type": "response.output_text.delta", **where, "delta": letter} for letter in text),
        {"type": "response.output_text.done", **where, "text": text},
        {"type": "response.content_part.done", **where, "part": {**empty, "text": text}},
        {"type": "response.output_item.done", "output_index": 0, "item": _message(text)},
        {"type": "response.completed", "response": _response(asked, "completed", [_message(text)])},
    ]
    return [{**event, "sequence_number": number} for number, event in enumerate(events)]


def embeddings() -> Answer:
    async def answer(line: Line, asked: Asked) -> None:
        given = asked.body["input"]
        data = [
            {"object": "embedding", "index": i, "embedding": [0.5, -0.25]}
            for i in range(len(given) if isinstance(given, list) else 1)
        ]
        body = {"id": "e1", "object": "list", "model": asked.body["model"], "data": data, "usage": USAGE}
        await line.whole(200, body)

    return answer


def error(status: int, message: str = "it is broken", **headers: str) -> Answer:
    async def answer(line: Line, asked: Asked) -> None:
        body = {"object": "error", "message": message, "error": {"message": message, "type": "x", "code": "y"}}
        await line.whole(status, body, **headers)

    return answer


async def silence(line: Line, asked: Asked) -> None:
    await line.silence()


def cut(*pieces: str) -> Answer:
    """A stream that breaks off behind these pieces."""

    async def answer(line: Line, asked: Asked) -> None:
        await line.begin()
        await line.events(chunk(asked, {"content": piece}) for piece in pieces)
        line.hang_up()

    return answer
