"""The model server misbehaves in every way we know; the caller gets one kind of error and no connection leaks."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from leeward.errors import UpstreamError
from leeward.gateway.upstream.client import UpstreamClient
from leeward.gateway.upstream.limits import Limits, Retries
from leeward.gateway.upstream.response import Response
from patience import PATIENCE_SECONDS, until
from scripted_upstream import (
    CHUNKED_HEAD,
    LAST_CHUNK,
    Script,
    ScriptedUpstream,
    Seen,
    Wire,
    chunked,
    free_port,
    raw,
    raw_then_hang_up,
    reply,
    reset,
    stall,
    trickled,
    whole,
)

ON_BOTH_LOOPS = True
# What is awaited comes, however late; the tests of deadlines shorten the one that they are about.
PATIENT = Limits(
    connect_seconds=PATIENCE_SECONDS, first_byte_seconds=2 * PATIENCE_SECONDS, chunk_seconds=PATIENCE_SECONDS,
    keep_idle_seconds=PATIENCE_SECONDS,
)  # fmt: skip


@asynccontextmanager
async def client_of(url: str, limits: Limits = PATIENT) -> AsyncIterator[UpstreamClient]:
    client = UpstreamClient(url, limits=limits)
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            yield client
    finally:
        await client.aclose()


async def ask(
    client: UpstreamClient, *, deadline_seconds: float = PATIENCE_SECONDS, path: str = "/v1/chat/completions"
) -> Response:
    return await client.request(
        "POST", path, [(b"content-type", b"application/json")], b'{"n":1}', deadline_seconds=deadline_seconds
    )


async def fetch(client: UpstreamClient, **how: float) -> bytes:
    async with await ask(client, **how) as response:
        return await response.read(1_000_000)


async def collect(response: Response, into: list[bytes]) -> None:
    async for piece in response:
        into.append(piece)  # noqa: PERF401


async def kind_of_failure(
    *scripts: Script, limits: Limits = PATIENT, deadline_seconds: float = PATIENCE_SECONDS
) -> str:
    async with ScriptedUpstream(*scripts) as server, client_of(server.url, limits) as client:
        with pytest.raises(UpstreamError) as caught:
            await fetch(client, deadline_seconds=deadline_seconds)
        await until(lambda: all(wire.gone.is_set() for wire in server.wires))
        await until(lambda: (client.pool.taken, client.pool.idle) == (0, 0))
        return caught.value.kind


async def test_nobody_listening_is_refused() -> None:
    async with client_of(f"http://127.0.0.1:{free_port()}") as client:
        with pytest.raises(UpstreamError) as caught:
            await fetch(client)

        assert (caught.value.kind, client.pool.taken) == ("refused", 0)


async def test_a_name_that_does_not_exist_is_refused() -> None:
    async with client_of("http://no-such-host.invalid:80") as client:
        with pytest.raises(UpstreamError) as caught:
            await fetch(client)

        assert caught.value.kind == "refused"


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        pytest.param(raw_then_hang_up(b""), "cut", id="hangs-up-without-a-word"),
        pytest.param(reset, "cut", id="resets-without-a-word"),
        pytest.param(raw_then_hang_up(b"HTTP/1.1 200 OK\r\ncontent-le"), "cut", id="hangs-up-inside-the-head"),
        pytest.param(raw_then_hang_up(whole(200, b"x" * 9)[:-1]), "cut", id="hangs-up-inside-a-sized-body"),
        pytest.param(raw_then_hang_up(CHUNKED_HEAD + b"ff\r\nabc"), "cut", id="hangs-up-inside-a-chunk"),
        pytest.param(raw_then_hang_up(CHUNKED_HEAD + chunked(b"abc")), "cut", id="hangs-up-before-the-last-chunk"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), "garbage", id="speaks-another-protocol"),
        pytest.param(raw(b"\x16\x03\x01\x00\x05hello"), "garbage", id="speaks-tls-to-a-plain-client"),
        pytest.param(raw(CHUNKED_HEAD + b"zz\r\nabc\r\n"), "garbage", id="chunk-size-is-no-number"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n"), "garbage", id="length-is-negative"),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab"), "garbage", id="two-lengths"
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n0\r\n\r\n"),
            "garbage",
            id="length-and-chunks",
        ),
        pytest.param(
            raw(b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), "garbage", id="coded-transfer"
        ),
        pytest.param(
            raw(b"HTTP/1.1 101 Switching\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n"),
            "garbage",
            id="switches-protocols",
        ),
        pytest.param(reply(200, b"x", ("content-encoding", "br")), "garbage", id="unknown-content-coding"),
        pytest.param(reply(200, b"x", ("a", "b" * 70_000)), "garbage", id="one-huge-header"),
        pytest.param(reply(200, b"x", *[("a", "b")] * 201), "garbage", id="too-many-headers"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000), "garbage", id="a-header-without-end"),
        pytest.param(raw(b"HTTP/1.1 103 Early\r\n\r\n" * 9_000), "garbage", id="interim-replies-without-end"),
        pytest.param(raw(CHUNKED_HEAD + b"0\r\na: " + b"b" * 140_000), "garbage", id="trailers-without-end"),
    ],
)
async def test_a_broken_reply_is_one_upstream_error(script: Script, kind: str) -> None:
    assert await kind_of_failure(script) == kind


async def test_a_redirect_is_not_followed() -> None:
    async with (
        ScriptedUpstream(reply(302, b"", ("location", "http://elsewhere.invalid/"))) as server,
        client_of(server.url) as client,
    ):
        with pytest.raises(UpstreamError) as caught:
            await fetch(client)

        assert (caught.value.kind, caught.value.status, len(server.seen)) == ("status", 302, 1)


@pytest.mark.parametrize(
    "script",
    [
        pytest.param(stall, id="never-answers"),
        pytest.param(raw(b"HTTP/1.1 200 OK\r\n"), id="stops-inside-the-head"),
        pytest.param(raw(b"HTTP/1.1 103 Early\r\n\r\n"), id="stops-after-an-interim-reply"),
    ],
)
async def test_a_head_that_does_not_come_is_a_timeout(script: Script) -> None:
    assert await kind_of_failure(script, limits=replace(PATIENT, first_byte_seconds=0.05)) == "timeout"


async def test_silence_inside_a_body_is_noticed_though_a_head_may_take_longer() -> None:
    script = raw(CHUNKED_HEAD + chunked(b"abc"))

    assert await kind_of_failure(script, limits=replace(PATIENT, chunk_seconds=0.05)) == "timeout"


async def test_a_head_that_trickles_for_ever_is_a_timeout() -> None:
    async def endless_head(wire: Wire, seen: Seen) -> None:
        wire.send(b"HTTP/1.1 200 OK\r\n")
        while not wire.gone.is_set():
            await wire.trickle(b"a: b\r\n")
            await asyncio.sleep(0.002)

    assert await kind_of_failure(endless_head, limits=replace(PATIENT, first_byte_seconds=0.05)) == "timeout"


async def test_the_deadline_covers_a_body_that_never_falls_silent() -> None:
    async def endless_body(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        while not wire.gone.is_set():
            wire.send(chunked(b"x"))
            await asyncio.sleep(0.002)

    assert await kind_of_failure(endless_body, deadline_seconds=0.1) == "timeout"


async def test_a_body_larger_than_the_reader_wants_is_cut_off() -> None:
    async def endless(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        await wire.pour(chunked(b"x" * 60_000))

    async with ScriptedUpstream(endless) as server, client_of(server.url) as client:
        async with await ask(client) as response:
            with pytest.raises(UpstreamError, match="larger than 500000 bytes"):
                await response.read(500_000)
        await server.wires[0].gone.wait()

        assert client.pool.taken == 0


async def test_a_stream_is_handed_on_piece_by_piece() -> None:
    got = asyncio.Event()

    async def paced(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        for piece in (b"one", b"two", b"three"):
            wire.send(chunked(piece))
            await got.wait()
            got.clear()
        wire.send(LAST_CHUNK)

    pieces = []
    async with ScriptedUpstream(paced) as server, client_of(server.url) as client, await ask(client) as response:
        async for piece in response:
            pieces.append(piece)
            got.set()

    assert pieces == [b"one", b"two", b"three"]


async def test_what_came_before_a_cut_is_handed_on_first() -> None:
    pieces: list[bytes] = []
    async with (
        ScriptedUpstream(raw_then_hang_up(CHUNKED_HEAD + chunked(b"abc"))) as server,
        client_of(server.url) as client,
        await ask(client) as response,
    ):
        with pytest.raises(UpstreamError) as caught:
            await collect(response, pieces)

    assert (pieces, caught.value.kind) == ([b"abc"], "cut")


async def test_closing_a_stream_hangs_up_on_the_server_at_once() -> None:
    async def endless(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        await wire.pour(chunked(b"x"))

    async with ScriptedUpstream(endless) as server, client_of(server.url) as client:
        response = await ask(client)
        async for _ in response:
            break
        await response.aclose()
        await server.wires[0].gone.wait()

        assert (client.pool.taken, client.pool.idle) == (0, 0)
        with pytest.raises(UpstreamError, match="closed before its end"):
            await response.read(10)


async def test_cancelling_a_request_hangs_up_on_the_server() -> None:
    async with ScriptedUpstream(stall) as server, client_of(server.url) as client:
        task = asyncio.create_task(ask(client))
        while not server.seen:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.wires[0].gone.wait()

        assert client.pool.taken == 0


async def test_a_reader_that_does_not_read_holds_the_server_back() -> None:
    sent = 0

    async def endless(wire: Wire, seen: Seen) -> None:
        nonlocal sent
        wire.send(CHUNKED_HEAD)
        while not wire.gone.is_set():
            sent += 1
            wire.send(chunked(b"x" * 60_000))
            await asyncio.sleep(0)
            if wire.is_full:
                held.set()
                return

    held = asyncio.Event()
    async with ScriptedUpstream(endless) as server, client_of(server.url) as client:
        response = await ask(client)
        await held.wait()
        size = 0
        async for piece in response:
            size += len(piece)
            if size >= 60_000 * sent:
                break
        await response.aclose()

    assert size == 60_000 * sent


async def test_a_slow_and_split_reply_reads_like_a_quick_one() -> None:
    data = CHUNKED_HEAD + chunked(b"one", b"two") + b"0\r\ntrailer: dropped\r\n\r\n"
    async with ScriptedUpstream(trickled(data)) as server, client_of(server.url) as client:
        assert await fetch(client) == b"onetwo"
        assert client.pool.idle == 1


async def test_interim_replies_are_skipped() -> None:
    data = b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nlink: x\r\n\r\n" + whole(200, b"ok", ("a", "b"))
    async with ScriptedUpstream(raw(data)) as server, client_of(server.url) as client:
        response = await ask(client)

        assert (response.status, response.header(b"link"), response.header(b"a")) == (200, None, b"b")
        assert await response.read(10) == b"ok"


async def test_a_body_may_end_with_the_connection() -> None:
    async with (
        ScriptedUpstream(raw_then_hang_up(b"HTTP/1.0 200 OK\r\n\r\nall of it")) as server,
        client_of(server.url) as client,
    ):
        assert await fetch(client) == b"all of it"


async def test_a_reset_does_not_end_a_body_properly() -> None:
    async with (
        ScriptedUpstream(raw(b"HTTP/1.0 200 OK\r\n\r\nhalf of it")) as server,
        client_of(server.url) as client,
    ):
        response = await ask(client)
        server.wires[0].reset()
        with pytest.raises(UpstreamError) as caught:
            await response.read(100)

        assert caught.value.kind == "cut"


async def test_a_kept_connection_serves_many_requests() -> None:
    async with ScriptedUpstream(reply(200, b"ok")) as server, client_of(server.url) as client:
        for _ in range(5):
            await fetch(client)

        assert len(server.wires) == 1


async def test_a_connection_that_the_server_will_close_is_not_kept() -> None:
    async with ScriptedUpstream(reply(200, b"ok", ("connection", "close"))) as server, client_of(server.url) as client:
        await fetch(client)
        await fetch(client)

        assert len(server.wires) == 2


async def test_a_kept_connection_that_dies_is_replaced_without_the_caller_noticing() -> None:
    async with ScriptedUpstream(reply(200, b"a"), reset, reply(200, b"b")) as server, client_of(server.url) as client:
        assert [await fetch(client), await fetch(client)] == [b"a", b"b"]
        assert [s.connection for s in server.seen] == [0, 0, 1]


async def test_a_kept_connection_that_dies_is_replaced_once_only() -> None:
    async with ScriptedUpstream(reply(200, b"a"), reset) as server, client_of(server.url) as client:
        await fetch(client)
        with pytest.raises(UpstreamError) as caught:
            await fetch(client)

        assert (caught.value.kind, len(server.seen)) == ("cut", 3)


async def test_a_kept_connection_that_dies_after_one_byte_is_not_replaced() -> None:
    async with (
        ScriptedUpstream(reply(200, b"a"), raw_then_hang_up(b"H")) as server,
        client_of(server.url) as client,
    ):
        await fetch(client)
        with pytest.raises(UpstreamError):
            await fetch(client)

        assert len(server.seen) == 2


async def test_bytes_after_a_reply_never_answer_the_next_request() -> None:
    async with (
        ScriptedUpstream(raw(whole(200, b"mine") + whole(200, b"stolen")), reply(200, b"yours")) as server,
        client_of(server.url) as client,
    ):
        assert [await fetch(client), await fetch(client)] == [b"mine", b"yours"]
        assert len(server.wires) == 2


async def test_a_late_extra_reply_never_answers_the_next_request() -> None:
    async with ScriptedUpstream(reply(200, b"mine"), reply(200, b"yours")) as server, client_of(server.url) as client:
        await fetch(client)
        server.wires[0].send(whole(200, b"stolen"))
        await server.wires[0].gone.wait()

        assert await fetch(client) == b"yours"


@pytest.mark.parametrize("header", [("retry-after", "0"), ("retry-after-ms", "1")])
async def test_not_now_is_asked_again_when_the_server_says_so(header: tuple[str, str]) -> None:
    async with (
        ScriptedUpstream(reply(429, b"{}", header), reply(200, b"ok")) as server,
        client_of(server.url) as client,
    ):
        assert await fetch(client) == b"ok"


async def test_a_long_wait_is_left_to_the_caller() -> None:
    async with ScriptedUpstream(reply(429, b"later", ("retry-after", "60"))) as server, client_of(server.url) as client:
        response = await ask(client, deadline_seconds=300)

        assert (response.status, response.header(b"retry-after"), await response.read(9)) == (429, b"60", b"later")


async def test_a_wait_past_the_deadline_is_not_begun() -> None:
    limits = replace(PATIENT, retries=Retries(longest_wait_seconds=100_000.0))
    async with (
        ScriptedUpstream(reply(503, b"", ("retry-after", "9999"))) as server,
        client_of(server.url, limits) as client,
    ):
        response = await ask(client)

        assert (response.status, len(server.seen)) == (503, 1)


@pytest.mark.parametrize("status", [400, 500, 502])
async def test_a_status_that_is_not_named_is_not_retried(status: int) -> None:
    async with ScriptedUpstream(reply(status, b"{}", ("retry-after", "0"))) as server, client_of(server.url) as client:
        response = await ask(client)

        assert (response.status, len(server.seen)) == (status, 1)


async def test_attempts_are_counted() -> None:
    limits = replace(PATIENT, retries=Retries(times=3, statuses=frozenset({500}), first_wait_seconds=0.001))
    async with ScriptedUpstream(reply(500)) as server, client_of(server.url, limits) as client:
        response = await ask(client)

        assert (response.status, len(server.seen)) == (500, 4)


async def test_waiters_are_served_in_order_by_one_connection() -> None:
    async with (
        ScriptedUpstream(reply(200, b"ok")) as server,
        client_of(server.url, replace(PATIENT, max_connections=1)) as client,
    ):
        paths = [f"/{i}" for i in range(10)]

        async def one(path: str) -> None:
            async with await ask(client, path=path) as response:
                await response.read(10)

        await asyncio.gather(*(one(p) for p in paths))

        assert ([s.target for s in server.seen], len(server.wires)) == (paths, 1)


async def test_a_full_queue_turns_away() -> None:
    limits = replace(PATIENT, max_connections=1, max_waiting=0)
    async with ScriptedUpstream(stall) as server, client_of(server.url, limits) as client:
        first = asyncio.create_task(ask(client))
        while not server.seen:
            await asyncio.sleep(0)
        with pytest.raises(UpstreamError, match="queue is full") as caught:
            await ask(client)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

        assert caught.value.kind == "refused"


async def test_waiting_ends_with_the_deadline() -> None:
    async with ScriptedUpstream(stall) as server, client_of(server.url, replace(PATIENT, max_connections=1)) as client:
        first = asyncio.create_task(ask(client))
        while not server.seen:
            await asyncio.sleep(0)
        with pytest.raises(UpstreamError, match="stayed busy") as caught:
            await ask(client, deadline_seconds=0.03)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)

        assert (caught.value.kind, client.pool.waiting) == ("timeout", 0)


async def test_a_waiter_goes_on_when_the_connection_before_it_breaks() -> None:
    async with (
        ScriptedUpstream(reset, reply(200, b"ok")) as server,
        client_of(server.url, replace(PATIENT, max_connections=1)) as client,
    ):
        first, second = await asyncio.gather(fetch(client), fetch(client), return_exceptions=True)

        assert (isinstance(first, UpstreamError), second) == (True, b"ok")


@pytest.mark.parametrize("turns", range(8))
async def test_a_waiter_that_is_cancelled_at_any_moment_loses_no_place(turns: int) -> None:
    async with (
        ScriptedUpstream(reply(200, b"ok")) as server,
        client_of(server.url, replace(PATIENT, max_connections=1)) as client,
    ):
        tasks = [asyncio.create_task(fetch(client)) for _ in range(3)]
        for _ in range(turns):
            await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

        assert await fetch(client) == b"ok"
        assert (client.pool.taken, client.pool.idle, client.pool.waiting) == (1, 1, 0)


async def test_an_unused_connection_is_closed_after_a_while() -> None:
    async with (
        ScriptedUpstream(reply(200, b"ok")) as server,
        client_of(server.url, replace(PATIENT, keep_idle_seconds=0.02)) as client,
    ):
        await fetch(client)
        await server.wires[0].gone.wait()
        while client.pool.taken:
            await asyncio.sleep(0)

        assert client.pool.idle == 0


async def test_an_unused_connection_that_the_server_closes_is_forgotten() -> None:
    async with ScriptedUpstream(reply(200, b"ok")) as server, client_of(server.url) as client:
        await fetch(client)
        server.wires[0].hang_up()
        while client.pool.taken:
            await asyncio.sleep(0)

        assert client.pool.idle == 0
        assert await fetch(client) == b"ok"


async def test_a_connection_in_use_is_not_closed_with_the_unused_ones() -> None:
    may_answer = asyncio.Event()

    async def slow(wire: Wire, seen: Seen) -> None:
        await may_answer.wait()
        wire.send(whole(200, b"ok"))

    limits = replace(PATIENT, keep_idle_seconds=0.02)
    async with ScriptedUpstream(slow, reply(200)) as server, client_of(server.url, limits) as client:
        busy = asyncio.create_task(fetch(client))
        await until(lambda: bool(server.seen))
        await fetch(client)
        await server.wires[1].gone.wait()
        may_answer.set()

        assert await busy == b"ok"


async def test_a_server_that_slams_the_door_is_an_error_without_a_leak() -> None:
    async with ScriptedUpstream(slams=True) as server, client_of(server.url) as client:
        with pytest.raises(UpstreamError) as caught:
            await fetch(client)

        assert caught.value.kind in ("cut", "refused")
        assert (client.pool.taken, server.seen) == (0, [])


async def test_cancelling_the_second_try_hangs_up_as_well() -> None:
    async with ScriptedUpstream(reply(200), reset, stall) as server, client_of(server.url) as client:
        await fetch(client)
        task = asyncio.create_task(fetch(client))
        while len(server.seen) < 3:
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await server.wires[1].gone.wait()

        assert client.pool.taken == 0


async def test_a_connection_that_opens_after_closing_time_is_closed() -> None:
    async with ScriptedUpstream(reply(200)) as server, client_of(server.url) as client:
        task = asyncio.create_task(fetch(client))
        await asyncio.sleep(0)
        await client.aclose()
        (end,) = await asyncio.gather(task, return_exceptions=True)

        assert isinstance(end, UpstreamError)
        assert (end.kind, client.pool.taken, server.seen) == ("refused", 0, [])


async def test_closing_the_client_ends_what_is_under_way() -> None:
    async with ScriptedUpstream(stall) as server, client_of(server.url, replace(PATIENT, max_connections=1)) as client:
        tasks = [asyncio.create_task(fetch(client)) for _ in range(2)]
        while not server.seen:
            await asyncio.sleep(0)
        await client.aclose()
        ends = await asyncio.gather(*tasks, return_exceptions=True)

        assert [e.kind for e in ends if isinstance(e, UpstreamError)] == ["cut", "refused"]
        with pytest.raises(UpstreamError):
            await fetch(client)


@pytest.mark.parametrize("many", [1, 40])
async def test_replies_are_never_mixed_up(many: int) -> None:
    def echo(pieces: int) -> Script:
        async def play(wire: Wire, seen: Seen) -> None:
            wire.send(CHUNKED_HEAD)
            for _ in range(pieces):
                await asyncio.sleep(0)
                wire.send(chunked(seen.target.encode()))
            wire.send(LAST_CHUNK)

        return play

    async with (
        ScriptedUpstream(echo(3)) as server,
        client_of(server.url, replace(PATIENT, max_connections=7)) as client,
    ):

        async def one(i: int) -> bytes:
            async with await ask(client, path=f"/{i}") as response:
                return await response.read(1000)

        bodies = await asyncio.gather(*(one(i) for i in range(many)))

        assert bodies == [f"/{i}".encode() * 3 for i in range(many)]
        assert len(server.wires) <= 7


def _any_script(chance: random.Random) -> Script:
    good = reply(200, b"ok")
    stream = raw(CHUNKED_HEAD + chunked(b"ok") + LAST_CHUNK)
    closing = reply(200, b"ok", ("connection", "close"))
    half = raw_then_hang_up(CHUNKED_HEAD + chunked(b"ok"))
    return chance.choice([good, good, stream, stream, closing, half, reset, stall, raw(b"garbage\r\n\r\n")])


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_happens_to_many_requests_no_place_in_the_pool_is_lost(seed: int) -> None:
    chance = random.Random(seed)
    limits = replace(PATIENT, max_connections=3, first_byte_seconds=0.02, chunk_seconds=0.02)
    scripts = [_any_script(chance) for _ in range(60)] + [reply(200, b"ok")]
    async with ScriptedUpstream(*scripts) as server, client_of(server.url, limits) as client:
        tasks = [asyncio.create_task(fetch(client, deadline_seconds=chance.uniform(0.01, 0.5))) for _ in range(40)]
        for task in tasks:
            if chance.random() < 0.3:
                task.cancel()
            if chance.random() < 0.5:
                await asyncio.sleep(0)
        ends = await asyncio.gather(*tasks, return_exceptions=True)
        while client.pool.taken > client.pool.idle:
            await asyncio.sleep(0)

        assert {type(end) for end in ends} <= {bytes, UpstreamError, asyncio.CancelledError}
        assert {end for end in ends if isinstance(end, bytes)} <= {b"ok"}
        assert (client.pool.taken, client.pool.waiting) == (client.pool.idle, 0)
        # What the client has closed the server hears of in later turns of the loop.
        await until(lambda: sum(not wire.gone.is_set() for wire in server.wires) <= limits.max_connections)
