"""Requests and replies of chat, for scripts of model servers."""

from __future__ import annotations

import json
from typing import Any

from scripted_upstream import CHUNKED_HEAD, LAST_CHUNK, Script, chunked, raw, reply

JSON = ("content-type", "application/json")
LONG = "The weather is fine today and the sea is calm, so the boats go out early in the morning. " * 12
HELLO = {"model": "m", "messages": [{"role": "user", "content": "Say hello, please."}]}
STREAM = {**HELLO, "stream": True}


def answer(text: str = "Hello there.") -> Script:
    message = {"role": "assistant", "content": text}
    body = {"id": "c", "object": "chat.completion", "created": 1, "model": "m",
            "choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}  # fmt: skip
    return reply(200, json.dumps(body).encode(), JSON)


def event(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"id": "c", "model": "m", "choices": [choice]}).encode() + b"\n\n"


def stream(*texts: str) -> Script:
    frames = [event(text) for text in texts] + [event("", "stop"), b"data: [DONE]\n\n"]
    return raw(CHUNKED_HEAD + chunked(*frames) + LAST_CHUNK)


def chat(content: Any) -> bytes:
    return json.dumps({"model": "m", "messages": [{"role": "user", "content": content}]}).encode()
