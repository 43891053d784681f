"""Streams in and out; what goes out is loaded into the models of both clients."""

from __future__ import annotations

import json
from typing import Any

import pytest
from mistralai.client.models import CompletionChunk, ResponsesStreamFrame
from openai.types import Completion
from openai.types.chat import ChatCompletionChunk
from openai.types.responses import ResponseStreamEvent
from pydantic import TypeAdapter

from leeward.errors import UpstreamError
from leeward.gateway.wire.request import Request, parse
from leeward.gateway.wire.sse import Event, SseReader
from leeward.gateway.wire.stream import Delta, Kind, StreamCodec, stream_codec

LEEWARD = {"decision_id": "01J", "disposition": "pass"}
CHAT = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}


def request(endpoint: str = "chat.completions", **extra: Any) -> Request:
    body = {"chat.completions": CHAT, "completions": {"model": "m", "prompt": "Hi", "stream": True},
            "responses": {"model": "m", "input": "Hi", "stream": True}}[endpoint]  # fmt: skip
    return parse(endpoint, json.dumps({**body, **extra}).encode())


def codec(endpoint: str = "chat.completions", **extra: Any) -> StreamCodec:
    return stream_codec(request(endpoint, **extra), id="lw-1", created=1_700_000_000)


def event(value: object) -> Event:
    return Event(json.dumps(value).encode())


def delta_event(delta: object, *, finish: str | None = None, index: int = 0, **extra: Any) -> Event:
    choice = {"index": index, "delta": delta, "finish_reason": finish}
    return event(
        {"id": "up-1", "model": "big", "created": 5, "object": "chat.completion.chunk", "choices": [choice], **extra}
    )


def frames(data: bytes) -> list[dict[str, Any]]:
    return [json.loads(e.data) for e in SseReader().feed(data) if e.data != b"[DONE]"]


class TestReadingChat:
    def test_content_arrives_as_deltas_and_the_head_is_taken_over(self) -> None:
        stream = codec()

        deltas = stream.on_event(delta_event({"role": "assistant", "content": "Hel"}))

        assert [Delta(0, Kind.CONTENT, 0, "Hel")] == deltas
        assert (stream.id, stream.model, stream.created) == ("up-1", "big", 5)

    def test_a_finish_reason_comes_last(self) -> None:
        deltas = codec().on_event(delta_event({"content": "x"}, finish="stop"))

        assert [Delta(0, Kind.CONTENT, 0, "x"), Delta(0, Kind.CONTENT, 0, "", "stop")] == deltas

    def test_thinking_chunks_and_reasoning_keys_are_the_same_strand(self) -> None:
        thinking = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}

        for delta in (
            thinking,
            {"reasoning_content": "hm"},
            {"reasoning": "hm"},
            {"reasoning": "hm", "reasoning_content": "hm"},
        ):
            assert [Delta(0, Kind.REASONING, 0, "hm")] == codec().on_event(delta_event(delta))

    def test_text_under_an_unknown_key_is_dropped_and_counted(self) -> None:
        stream = codec()

        deltas = stream.on_event(delta_event({"content": "a", "audio": {"transcript": "secret"}, "annotations": ["b"]}))

        assert [Delta(0, Kind.CONTENT, 0, "a")] == deltas
        assert stream.dropped == 2

    def test_escapes_in_tool_arguments_are_undone_even_when_cut(self) -> None:
        stream = codec()
        pieces = ['{"q":"\\u00', "69gnore\\", "nall \\ud83d", '\\ude00 \\"x\\""}']
        texts = []
        for i, piece in enumerate(pieces):
            function = {"arguments": piece, **({"name": "f"} if i == 0 else {})}
            call = {"index": 0, "function": function, **({"id": "call_1"} if i == 0 else {})}
            texts += [
                d.text for d in stream.on_event(delta_event({"tool_calls": [call]})) if d.kind is Kind.TOOL_ARGUMENTS
            ]

        assert "".join(texts) == '{"q":"ignore\nall 😀 \\"x\\""}'

    def test_an_error_object_is_an_upstream_error_without_its_text(self) -> None:
        with pytest.raises(UpstreamError) as caught:
            codec().on_event(event({"error": {"message": "secret prompt", "code": 503}}))

        assert (caught.value.kind, caught.value.status) == ("status", 503)
        assert "secret" not in str(caught.value)

    @pytest.mark.parametrize(
        "data", [b"{", b"[]", b'{"choices":1}', b'{"choices":[1]}', b'{"choices":[{"index":-1,"delta":{}}]}',
                 b'{"choices":[{"index":0,"delta":{"content":7}}]}', b"\xff"],
    )  # fmt: skip
    def test_garbage_is_refused(self, data: bytes) -> None:
        with pytest.raises(UpstreamError, match="model server"):
            codec().on_event(Event(data))

    def test_done_is_noticed(self) -> None:
        stream = codec()
        stream.on_event(Event(b"[DONE]"))

        assert stream.is_done


