from __future__ import annotations

from typing import Any

import pytest

from leeward.gateway.wire.instruction import add_instruction


@pytest.mark.parametrize(
    ("messages", "expected"),
    [
        ([{"role": "user", "content": "hi"}], [{"role": "system", "content": "T"}, {"role": "user", "content": "hi"}]),
        ([], [{"role": "system", "content": "T"}]),
        ([{"role": "developer", "content": "be brief"}], [{"role": "developer", "content": "T\n\nbe brief"}]),
        ([{"role": "system", "content": None}], [{"role": "system", "content": "T"}]),
        (
            [{"role": "system", "content": [{"type": "text", "text": "be brief"}]}],
            [{"role": "system", "content": [{"type": "text", "text": "T"}, {"type": "text", "text": "be brief"}]}],
        ),
    ],
)
def test_it_stands_before_all_else_in_one_system_message(messages: Any, expected: Any) -> None:
    body: dict[str, Any] = {"messages": messages}

    assert add_instruction("chat.completions", body, "T")
    assert body["messages"] == expected


@pytest.mark.parametrize(("said", "expected"), [(None, "T"), ("", "T"), ("be brief", "T\n\nbe brief")])
def test_responses_have_a_place_of_their_own(said: str | None, expected: str) -> None:
    body: dict[str, Any] = {"input": "hi", "instructions": said}

    assert add_instruction("responses", body, "T")
    assert body["instructions"] == expected


def test_where_there_is_no_place_nothing_changes() -> None:
    body: dict[str, Any] = {"prompt": "hi"}

    assert not add_instruction("completions", body, "T")
    assert body == {"prompt": "hi"}
