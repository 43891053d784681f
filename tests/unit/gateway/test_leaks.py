"""What no reply may repeat, and the canary in it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from leeward.gateway.leaks import add_canary, instructions_of
from leeward.gateway.wire.request import Request, parse
from leeward.inspection.inspector import InspectionSettings, Inspector
from running_house import inspector

SYSTEM = "You are Nora, the assistant of the Harbour Library, and you answer questions about loans and events only."


def asked(endpoint: str, **body: Any) -> Request:
    return parse(endpoint, json.dumps({"model": "m", **body}).encode())


def salts(count: int) -> bytes:
    return bytes(range(count))


def looking(*, has_canary: bool) -> Inspector:
    return Inspector(inspector().judge, InspectionSettings(has_canary=has_canary), bytes(32))


CHAT = asked(
    "chat.completions",
    messages=[{"role": "developer", "content": SYSTEM}, {"role": "user", "content": "Hello, Nora"}],
)
RESPONSE = asked("responses", instructions=SYSTEM, input="Hello, Nora")


@pytest.mark.parametrize("request_", [CHAT, RESPONSE])
def test_instructions_are_kept_and_the_users_words_told_apart(request_: Request) -> None:
    kept, canary = instructions_of(request_, looking(has_canary=False), salts)

    assert kept is not None
    assert (kept.said(), kept.marks, canary) == ("hellonora", (), "")


@pytest.mark.parametrize("request_", [CHAT, RESPONSE])
def test_a_canary_goes_before_the_instructions(request_: Request) -> None:
    kept, canary = instructions_of(request_, looking(has_canary=True), salts)
    body = json.loads(request_.encode())
    add_canary(request_.endpoint, body, canary)
    told = body["instructions"] if "instructions" in body else body["messages"][0]["content"]

    assert kept is not None
    assert canary in kept.marks
    assert told.startswith("Internal reference: ")
    assert canary in told
    assert told.endswith(SYSTEM)


def test_without_instructions_there_is_no_canary() -> None:
    request = asked("chat.completions", messages=[{"role": "user", "content": "Hello"}])

    assert instructions_of(request, looking(has_canary=True), salts) == (None, "")


def test_nothing_is_added_where_there_is_no_canary() -> None:
    body = json.loads(CHAT.encode())
    add_canary("chat.completions", body, "")

    assert body == json.loads(CHAT.encode())
