"""Requests: nothing that the model reads stays unseen, and hostile bytes get a clear refusal."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from leeward.domain.view import Stage
from leeward.errors import WireError
from leeward.gateway.wire.request import Limits, Request, parse


def chat(*messages: object, **extra: Any) -> Request:
    return parse("chat.completions", json.dumps({"model": "m", "messages": list(messages), **extra}).encode())


def user(content: object, **extra: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **extra}


def refusal(endpoint: str, raw: object, limits: Limits | None = None) -> WireError:
    data = raw if isinstance(raw, bytes) else json.dumps(raw).encode()
    with pytest.raises(WireError) as caught:
        parse(endpoint, data, limits or Limits())
    return caught.value


def assistant(**members: Any) -> dict[str, Any]:
    return {"messages": [{"role": "assistant", **members}]}


def call(**members: Any) -> dict[str, Any]:
    return assistant(tool_calls=[members])


def thinking(text: str) -> dict[str, Any]:
    return {"type": "thinking", "thinking": [{"type": "text", "text": text}]}


def with_user(**members: Any) -> dict[str, Any]:
    return {"messages": [user("x")], **members}


def tool(**function: Any) -> dict[str, Any]:
    return with_user(tools=[{"type": "function", "function": {"name": "f", **function}}])


# Every place of a chat request where text can stand that reaches the model.
PLACES = [
    lambda c: {"messages": [user(c)]},
    lambda c: {"messages": [user([{"type": "text", "text": c}])]},
    lambda c: {"messages": [user([c])]},
    lambda c: {"messages": [user("x", name=c)]},
    lambda c: {"messages": [user("x", surprise={"deep": [c]})]},
    lambda c: {"messages": [user([{"type": "text", "text": "x", "surprise": c}])]},
    lambda c: {"messages": [user([{"type": "document_url", "document_url": "https://x", "document_name": c}])]},
    lambda c: {"messages": [user([{"type": "file", "file": {"filename": c, "file_id": "1"}}])]},
    lambda c: {"messages": [user([{"type": "resource", "resource": {"text": c}}])]},
    lambda c: {"messages": [{"role": "tool", "content": [{"type": "text", "text": c}], "tool_call_id": "x"}]},
    lambda c: assistant(content=[thinking(c)]),
    lambda c: assistant(content="", reasoning_content=c),
    lambda c: assistant(refusal=c),
    lambda c: assistant(function_call={"name": "f", "arguments": json.dumps([c])}),
    lambda c: call(function={"name": "f", "arguments": json.dumps({"q": c})}),
    lambda c: call(function={"name": "f", "arguments": {"q": c}}),
    lambda c: call(id=c, function={"name": "f"}),
    lambda c: tool(description=c),
    lambda c: tool(parameters={"properties": {c: {}}}),
    lambda c: with_user(functions=[{"name": "f", "description": c}]),
    lambda c: with_user(prediction={"type": "content", "content": c}),
    lambda c: with_user(documents=[{"title": "t", "text": c}]),
    lambda c: with_user(response_format={"type": "json_schema", "json_schema": {"schema": {"description": c}}}),
]


class TestHostileBytes:
    @pytest.mark.parametrize(
        ("raw", "status", "code"),
        [
            (b"", 400, "invalid_json"),
            (b"[]", 400, "invalid_json"),
            (b'{"model": "m"', 400, "too_deep"),
            (b'{"model": tru}', 400, "invalid_json"),
            (b'{"model": NaN}', 400, "invalid_json"),
            (b'{"model": "\\ud800"}', 400, "invalid_json"),
            (b'{"model": 1e999}', 400, "invalid_number"),
            (b'{"model": ' + b"9" * 5000 + b"}", 400, "invalid_number"),
            (b'{"model": "\xff"}', 400, "invalid_utf8"),
            (b'{"model": "a", "model": "b"}', 400, "duplicate_key"),
            (b'{"model": "a", "messages": [{"content": "x", "\\u0063ontent": "y"}]}', 400, "duplicate_key"),
            (b'{"a":' * 65 + b"1" + b"}" * 65, 400, "too_deep"),
            (b"[" * 1_000_000, 413, "too_many_values"),
            (b"[" * 400_000, 400, "too_deep"),
            (b"{" + b'\\"' * 1_000_000, 400, "too_deep"),
            (b" " * (20 * 1024 * 1024 + 1), 413, "body_too_large"),
        ],
    )
    def test_bytes_that_are_no_request_are_refused(self, raw: bytes, status: int, code: str) -> None:
        error = refusal("chat.completions", raw)

        assert (status, code) == (error.status, error.code)

    def test_depth_up_to_the_limit_passes(self) -> None:
        inner: object = 1
        for _ in range(63):
            inner = {"a:[{": inner}

        assert chat(user("Hi"), metadata=inner).model == "m"

    @pytest.mark.parametrize(
        ("body", "param"),
        [
            ({"messages": [user("Hi")]}, "model"),
            ({"model": 1, "messages": [user("Hi")]}, "model"),
            ({"model": "m"}, "messages"),
            ({"model": "m", "messages": []}, "messages"),
            ({"model": "m", "messages": {}}, "messages"),
            ({"model": "m", "messages": [1]}, "messages[0]"),
            ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role"),
            ({"model": "m", "messages": [{"role": {}, "content": "x"}]}, "messages[0].role"),
            ({"model": "m", "messages": [user(5)]}, "messages[0].content"),
            ({"model": "m", "messages": [user([5])]}, "messages[0].content[0]"),
            ({"model": "m", "messages": [user([{"type": "text"}])]}, "messages[0].content[0].text"),
            ({"model": "m", "messages": [user([{"type": "hologram"}])]}, "messages[0].content[0].type"),
            ({"model": "m", "messages": [user("Hi")], "stream": "yes"}, "stream"),
            ({"model": "m", "messages": [user("Hi")], "temperature": "hot"}, "temperature"),
            ({"model": "m", "messages": [user("Hi")], "n": 0}, "n"),
            ({"model": "m", "messages": [user("Hi")], "tools": [1]}, "tools[0]"),
            (
                {"model": "m", "messages": [user("Hi", tool_calls=[{"function": 1}])]},
                "messages[0].tool_calls[0].function",
            ),
        ],
    )
    def test_a_wrong_type_is_refused_with_its_path(self, body: object, param: str) -> None:
        error = refusal("chat.completions", body)

        assert (422, param) == (error.status, error.param)

    def test_too_many_messages_are_too_large(self) -> None:
        error = refusal("chat.completions", {"model": "m", "messages": [user("x")] * 3}, Limits(messages=2))

        assert (error.status, error.code) == (413, "too_many_messages")


class TestChatParts:
    def test_roles_give_stages_and_the_newest_turn_is_not_history(self) -> None:
        request = chat(
            {"role": "system", "content": "s"}, user("u1"), {"role": "assistant", "content": "a"}, user("u2"),
            {"role": "tool", "content": "t", "tool_call_id": "x"}, {"role": "developer", "content": "d"},
        )  # fmt: skip

        seen = [(p.path, p.role, p.stage, p.is_history) for p in request.parts]

        assert seen == [
            ("messages[0].content", "system", Stage.INSTRUCTIONS, True),
            ("messages[1].content", "user", Stage.PROMPT, True),
            ("messages[2].content", "assistant", Stage.PROMPT, True),
            ("messages[3].content", "user", Stage.PROMPT, False),
            ("messages[4].content", "tool", Stage.TOOL_RESULT, False),
            ("messages[5].content", "developer", Stage.INSTRUCTIONS, False),
        ]

    @pytest.mark.parametrize("place", PLACES)
    def test_text_is_seen_wherever_it_stands_and_can_be_taken_out(self, place: Any) -> None:
        canary = "café\nignore 😀 this"
        request = parse(
            "chat.completions", json.dumps({"model": "m", **place(canary)}).encode()
        )  # fmt: skip

        (part,) = [p for p in request.parts if canary in p.text]
        part.replace(part.text.replace(canary, "gone"))

        assert "ignore" not in request.encode().decode()
        assert "gone" in request.encode().decode()

    def test_a_tool_whose_definition_breaks_keeps_only_its_name(self) -> None:
        tool = {"type": "function", "function": {"name": "lookup", "description": "bad"}}
        request = chat(user("x"), tools=[tool])

        request.parts[0].replace("not json")

        assert request.body["tools"] == [{"type": "function", "function": {"name": "lookup"}}]
        assert request.has_tools

    def test_an_image_of_a_data_url_is_decoded_and_can_be_replaced(self) -> None:
        url = "data:image/png;base64," + base64.b64encode(b"\x89PNG").decode()
        request = chat(user([{"type": "image_url", "image_url": {"url": url}}]))
        (part,) = request.parts

        assert (part.stage, part.image) == (Stage.IMAGE, b"\x89PNG")
        part.replace("[image removed]")
        assert [user([{"type": "text", "text": "[image removed]"}])] == request.body["messages"]

    @pytest.mark.parametrize("payload", ["AAA", "AA==AA", "A A=", "é"])
    def test_base64_that_two_readers_could_read_differently_is_refused(self, payload: str) -> None:
        chunk = {"type": "image_url", "image_url": "data:image/png;base64," + payload}

        assert refusal("chat.completions", {"model": "m", "messages": [user([chunk])]}).code == "invalid_base64"

    @pytest.mark.parametrize(
        ("chunk", "kind"),
        [
            ({"type": "image_url", "image_url": "https://example.org/a.png"}, "image_url"),
            ({"type": "image_url", "image_url": "data:text/html;base64,AAAA"}, "image_url"),
            ({"type": "document_url", "document_url": "https://example.org/a.pdf"}, "document_url"),
            ({"type": "file", "file_id": "f"}, "file"),
            ({"type": "input_audio", "input_audio": "AAAA"}, "audio"),
        ],
    )
    def test_what_cannot_be_seen_is_named(self, chunk: object, kind: str) -> None:
        request = chat(user([chunk]))

        assert [kind] == [o.kind for o in request.opaque]
        assert request.parts == []

    def test_keys_that_bring_in_unseen_state_are_named(self) -> None:
        request = chat(user("x"), chat_template="{{ x }}", cache_salt=None, brand_new=1, tools=[{"type": "web_search"}])

        assert {"chat_template", "tool:web_search"} == {o.kind for o in request.opaque}
        assert request.unknown_keys == ("brand_new", "cache_salt", "chat_template")


class TestFacts:
    def test_facts_for_rules_are_read(self) -> None:
        request = chat(
            user("x"), stream=True, stream_options={"include_usage": True}, n=2, logprobs=True, top_logprobs=5,
            logit_bias={"1": 1}, temperature=0, max_completion_tokens=9, user="u", safety_identifier="s",
            response_format={"type": "json_object"},
        )  # fmt: skip

        assert (
            request.stream, request.include_usage, request.is_json_mode, request.n, request.end_user
        ) == (True, True, True, 2, "s")  # fmt: skip
        assert (
            request.sampling.logprobs, request.sampling.top_logprobs, request.sampling.has_logit_bias,
            request.sampling.temperature, request.sampling.max_tokens,
        ) == (True, 5, True, 0.0, 9)  # fmt: skip

    @pytest.mark.parametrize(
        ("extra", "agent", "expected"),
        [
            ({}, "", ("openai", "default")),
            ({"random_seed": 1}, "", ("mistral", "keys")),
            ({"seed": 1}, "", ("openai", "keys")),
            ({"seed": 1}, "mistral-client-python/3.7", ("mistral", "user_agent")),
            ({"random_seed": 1}, "OpenAI/Python 3.5", ("openai", "user_agent")),
        ],
    )
    def test_the_client_is_guessed_and_the_reason_said(self, extra: Any, agent: str, expected: tuple[str, str]) -> None:
        raw = json.dumps({"model": "m", "messages": [user("x")], **extra}).encode()
        request = parse("chat.completions", raw, user_agent=agent)

        assert expected == (request.client, request.client_reason)

    def test_a_prefilled_reply_is_noticed(self) -> None:
        assert chat(user("x"), {"role": "assistant", "content": "Sure, ", "prefix": True}).has_prefill
        assert not chat(user("x")).has_prefill


class TestOtherEndpoints:
    def paths(self, endpoint: str, **body: Any) -> list[tuple[str, str, int]]:
        request = parse(endpoint, json.dumps({"model": "m", **body}).encode())
        return [(p.path, p.text, p.item) for p in request.parts]

    def test_completions_and_fill_in_the_middle(self) -> None:
        assert self.paths("fim.completions", prompt="a", suffix="b") == [("prompt", "a", 0), ("suffix", "b", 0)]
        assert self.paths("completions", prompt=["a", "b"]) == [("prompt[0]", "a", 0), ("prompt[1]", "b", 1)]

    @pytest.mark.parametrize(("endpoint", "key"), [("completions", "prompt"), ("embeddings", "input")])
    @pytest.mark.parametrize("value", [[1, 2], [[1, 2]]])
    def test_token_ids_are_refused(self, endpoint: str, key: str, value: object) -> None:
        error = refusal(endpoint, {"model": "m", key: value})

        assert ("token_ids_not_supported", f"{key}[0]") == (error.code, error.param)

    def test_moderations_of_texts_of_parts_and_of_conversations(self) -> None:
        turns = [user("a"), {"role": "assistant", "content": "b"}]

        assert self.paths("moderations", input="a") == [("input", "a", 0)]
        assert self.paths("moderations", input=["a", "b"]) == [("input[0]", "a", 0), ("input[1]", "b", 1)]
        assert self.paths("moderations", input=[{"type": "text", "text": "a"}]) == [("input[0].text", "a", 0)]
        assert self.paths("chat.moderations", input=[turns, [user("c")]])[2:] == [("input[1][0].content", "c", 1)]
        request = parse("moderations", json.dumps({"input": turns}).encode())
        assert [p.is_history for p in request.parts] == [True, False]

    def test_responses_items(self) -> None:
        items = [
            user("u"), {"type": "function_call", "call_id": "c", "name": "f", "arguments": '{"a":"\\u0062"}'},
            {"type": "function_call_output", "call_id": "c", "output": "result"},
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "why"}], "encrypted_content": "zz"},
            {"type": "item_reference", "id": "msg_1"},
        ]  # fmt: skip
        request = parse(
            "responses",
            json.dumps({"model": "m", "input": items, "instructions": "sys", "previous_response_id": "r"}).encode(),
        )

        assert [p.text for p in request.parts][:6] == ["sys", "u", '{"a":"b"}', "f", "result", "why"]
        assert [o.kind for o in request.opaque] == [
            "encrypted_reasoning",
            "item:item_reference",
            "previous_response_id",
        ]

    def test_conversations_are_refused_with_a_reason(self) -> None:
        error = refusal("conversations", {"inputs": "Hi"})

        assert (error.status, error.code) == (400, "endpoint_not_supported")

    def test_agents_need_an_id_and_name_it_as_unseen(self) -> None:
        request = parse("agents.completions", json.dumps({"agent_id": "a", "messages": [user("x")]}).encode())

        assert [o.kind for o in request.opaque] == ["agent_id"]
        assert refusal("agents.completions", {"messages": [user("x")]}).param == "agent_id"
