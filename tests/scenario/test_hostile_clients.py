"""Clients that send nonsense, too much, too slowly, or leave."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from pathlib import Path

import pytest

from chat_scripts import HELLO, LONG, STREAM, answer, chat, event
from leeward.domain.record import Outcome
from leeward.gateway.settings import Limits
from leeward.wiring.http import HEAD_BYTES
from patience import until
from running_house import MARKER, RunningHouse, light_inspector, serving
from scripted_upstream import (
    CHUNKED_HEAD,
    ScriptedUpstream,
    Seen,
    Wire,
    chunked,
    stall,
)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        pytest.param(b"", 400, "invalid_json", id="empty"),
        pytest.param(b"{", 400, "too_deep", id="half"),
        pytest.param(b'{"model": "m", }', 400, "invalid_json", id="a-comma-too-many"),
        pytest.param(b"[]", 400, "invalid_json", id="a-list"),
        pytest.param(b'{"a": NaN}', 400, "invalid_json", id="nan"),
        pytest.param(b'{"model": "\xff"}', 400, "invalid_utf8", id="no-utf8"),
        pytest.param(b"[" * 100_000, 400, "too_deep", id="deep-and-open"),
        pytest.param(b'{"a":' * 50_000 + b"1" + b"}" * 50_000, 400, "too_deep", id="deep"),
        pytest.param(b'{"a":[' + b"1," * 600_000 + b"1]}", 413, "too_many_values", id="many-values"),
        pytest.param(b'{"model": "a", "model": "b", "messages": []}', 400, "duplicate_key", id="a-key-twice"),
        pytest.param(b'{"model": "m"}', 422, "missing", id="no-messages"),
        pytest.param(b'{"model": 7, "messages": []}', 422, "invalid_type", id="a-model-that-is-a-number"),
        pytest.param(b'{"model": "m", "messages": []}', 422, "empty", id="no-message"),
        pytest.param(b'{"model": "m", "messages": "x"}', 422, "invalid_type", id="messages-that-are-text"),
        pytest.param(chat(7), 422, "invalid_type", id="content-that-is-a-number"),
        pytest.param(chat([{"type": "hologram"}]), 422, "unsupported_content", id="content-of-no-known-kind"),
        pytest.param(b'{"model": "m", "stream": "yes", "messages": []}', 422, "invalid_type", id="stream-that-is-text"),
        pytest.param(b'{"model": "m", "n": 1e99, "messages": []}', 422, "invalid_type", id="a-huge-number"),
    ],
)
async def test_a_request_that_cannot_be_read_is_told_where_and_recorded(
    body: bytes, status: int, code: str, tmp_path: Path
) -> None:
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url) as house:
        got = await house.ask(body)
        closed = await house.ended()

        assert (got.status, got.json()["error"]["code"]) == (status, code)
        assert upstream.seen == []
        assert (closed.outcome, closed.error) == (Outcome.REJECTED, code)


async def test_ten_megabytes_are_too_much_and_the_connection_serves_on(tmp_path: Path) -> None:
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url) as house:
        reader, writer = await house.connect()
        heads = []
        for body in (chat("x" * 10_000_000), json.dumps(HELLO).encode()):
            writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(body))
            writer.write(body)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(re.findall(rb"content-length: (\d+)", head)[0]))
            heads.append(head.split(b"\r\n")[0])
        writer.close()

        assert heads == [b"HTTP/1.1 413 Request Entity Too Large", b"HTTP/1.1 200 OK"]
        assert 'leeward_turned_away_total{code="request_too_large"} 1.0' in house.metrics()


async def test_five_hundred_messages_are_read_to_the_last(tmp_path: Path) -> None:
    words = "Could you tell me a little more about number {}, please?"
    turns = [{"role": ("user", "assistant")[i % 2], "content": words.format(i)} for i in range(501)]
    async with (
        ScriptedUpstream(answer()) as upstream,
        serving(tmp_path, upstream.url, inspector=light_inspector()) as house,
    ):
        good = await house.ask({"model": "m", "messages": turns})
        turns[250] = {"role": "user", "content": f"And what of {MARKER}, please?"}
        bad = await house.ask({"model": "m", "messages": turns})

        assert (good.text, bad.finish_reason) == ("Hello there.", "content_filter")
        assert len(json.loads(upstream.seen[0].body)["messages"]) == 501
        assert len(upstream.seen) == 1


async def test_a_head_that_comes_too_slowly_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url) as house:
        with monkeypatch.context() as hasty:
            hasty.setattr("leeward.wiring.http.HEAD_SECONDS", 0.05)
            got = await house.send(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-slow: ")
        again = await house.ask(HELLO)

        assert (got.status, got.headers["connection"]) == (408, "close")
        assert again.text == "Hello there."


async def test_a_head_without_end_is_hung_up_on_and_a_long_body_is_not(tmp_path: Path) -> None:
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nx-long: "
    async with (
        ScriptedUpstream(answer()) as upstream,
        serving(tmp_path, upstream.url, inspector=light_inspector()) as house,
    ):
        # One byte too many, and none behind it that could come after the connection was closed.
        got = await house.send(head.ljust(HEAD_BYTES + 1, b"x"))
        long = await house.ask({"model": "m", "messages": [{"role": "user", "content": "Hello there. " * 30_000}]})

        assert (got.status, got.headers["connection"]) == (431, "close")
        assert long.text == "Hello there."


async def test_a_body_that_comes_too_slowly_is_not_waited_for(tmp_path: Path) -> None:
    async with (
        ScriptedUpstream(answer()) as upstream,
        serving(tmp_path, upstream.url, limits=Limits(body_seconds=0.05)) as house,
    ):
        head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 99\r\n\r\n{"
        got = await house.send(head)

        assert (got.status, got.json()["error"]["code"]) == (408, "request_timeout")
        assert 'leeward_turned_away_total{code="request_timeout"} 1.0' in house.metrics()


async def test_a_client_that_leaves_an_endless_stream_ends_it_at_the_model_server(tmp_path: Path) -> None:
    async def endless(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        await wire.pour(chunked(event(LONG)))

    async with ScriptedUpstream(endless) as upstream, serving(tmp_path, upstream.url) as house:
        reader, writer = await house.connect()
        data = json.dumps(STREAM).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
        await reader.readuntil(b"boats")
        writer.close()
        await upstream.wires[0].gone.wait()
        closed = await house.ended()

        assert closed.outcome is Outcome.DISCONNECTED
        assert closed.released_chars > 0
        assert 'outcome="disconnected"' in house.metrics()
        assert "leeward_active_exchanges 0.0" in house.metrics()


async def test_a_client_that_does_not_read_slows_the_model_server_down(tmp_path: Path) -> None:
    async def endless(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        await wire.pour(chunked(event(LONG)))

    loop = asyncio.get_running_loop()
    async with (
        ScriptedUpstream(endless) as upstream,
        serving(tmp_path, upstream.url, inspector=light_inspector()) as house,
    ):
        with await _lazy_client(house) as idle:
            await until(lambda: bool(upstream.wires))
            wire = upstream.wires[0]
            held_at = await _until_still(wire)
            while wire.sent == held_at:
                assert await loop.sock_recv(idle, 65_536)
        await wire.gone.wait()
        closed = await house.ended()

        assert closed.outcome is Outcome.DISCONNECTED


async def test_a_client_that_never_reads_is_hung_up_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("leeward.wiring.http.UNREAD_SECONDS", 0.05)

    async def endless(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        await wire.pour(chunked(event(LONG)))

    async with (
        ScriptedUpstream(endless) as upstream,
        serving(tmp_path, upstream.url, inspector=light_inspector()) as house,
    ):
        with await _lazy_client(house):
            await until(lambda: bool(upstream.wires))
            await upstream.wires[0].gone.wait()
            closed = await house.ended()

        assert closed.outcome is Outcome.DISCONNECTED
        assert house.taken_connections == 0


async def _lazy_client(house: RunningHouse) -> socket.socket:
    """Ask for a stream on a socket that takes in little, and nothing more unless it is read."""
    loop = asyncio.get_running_loop()
    client = socket.socket()
    client.setblocking(False)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    await loop.sock_connect(client, ("127.0.0.1", house.port))
    data = json.dumps(STREAM).encode()
    head = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data)
    await loop.sock_sendall(client, head + data)
    return client


async def _until_still(wire: Wire) -> int:
    """Return how much the model server has sent once it is held up for many turns of the loop, not for a moment."""
    sent = still = 0
    while still < 200:
        await asyncio.sleep(0.001)
        still = still + 1 if wire.is_full and wire.sent == sent else 0
        sent = wire.sent
    return sent


async def test_a_client_that_leaves_before_the_answer_ends_the_request_at_the_model_server(tmp_path: Path) -> None:
    async with ScriptedUpstream(stall) as upstream, serving(tmp_path, upstream.url) as house:
        _, writer = await house.connect()
        data = json.dumps(HELLO).encode()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n" % len(data) + data)
        await until(lambda: bool(upstream.seen))
        writer.close()
        await upstream.wires[0].gone.wait()
        closed = await house.ended()

        assert (closed.outcome, closed.released_chars) == (Outcome.DISCONNECTED, 0)


async def test_a_client_that_leaves_in_the_middle_of_its_request_is_counted(tmp_path: Path) -> None:
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url) as house:
        _, writer = await house.connect()
        writer.write(b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{")
        await writer.drain()
        writer.close()
        await until(lambda: 'leeward_turned_away_total{code="client_gone"} 1.0' in house.metrics())

        assert upstream.seen == []
