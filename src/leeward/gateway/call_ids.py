"""Names of tool calls: Mistral's tokenizers want nine letters or digits, others send longer ones."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from leeward.gateway.wire.body import Json, Object

_LENGTH: Final = 9
_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


def shorten(messages: Iterable[Object]) -> dict[str, str]:
    """Return a short id for every id in `messages` that is not short: the same one each time it comes back.

    Source:
        mistral_common, tokenizers v3 to v11: a tool call id is exactly nine of `[a-zA-Z0-9]`.
    """
    given = list(dict.fromkeys(each for message in messages for each in _ids(message)))
    taken = {each for each in given if _is_short(each)}
    names: dict[str, str] = {}
    for call_id in given:
        if _is_short(call_id):
            continue
        turn = 0
        while (short := _nine(call_id, turn)) in taken:
            turn += 1
        taken.add(short)
        names[call_id] = short
    return names


def swap(message: Object, names: Mapping[str, str]) -> None:
    """Write other names for tool calls into `message`; its list of calls is replaced, not changed."""
    if "tool_call_id" in message:
        message["tool_call_id"] = _other(message["tool_call_id"], names)
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {**call, "id": _other(call["id"], names)} if isinstance(call, dict) and "id" in call else call
            for call in calls
        ]


def _ids(message: Object) -> Iterator[str]:
    calls = message.get("tool_calls")
    found = [call.get("id") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    for each in (*found, message.get("tool_call_id")):
        # Mistral's own default, "null", stands for no id.
        if isinstance(each, str) and each != "null":
            yield each


def _is_short(call_id: str) -> bool:
    return len(call_id) == _LENGTH and call_id.isascii() and call_id.isalnum()


def _nine(call_id: str, turn: int) -> str:
    # JSON can hold half a surrogate pair, and an id is only a name.
    digest = hashlib.sha256(b"%d:%s" % (turn, call_id.encode("utf-8", "surrogatepass"))).digest()
    number = int.from_bytes(digest[:16], "big")
    letters = []
    for _ in range(_LENGTH):
        number, place = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[place])
    return "".join(letters)


def _other(value: Json, names: Mapping[str, str]) -> Json:
    return names.get(value, value) if isinstance(value, str) else value
