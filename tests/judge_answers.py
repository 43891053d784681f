"""Answers as servers give them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

Position = tuple[str, Mapping[str, float]]  # the token said, and the probabilities of the candidates for its place


def chat(text: str | None, positions: Sequence[Position] = (), **choice: Any) -> bytes:
    """A chat completion of vLLM, SGLang or llama.cpp."""
    content = [
        {
            "token": token,
            "logprob": math.log(chances[token]),
            "bytes": list(token.encode()),
            "top_logprobs": [{"token": t, "logprob": math.log(p), "bytes": None} for t, p in chances.items()],
        }
        for token, chances in positions
    ]
    return json.dumps(
        {
            "id": "chatcmpl-1",
            "object": "chat.completion",
            "created": 1_790_000_000,
            "model": "guard",
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": text, "tool_calls": []},
                    "logprobs": {"content": content} if positions else None,
                    "finish_reason": "stop",
                    **choice,
                }
            ],
            "usage": {"prompt_tokens": 200, "completion_tokens": 5, "total_tokens": 205},
        }
    ).encode()


def completion(text: str, positions: Sequence[Position] = ()) -> bytes:
    """A text completion of vLLM."""
    given = {
        "text_offset": [0] * len(positions),
        "tokens": [token for token, _ in positions],
        "token_logprobs": [math.log(chances[token]) for token, chances in positions],
        "top_logprobs": [{t: math.log(p) for t, p in chances.items()} for _, chances in positions],
    }
    choice = {"index": 0, "text": text, "logprobs": given if positions else None, "finish_reason": "stop"}
    return json.dumps({"id": "cmpl-1", "object": "text_completion", "model": "guard", "choices": [choice]}).encode()


def sure(token: str) -> Position:
    return token, {token: 1.0}


def moderation(scores: Mapping[str, float | None], **result: Any) -> bytes:
    """A reply of a moderation API."""
    flags = {name: (score or 0.0) > 0.5 for name, score in scores.items()}
    one = {"categories": flags, "category_scores": dict(scores), **result}
    return json.dumps({"id": "mod-1", "model": "moderation", "results": [one]}).encode()
