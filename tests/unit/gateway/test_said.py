from __future__ import annotations

import json
from typing import Any

from leeward.gateway.said import contexts_of, prompt_in, prompt_of
from leeward.gateway.wire.request import Request, parse


def asked(endpoint: str, **body: Any) -> Request:
    return parse(endpoint, json.dumps({"model": "m", **body}).encode())


def says(role: str, content: Any) -> dict[str, Any]:
    return {"role": role, "content": content}


def test_turns_of_the_user_alone_have_and_give_context() -> None:
    talk = [says("system", "be kind"), says("user", "one"), says("assistant", "no"), says("user", "two")]
    request = asked("chat.completions", messages=talk, tools=[{"type": "function", "function": {"name": "look"}}])

    assert list(contexts_of(request.parts)) == ["", "", "", "", "one"]
    assert [part.text for part in request.parts][1:] == ["be kind", "one", "no", "two"]


def test_a_reply_answers_the_newest_turn_of_the_user() -> None:
    chunks = [{"type": "text", "text": "two"}, {"type": "text", "text": "three"}]
    talk = [says("user", "one"), says("assistant", "no"), says("user", chunks)]

    assert prompt_of(asked("chat.completions", messages=talk)) == "two\nthree"
    assert prompt_of(asked("responses", input="one")) == "one"
    assert prompt_of(asked("chat.completions", messages=[says("system", "be kind")])) == ""


def test_each_of_several_prompts_has_replies_of_its_own() -> None:
    request = asked("completions", prompt=["one", "two"], n=2)

    assert [prompt_of(request, choice) for choice in range(4)] == ["one", "one", "two", "two"]
    assert list(contexts_of(request.parts)) == ["", ""]


def test_conversations_that_are_scored_together_stay_apart() -> None:
    talks = [[says("user", "one"), says("user", "two")], [says("user", "three"), says("assistant", "four")]]
    request = asked("chat.moderations", input=talks)

    assert list(contexts_of(request.parts)) == ["", "one", "", ""]
    assert prompt_in(part for part in request.parts if part.item == 1) == "three"
