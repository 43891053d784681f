"""Streams may be cut anywhere, and what is released is what is read again."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from leeward.errors import WireError
from leeward.gateway.wire.escapes import EscapeReader, read_escapes, write_escapes
from leeward.gateway.wire.request import Request, parse
from leeward.gateway.wire.sse import Event, SseReader
from leeward.gateway.wire.stream import Delta, Kind, StreamCodec, stream_codec

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
ends = st.sampled_from([b"\n", b"\r\n", b"\r"])
kinds = st.sampled_from([Kind.CONTENT, Kind.REFUSAL, Kind.REASONING])


def codec(endpoint: str = "chat.completions") -> StreamCodec:
    chat = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
    body = {"model": "m", "input": "Hi"} if endpoint == "responses" else chat
    return stream_codec(parse(endpoint, json.dumps(body).encode()), id="lw", created=1)


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({c % (len(data) + 1) for c in cuts})
    return [data[a:b] for a, b in zip([0, *places], [*places, len(data)], strict=True)]


def wire_bytes(pieces: list[str], end: bytes) -> bytes:
    chunks = [{"choices": [{"index": 0, "delta": {"content": p}, "finish_reason": None}]} for p in pieces]
    lines = [b"data: " + json.dumps(c, ensure_ascii=False).encode() + end + end for c in chunks]
    return b": hi" + end + end + b"".join(lines) + b"data: [DONE]" + end + end


def deltas(stream: StreamCodec, events: list[Event]) -> list[Delta]:
    return [d for e in events for d in stream.on_event(e)]


@given(st.lists(texts, max_size=6), ends, st.lists(st.integers(0, 10_000), max_size=40))
def test_a_stream_gives_the_same_deltas_however_it_is_cut(pieces: list[str], end: bytes, cuts: list[int]) -> None:
    data = wire_bytes(pieces, end)
    reader = SseReader()

    events = [e for piece in cut(data, cuts) for e in reader.feed(piece)] + reader.end()

    whole = SseReader()
    assert whole.feed(data) + whole.end() == events
    assert [Delta(0, Kind.CONTENT, 0, p) for p in pieces if p] == deltas(codec(), events)


@given(st.lists(st.tuples(kinds, texts), max_size=12), st.sampled_from(["chat.completions", "responses"]))
def test_released_text_reads_back_as_it_was_put_in(pieces: list[tuple[Kind, str]], endpoint: str) -> None:
    stream = codec(endpoint)
    out = b"".join(stream.chunk(0, kind, 0, text) for kind, text in pieces)
    out += stream.finish(0, "stop") + stream.closing({}) + stream.done()

    read = deltas(codec(endpoint), SseReader().feed(out))

    for kind in (Kind.CONTENT, Kind.REFUSAL, Kind.REASONING):
        assert "".join(t for k, t in pieces if k is kind) == "".join(d.text for d in read if d.kind is kind)
    assert read[-1].finish_reason == "stop"


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@given(json_values, st.booleans(), st.booleans(), st.lists(st.integers(0, 10_000), max_size=30))
def test_escapes_are_read_the_same_however_they_are_cut_and_stay_json(
    value: object, ascii_only: bool, pretty: bool, cuts: list[int]
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only, indent=1 if pretty else None)
    places = sorted({c % (len(text) + 1) for c in cuts})
    reader = EscapeReader()

    read = "".join(reader.feed(text[a:b]) for a, b in zip([0, *places], [*places, len(text)], strict=True))
    read += reader.end()

    assert read_escapes(text) == read
    assert value == json.loads(write_escapes(read))


@given(st.text(st.sampled_from('\\u0123dDc8nrt"/ax'), max_size=40), st.lists(st.integers(0, 100), max_size=10))
def test_hostile_escapes_are_read_the_same_however_they_are_cut(text: str, cuts: list[int]) -> None:
    places = sorted({c % (len(text) + 1) for c in cuts})
    reader = EscapeReader()

    read = "".join(reader.feed(text[a:b]) for a, b in zip([0, *places], [*places, len(text)], strict=True))

    assert read_escapes(text) == read + reader.end()


def outcome(raw: bytes) -> Request | WireError:
    try:
        return parse("chat.completions", raw)
    except WireError as error:
        return error


@given(st.binary(max_size=200) | json_values.map(lambda v: json.dumps(v).encode()))
def test_any_bytes_are_a_request_or_a_clear_refusal(raw: bytes) -> None:
    result = outcome(raw)

    assert isinstance(result, Request) or result.status in (400, 413, 422)


@given(json_values, json_values, json_values)
def test_any_message_is_seen_or_clearly_refused(content: object, calls: object, extra: object) -> None:
    message = {"role": "user", "content": content, "tool_calls": calls, "extra": extra}

    result = outcome(json.dumps({"model": "m", "messages": [message]}).encode())

    if isinstance(result, Request):
        seen = " ".join(p.text for p in result.parts)
        assert all(text in seen for text in (content, extra) if isinstance(text, str))
    else:
        assert result.status in (400, 422)
