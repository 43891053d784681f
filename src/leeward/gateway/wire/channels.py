"""A channel: one strand of a reply's text, whole or in deltas."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

import msgspec

from leeward.gateway.wire.body import Json, Object


class Kind(StrEnum):
    """What a strand of text is."""

    CONTENT = "content"
    REASONING = "reasoning"
    REFUSAL = "refusal"
    TOOL_NAME = "tool_name"
    TOOL_ARGUMENTS = "tool_arguments"
    TEXT = "text"  # the answer of /v1/completions


class Delta(msgspec.Struct, frozen=True, gc=False):
    """A piece of one strand.

    Attributes:
        choice: Index of the choice.
        kind: What it is.
        index: Index of the tool call, or of the output item of /v1/responses; 0 elsewhere.
        text: What was added. Tool arguments have their JSON escapes undone, as far as they stay JSON.
        finish_reason: Set on the last delta of a choice, whose text is empty.
    """

    choice: int
    kind: Kind
    index: int
    text: str
    finish_reason: str | None = None


@dataclass(slots=True, eq=False)
class Channel:
    """One strand of a whole reply.

    Attributes:
        path: JSON path, e.g. `choices[0].message.content`.
    """

    choice: int
    kind: Kind
    index: int
    text: str
    path: str
    holder: Any = field(default=None, repr=False)  # dict and key, or list and index
    key: Any = field(default=None, repr=False)
    is_json: bool = field(default=False, repr=False)


_ENDS: Final[dict[str, Json]] = {
    "content_filter": "content_filter", "error": "content_filter", "length": "max_output_tokens",
    "model_length": "max_output_tokens",
}  # fmt: skip


def incomplete_reason(finish_reason: str) -> Json:
    """Return why a response is incomplete in the words of /v1/responses; None when it is complete."""
    return _ENDS.get(finish_reason)


def numbers_only(value: Json) -> Json:
    """Return `value` without any string in it: what is left cannot carry text."""
    if isinstance(value, dict):
        kept = {k: numbers_only(v) for k, v in value.items() if len(k) <= 64 and not isinstance(v, str | list)}
        return {**kept}
    return None if isinstance(value, str | list) else value


def zero_usage() -> Object:
    """Return the usage of a reply for which no model was asked."""
    return {"prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0}


def responses_usage(usage: Object | None) -> Object:
    """Return usage with every key that clients of /v1/responses require."""
    given = usage or {}
    full: Object = {
        "input_tokens": given.get("input_tokens", 0),
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens": given.get("output_tokens", 0),
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": given.get("total_tokens", 0),
    }
    for key, value in given.items():
        default = full.get(key)
        full[key] = {**default, **value} if isinstance(default, dict) and isinstance(value, dict) else value
    return full