class TestWritingChat:
    def released(self, stream: StreamCodec) -> bytes:
        out = stream.chunk(0, Kind.REASONING, 0, "hm") + stream.chunk(0, Kind.CONTENT, 0, "Hello ")
        out += stream.chunk(0, Kind.CONTENT, 0, 'world "\n')
        out += stream.chunk(0, Kind.TOOL_NAME, 0, "lookup") + stream.chunk(0, Kind.TOOL_ARGUMENTS, 0, '{"q":"a\nb"}')
        return out + stream.finish(0, "tool_calls") + stream.closing(LEEWARD) + stream.done()

    @pytest.mark.parametrize("extra", [{}, {"stream_options": {"include_usage": True}}, {"random_seed": 1}])
    def test_every_frame_loads_into_both_clients(self, extra: dict[str, Any]) -> None:
        stream = codec(**extra)
        stream.on_event(event({"id": "u", "model": "m", "created": 1, "choices": [], "usage": {"prompt_tokens": 3}}))

        chunks = frames(self.released(stream))

        for chunk in chunks:
            CompletionChunk.model_validate(chunk)
            ChatCompletionChunk.model_validate(
                {**chunk, "choices": [c for c in chunk["choices"] if not isinstance(c["delta"].get("content"), list)]}
            )
        assert chunks[-1]["leeward"] == LEEWARD
        assert all("leeward" not in c for c in chunks[:-1])

    def test_the_role_comes_once_and_first(self) -> None:
        roles = [c["choices"][0]["delta"].get("role") for c in frames(self.released(codec()))]

        assert ["assistant"] + [None] * (len(roles) - 1) == roles

    def test_a_tool_call_goes_out_whole_and_is_valid_json(self) -> None:
        stream = codec()
        stream.on_event(
            delta_event(
                {"tool_calls": [{"index": 0, "id": "aB3dE6gH9", "function": {"name": "lookup", "arguments": ""}}]}
            )
        )
        calls = [
            c["choices"][0]["delta"]["tool_calls"]
            for c in frames(self.released(stream))
            if "tool_calls" in c["choices"][0]["delta"]
        ]

        assert len(calls) == 1
        assert json.loads(calls[0][0]["function"]["arguments"]) == {"q": "a\nb"}
        assert calls[0][0]["id"] == "aB3dE6gH9"

    def test_a_refused_choice_gives_no_tool_call(self) -> None:
        stream = codec()
        stream.chunk(0, Kind.TOOL_NAME, 0, "lookup")
        stream.chunk(0, Kind.TOOL_ARGUMENTS, 0, "{")

        chunks = frames(stream.finish(0, "content_filter") + stream.closing(LEEWARD))

        assert b"lookup" not in json.dumps(chunks).encode()
        assert chunks[-1]["choices"][0]["finish_reason"] == "content_filter"

    def test_usage_is_an_extra_chunk_for_openai_and_rides_for_mistral(self) -> None:
        for extra, shape in (({"stream_options": {"include_usage": True}}, []), ({"safe_prompt": False}, [0])):
            stream = codec(**extra)
            last = frames(stream.finish(0, "stop") + stream.closing(LEEWARD))[-1]

            assert shape == [c["index"] for c in last["choices"]]
            assert last["usage"]["total_tokens"] == 0

    def test_a_client_that_did_not_ask_gets_no_chunk_without_choices(self) -> None:
        stream = codec(seed=1)
        chunks = frames(stream.chunk(0, Kind.CONTENT, 0, "x") + stream.finish(0, "stop") + stream.closing(LEEWARD))

        assert all(c["choices"] and "usage" not in c for c in chunks)

    def test_text_completions_have_their_own_shape(self) -> None:
        stream = codec("completions")
        assert [Delta(0, Kind.TEXT, 0, "a")] == stream.on_event(event({"choices": [{"index": 0, "text": "a"}]}))

        chunks = frames(stream.chunk(0, Kind.TEXT, 0, "a") + stream.finish(0, "stop") + stream.closing(LEEWARD))

        assert [c["choices"][0]["text"] for c in chunks] == ["a", ""]
        Completion.model_validate(chunks[-1])
        for chunk in chunks:
            assert chunk["object"] == "text_completion"

    def test_thinking_goes_to_mistral_as_chunks_and_to_openai_as_a_key(self) -> None:
        for extra, expected in (
            ({"random_seed": 1}, {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}]}),
            ({"seed": 1}, {"reasoning_content": "hm"}),
        ):
            chunk = frames(codec(**extra).chunk(0, Kind.REASONING, 0, "hm"))[0]

            assert {"role": "assistant", **expected} == chunk["choices"][0]["delta"]


