"""Whole replies: no string leaves that nobody could examine."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mistralai.client.models import ChatCompletionResponse, CreateResponseResponse
from openai.types import Completion
from openai.types.chat import ChatCompletion
from openai.types.responses import Response

from leeward.errors import UpstreamError
from leeward.gateway.wire.channels import Kind
from leeward.gateway.wire.reply import Reply
from leeward.gateway.wire.request import parse

USAGE = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}


def body(message: dict[str, Any], **choice: Any) -> bytes:
    entry = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}, **choice}
    head = {"id": "c", "object": "chat.completion", "created": 1, "model": "m"}
    return json.dumps({**head, "choices": [entry], "usage": USAGE}).encode()


def chat(message: dict[str, Any], **choice: Any) -> Reply:
    return Reply.parse("chat.completions", body(message, **choice))


def loads(reply: Reply) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(reply.encode())
    return value


class TestChat:
    def test_every_strand_is_a_channel_in_reading_order(self) -> None:
        call = {"id": "aB3dE6gH9", "type": "function", "function": {"name": "f", "arguments": '{"q":"\\u0061"}'}}
        reply = chat({"content": "hi", "reasoning": "hm", "refusal": "no", "tool_calls": [call]})

        seen = [(c.kind, c.text) for c in reply.channels]

        assert seen == [
            (Kind.REASONING, "hm"), (Kind.REFUSAL, "no"), (Kind.CONTENT, "hi"), (Kind.TOOL_NAME, "f"),
            (Kind.TOOL_ARGUMENTS, '{"q":"a"}'),
        ]  # fmt: skip

    def test_chunks_of_thinking_and_text_are_channels(self) -> None:
        content = [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}, {"type": "text", "text": "hi"}]
        reply = chat({"content": content})

        reply.replace(reply.channels[0], "mm")

        assert [c.kind for c in reply.channels] == [Kind.REASONING, Kind.CONTENT]
        assert loads(reply)["choices"][0]["message"]["content"][0]["thinking"][0]["text"] == "mm"

    @pytest.mark.parametrize(
        ("message", "choice"),
        [
            ({"annotations": [{"url_citation": {"title": "secret"}}]}, {}),
            ({"audio": {"transcript": "secret"}}, {}),
            ({"content_parts": ["secret"]}, {}),
            ({"brand_new": "secret"}, {}),
            ({"content": [{"type": "hologram", "text": "secret"}]}, {}),
            ({"content": [{"type": "text", "text": "hi", "extra": "secret"}]}, {}),
            ({"tool_calls": [{"function": {"name": "f", "arguments": "{}", "extra": "secret"}}]}, {}),
            ({}, {"brand_new": {"deep": "secret"}}),
            ({}, {"stop_reason": "secret"}),
        ],
    )
    def test_text_that_nobody_examined_is_left_out_and_counted(self, message: Any, choice: Any) -> None:
        reply = chat({"content": "hi", **message}, **choice)

        assert b"secret" not in reply.encode()
        assert reply.dropped == 1

    def test_an_altered_choice_loses_what_spells_out_its_old_text(self) -> None:
        spelled = {"logprobs": {"content": [{"token": "secret", "logprob": -1.0}]}, "token_ids": [1, 2]}
        kept, altered = chat({"content": "secret"}, **spelled), chat({"content": "secret"}, **spelled)

        altered.replace(altered.channels[0], "gone")

        assert spelled["logprobs"] == loads(kept)["choices"][0]["logprobs"]
        assert b"secret" not in altered.encode()
        assert "token_ids" not in loads(altered)["choices"][0]

    def test_a_refusal_takes_the_place_of_everything(self) -> None:
        call = {"id": "x", "function": {"name": "secret", "arguments": "{}"}}
        reply = chat(
            {"content": "secret", "reasoning": "secret", "tool_calls": [call]}, messages=[{"content": "secret"}]
        )

        reply.refuse(0, "I cannot help with that.")
        reply.attach({"disposition": "block"})

        assert b"secret" not in reply.encode()
        assert loads(reply)["choices"][0]["finish_reason"] == "content_filter"
        ChatCompletion.model_validate(loads(reply))
        ChatCompletionResponse.model_validate(loads(reply))

    def test_tools_can_be_dropped_and_the_finish_set(self) -> None:
        reply = chat({"content": "hi", "tool_calls": [{"id": "x", "function": {"name": "f", "arguments": "{}"}}]})

        reply.drop_tools(0)
        reply.set_finish(0, "stop")

        assert [c.kind for c in reply.channels] == [Kind.CONTENT]
        assert loads(reply)["choices"][0]["message"]["tool_calls"] is None

    def test_one_call_can_be_taken_out_and_words_put_behind(self) -> None:
        same = {"name": "f", "arguments": '{"a": 1}'}
        calls = [{"id": x, "type": "function", "function": dict(same)} for x in "ab"]
        reply = chat({"content": None, "tool_calls": calls}, finish_reason="tool_calls")
        second = [c for c in reply.channels if c.kind is Kind.TOOL_ARGUMENTS][1]

        taken = reply.take_call(second)
        reply.say(0, "One is held.")

        message = loads(reply)["choices"][0]["message"]
        assert (taken["id"], [call["id"] for call in message["tool_calls"]]) == ("b", ["a"])
        assert message["content"] == "One is held."
        assert reply.has_calls(0)
        ChatCompletion.model_validate(loads(reply))

    @pytest.mark.parametrize(
        "message",
        [
            {"tool_calls": [{"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
            {"tool_calls": [{"id": "x", "type": "custom", "custom": {"name": "f", "input": "{}"}}]},
            {"function_call": {"name": "f", "arguments": "{}"}},
        ],
    )
    def test_the_only_call_can_be_taken_out_in_any_shape(self, message: dict[str, Any]) -> None:
        reply = chat({"content": [{"type": "text", "text": "Let me see."}], **message})
        (arguments,) = [c for c in reply.channels if c.kind is Kind.TOOL_ARGUMENTS]

        taken = reply.take_call(arguments)
        reply.say(0, "It is held.")

        left = loads(reply)["choices"][0]["message"]
        assert "{}" in json.dumps(taken)
        assert not left.get("tool_calls")
        assert not left.get("function_call")
        assert [chunk["text"] for chunk in left["content"]] == ["Let me see.", "It is held."]
        assert not reply.has_calls(0)

    def test_a_call_of_a_conversation_of_an_agent_can_be_taken_out(self) -> None:
        call = {"id": "x", "type": "function", "function": {"name": "f", "arguments": "{}"}}
        reply = chat({"content": "Done."}, messages=[{"role": "assistant", "content": "", "tool_calls": [call]}])
        (arguments,) = [c for c in reply.channels if c.kind is Kind.TOOL_ARGUMENTS]

        assert reply.take_call(arguments)["id"] == "x"
        assert "arguments" not in reply.encode().decode()

    def test_altered_arguments_stay_json(self) -> None:
        reply = chat({"tool_calls": [{"id": "x", "function": {"name": "f", "arguments": '{"q": "a\\nb"}'}}]})
        channel = reply.channels[1]

        reply.replace(channel, channel.text.replace("a\nb", "c\nd"))

        assert json.loads(loads(reply)["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"]) == {
            "q": "c\nd"
        }

    @pytest.mark.parametrize(
        "data", [b"{", b"[]", b"{}", b'{"choices":[1]}', b'{"choices":[{"index":"a"}]}', body({"content": 5})]
    )
    def test_garbage_is_refused(self, data: bytes) -> None:
        with pytest.raises(UpstreamError, match="model server"):
            Reply.parse("chat.completions", data)

    def test_an_error_object_is_an_upstream_error(self) -> None:
        with pytest.raises(UpstreamError) as caught:
            Reply.parse("chat.completions", b'{"object":"error","message":"secret","code":429}')

        assert caught.value.status == 429


class TestWritten:
    @pytest.mark.parametrize("n", [1, 3])
    def test_a_reply_without_a_model_loads_into_both_clients(self, n: int) -> None:
        request = parse(
            "chat.completions",
            json.dumps({"model": "m", "n": n, "messages": [{"role": "user", "content": "x"}]}).encode(),
        )
        value = loads(Reply.written(request, "No.", id="lw", created=1))

        assert n == len(ChatCompletion.model_validate(value).choices)
        ChatCompletionResponse.model_validate(value)

    def test_text_completions_and_responses(self) -> None:
        prompts = parse("completions", b'{"model":"m","prompt":["a","b"]}')
        items = parse("responses", b'{"model":"m","input":"a"}')

        assert len(Completion.model_validate(loads(Reply.written(prompts, "No.", id="lw", created=1))).choices) == 2
        response = loads(Reply.written(items, "No.", id="lw", created=1))
        assert Response.model_validate(response).output_text == "No."
        CreateResponseResponse.model_validate(response)
        assert response["incomplete_details"] == {"reason": "content_filter"}


class TestResponses:
    def reply(self) -> Reply:
        spelled = {"token": "hi", "logprob": -1.0, "bytes": [], "top_logprobs": []}
        text = {
            "type": "output_text",
            "text": "hi",
            "annotations": [{"title": "secret"}],
            "logprobs": [spelled],
        }
        output = [
            {
                "type": "reasoning",
                "id": "r",
                "summary": [{"type": "summary_text", "text": "why"}],
                "encrypted_content": "secret",
            },
            {"type": "message", "id": "m", "role": "assistant", "status": "completed", "content": [text]},
            {"type": "function_call", "id": "f", "call_id": "c", "name": "f", "arguments": "{}"},
            {"type": "web_search_call", "id": "w", "action": {"query": "secret"}},
        ]
        head = {"id": "resp", "object": "response", "created_at": 1, "model": "m", "status": "completed"}
        value = {**head, "output": output, "parallel_tool_calls": True, "tool_choice": "auto", "tools": []}
        return Reply.parse("responses", json.dumps(value).encode())

    def test_strands_are_channels_and_the_rest_is_left_out(self) -> None:
        reply = self.reply()

        seen = [(c.kind, c.index, c.text) for c in reply.channels]

        assert seen == [
            (Kind.REASONING, 0, "why"), (Kind.CONTENT, 1, "hi"), (Kind.TOOL_NAME, 2, "f"),
            (Kind.TOOL_ARGUMENTS, 2, "{}"),
        ]  # fmt: skip
        assert b"secret" not in reply.encode()
        Response.model_validate(loads(reply))

    def test_altering_forgets_the_log_probabilities_and_refusing_takes_all(self) -> None:
        reply = self.reply()
        reply.replace(reply.channels[1], "ho")
        assert loads(reply)["output"][1]["content"][0]["logprobs"] == []

        reply.refuse(0, "No.")

        response = Response.model_validate(loads(reply))
        assert (
            response.output_text,
            response.status,
            reply.finish_reason(0),
        ) == ("No.", "incomplete", "content_filter")


def test_embeddings_pass_without_channels() -> None:
    raw = b'{"id":"e","object":"list","model":"m","data":[{"embedding":[0.1]}],"note":"secret"}'
    reply = Reply.parse("embeddings", raw)

    assert (reply.channels, reply.dropped) == ([], 1)
    assert b"secret" not in reply.encode()