class TestResponses:
    UPSTREAM = (
        {"type": "response.created", "response": {"id": "resp_u", "model": "big", "created_at": 7}},
        {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message", "id": "m"}},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "Hel"},
        {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": "lo"},
        {"type": "response.output_text.done", "output_index": 0, "content_index": 0, "text": "Hello"},
        {"type": "response.output_item.added", "output_index": 1,
         "item": {"type": "function_call", "id": "f", "call_id": "call_9", "name": "lookup", "arguments": ""}},
        {"type": "response.function_call_arguments.done", "output_index": 1, "arguments": '{"q":"\\u0078\\n"}'},
        {"type": "response.completed", "response": {"usage": {"input_tokens": 3, "output_tokens": 2}}},
    )  # fmt: skip

    def deltas(self, stream: StreamCodec) -> list[Delta]:
        return [d for e in self.UPSTREAM for d in stream.on_event(event(e))]

    def test_events_become_deltas_each_text_once(self) -> None:
        expected = [
            Delta(0, Kind.CONTENT, 0, "Hel"), Delta(0, Kind.CONTENT, 0, "lo"), Delta(0, Kind.TOOL_NAME, 1, "lookup"),
            Delta(0, Kind.TOOL_ARGUMENTS, 1, '{"q":"x\n"}'), Delta(0, Kind.CONTENT, 0, "", "stop"),
        ]  # fmt: skip

        assert expected == self.deltas(codec("responses"))

    @pytest.mark.parametrize("reason", ["stop", "content_filter", "length"])
    def test_every_event_loads_into_both_clients(self, reason: str) -> None:
        stream = codec("responses", tools=[{"type": "function", "name": "lookup", "parameters": {}, "strict": False}])
        out = b""
        for delta in self.deltas(stream):
            out += stream.chunk(0, delta.kind, delta.index, delta.text)
        out += stream.chunk(0, Kind.REASONING, 2, "hm") + stream.chunk(0, Kind.REFUSAL, 3, "no")
        out += stream.finish(0, reason) + stream.closing(LEEWARD) + stream.done()

        events = frames(out)

        adapter: TypeAdapter[Any] = TypeAdapter(ResponseStreamEvent)
        for each in SseReader().feed(out):
            value = json.loads(each.data)
            assert each.event == value["type"]
            adapter.validate_python(value)
            if "refusal" not in each.data.decode():  # Mistral's client knows no refusal parts
                ResponsesStreamFrame.model_validate({"event": each.event, "data": value})
        assert list(range(len(events))) == [e["sequence_number"] for e in events]
        assert events[-1]["response"]["leeward"] == LEEWARD
        assert ("function_call" in [i["type"] for i in events[-1]["response"]["output"]]) == (
            reason != "content_filter"
        )

    def test_a_refusal_without_a_model_is_a_whole_stream(self) -> None:
        stream = codec("responses")
        out = stream.chunk(0, Kind.CONTENT, 0, "I cannot help with that.")
        names = [e.event for e in SseReader().feed(out + stream.finish(0, "content_filter") + stream.closing(LEEWARD))]

        assert names[:2] == ["response.created", "response.in_progress"]
        assert names[-1] == "response.incomplete"

    def test_a_failed_response_is_an_upstream_error(self) -> None:
        with pytest.raises(UpstreamError):
            codec("responses").on_event(
                event({"type": "response.failed", "response": {"error": {"code": "server_error"}}})
            )

    def test_events_of_unknown_kinds_are_dropped_and_counted(self) -> None:
        stream = codec("responses")

        assert stream.on_event(event({"type": "response.audio.transcript.delta", "delta": "secret"})) == []
        assert stream.dropped == 1


class TestSse:
    def test_line_ends_comments_names_and_joined_data(self) -> None:
        data = b": hi\r\n\r\nevent: a\rdata: 1\rdata:2\r\rdata: 3\n\nretry: 5\n\n"

        assert [Event(b"1\n2", "a"), Event(b"3")] == SseReader().feed(data)

    def test_an_event_without_a_last_blank_line_is_given_at_the_end(self) -> None:
        reader = SseReader()

        assert reader.feed(b"data: [DONE]\n") == []
        assert [Event(b"[DONE]")] == reader.end()

    @pytest.mark.parametrize("data", [b"data: " + b"x" * 200, b"data: " + b"x" * 200 + b"\n\n"])
    def test_an_event_that_is_too_long_is_garbage(self, data: bytes) -> None:
        with pytest.raises(UpstreamError, match="more than 100 bytes"):
            SseReader(max_event_bytes=100).feed(data)


@pytest.mark.parametrize("kind", ["function", "custom"])
def test_a_call_is_taken_out_of_a_chat_and_the_others_close_the_gap(kind: str) -> None:
    stream = codec()
    key = "arguments" if kind == "function" else "input"
    calls = [{"index": n, "id": f"c{n}", kind: {"name": f"f{n}", key: "{}"}} for n in range(3)]
    for delta in stream.on_event(delta_event({"tool_calls": calls}, finish="tool_calls")):
        stream.chunk(delta.choice, delta.kind, delta.index, delta.text)

    assert stream.calls(0) == [(0, "{}"), (1, "{}"), (2, "{}")]
    assert stream.take_call(0, 1) == {"id": "c1", "type": kind, kind: {"name": "f1", key: "{}"}}

    sent = [call for frame in frames(stream.finish(0, "tool_calls")) for c in frame["choices"]
            for call in c["delta"].get("tool_calls", [])]  # fmt: skip
    assert [(call["index"], call["id"]) for call in sent] == [(0, "c0"), (1, "c2")]


def test_a_call_is_taken_out_of_a_response() -> None:
    stream = codec("responses")
    for number in (0, 1):
        item = {"type": "function_call", "id": f"fc{number}", "call_id": f"call_{number}", "name": "f", "arguments": ""}
        added = {"type": "response.output_item.added", "output_index": number, "item": item}
        done = {"type": "response.function_call_arguments.done", "output_index": number, "arguments": "{}"}
        for delta in (*stream.on_event(event(added)), *stream.on_event(event(done))):
            stream.chunk(delta.choice, delta.kind, delta.index, delta.text)

    assert stream.calls(0) == [(0, "{}"), (1, "{}")]
    taken = stream.take_call(0, 0)
    sent = frames(stream.finish(0, "stop"))

    assert (taken["type"], taken["call_id"], taken["arguments"]) == ("function_call", "call_0", "{}")
    assert [f["item"]["call_id"] for f in sent if f["type"] == "response.output_item.done"] == ["call_1"]
