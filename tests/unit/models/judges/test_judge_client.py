"""The client against a server that does what a script says, over real sockets."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass

import pytest

from leeward.errors import SettingsError, UpstreamError
from leeward.models.judges.client import MAX_ANSWER_BYTES, Address, JudgeClient
from patience import PATIENCE_SECONDS
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

CANARY = b'{"input": "a text that no message may quote"}'


@dataclass
class Timed:
    """A client and how long each of its requests may take."""

    client: JudgeClient
    seconds: float = PATIENCE_SECONDS

    async def post(self, path: str = "/v1/chat/completions") -> bytes:
        return await asyncio.to_thread(self.client.post, path, CANARY, deadline=time.monotonic() + self.seconds)

    async def failure(self) -> UpstreamError:
        with pytest.raises(UpstreamError) as failed:
            await self.post()
        assert "no message may quote" not in failed.value.diagnostics()
        return failed.value


def asking(url: str, *, key: str = "", seconds: float = PATIENCE_SECONDS) -> Timed:
    return Timed(JudgeClient(url, key=key, clock=time.monotonic), seconds)


async def test_a_request_carries_its_json_its_length_and_the_key() -> None:
    async with ScriptedUpstream(reply(200, b'{"ok": 1}')) as server:
        asked = asking(f"{server.url}/v1", key="sk-1")
        said = await asked.post()
        asked.client.close()
    seen = server.seen[0]

    assert json.loads(said) == {"ok": 1}
    assert (seen.target, seen.body) == ("/v1/chat/completions", CANARY)
    assert (seen.header("authorization"), seen.header("content-type")) == ("Bearer sk-1", "application/json")
    assert seen.header("host") == f"127.0.0.1:{server.port}"


async def test_without_a_key_none_is_sent() -> None:
    async with ScriptedUpstream(reply(200)) as server:
        asked = asking(server.url)
        await asked.post()
        asked.client.close()

    assert server.seen[0].header("authorization") is None


async def test_a_connection_serves_again() -> None:
    async with ScriptedUpstream(reply(200, b"1"), reply(200, b"2")) as server:
        asked = asking(server.url)
        said = [await asked.post(), await asked.post()]
        asked.client.close()

    assert said == [b"1", b"2"]
    assert [seen.connection for seen in server.seen] == [0, 0]


async def test_a_connection_that_the_server_closed_meanwhile_is_opened_anew() -> None:
    async def answer_then_hang_up(wire: Wire, seen: Seen) -> None:
        wire.send(whole(200, b"1"))
        wire.hang_up()

    async with ScriptedUpstream(answer_then_hang_up, reply(200, b"2")) as server:
        asked = asking(server.url)
        said = [await asked.post(), await asked.post()]
        asked.client.close()

    assert said == [b"1", b"2"]


async def test_a_byte_after_a_replys_end_answers_no_other_question() -> None:
    later = asyncio.Event()

    async def answer_twice(wire: Wire, seen: Seen) -> None:
        wire.send(whole(200, b"mine"))
        await later.wait()
        wire.send(whole(200, b"somebody else's"))

    async with ScriptedUpstream(answer_twice, reply(200, b"mine too")) as server:
        asked = asking(server.url)
        first = await asked.post()
        later.set()
        await asyncio.to_thread(asked.client._idle[0].settimeout, PATIENCE_SECONDS)
        await asyncio.to_thread(asked.client._idle[0].recv, 1)  # the surplus has arrived
        second = await asked.post()
        asked.client.close()

    assert (first, second) == (b"mine", b"mine too")
    assert [seen.connection for seen in server.seen] == [0, 1]


async def test_an_interim_reply_is_not_taken_for_the_reply() -> None:
    async with ScriptedUpstream(raw(b"HTTP/1.1 103 Early Hints\r\n\r\n" + whole(200, b"1"))) as server:
        asked = asking(server.url)
        said = await asked.post()
        asked.client.close()

    assert said == b"1"


async def test_a_reply_in_chunks_is_read_whole() -> None:
    async with ScriptedUpstream(raw(CHUNKED_HEAD + chunked(b'{"a"', b": 1}") + LAST_CHUNK)) as server:
        asked = asking(server.url)
        said = await asked.post()
        asked.client.close()

    assert said == b'{"a": 1}'


@pytest.mark.parametrize("status", [301, 400, 401, 404, 429, 500, 503])
async def test_any_status_but_200_is_a_failure_that_names_it(status: int) -> None:
    async with ScriptedUpstream(reply(status, b"{}", ("location", "http://127.0.0.1:9/"))) as server:
        asked = asking(server.url)
        failed = await asked.failure()
        asked.client.close()

    assert (failed.kind, failed.status, len(server.seen)) == ("status", status, 1)


OVERLONG = f"HTTP/1.1 200 OK\r\ncontent-length: {2 * MAX_ANSWER_BYTES}\r\n\r\n".encode() + b"x" * (2 * MAX_ANSWER_BYTES)


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        (raw_then_hang_up(b""), "cut"),
        (raw_then_hang_up(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), "cut"),
        (reset, "cut"),
        (raw(b"SSH-2.0-OpenSSH_9.9\r\n"), "garbage"),
        (raw(OVERLONG), "garbage"),
        (raw(b"HTTP/1.1 200 OK\r\n" + b"x-filler: y\r\n" * 20_000), "garbage"),
    ],
)
async def test_a_reply_that_is_none_is_a_failure_of_its_kind(script: Script, kind: str) -> None:
    async with ScriptedUpstream(script) as server:
        failed = await asking(server.url).failure()

    assert failed.kind == kind


@pytest.mark.parametrize(
    "script", [stall, raw(b"HTTP/1.1 200 OK\r\n"), trickled(b"HTTP/1.1 200 OK\r\n" + b"x-more: y\r\n" * 5_000)]
)
async def test_the_deadline_binds_the_whole_exchange_however_the_bytes_drip(script: Script) -> None:
    async with ScriptedUpstream(script) as server:
        failed = await asking(server.url, seconds=0.1).failure()

    assert failed.kind == "timeout"


async def test_a_deadline_that_has_passed_sends_nothing() -> None:
    async with ScriptedUpstream(reply(200)) as server:
        failed = await asking(server.url, seconds=0.0).failure()

    assert (failed.kind, server.seen) == ("timeout", [])


async def test_a_server_that_is_not_there_refuses() -> None:
    failed = await asking(f"http://127.0.0.1:{free_port()}").failure()

    assert failed.kind == "refused"


async def test_a_server_without_tls_is_not_spoken_to_in_the_clear() -> None:
    async with ScriptedUpstream(raw(b"HTTP/1.1 200 OK\r\n\r\n")) as server:
        failed = await asking(server.url.replace("http:", "https:"), seconds=0.3).failure()

    assert failed.kind in ("refused", "timeout")
    assert server.seen == []


@pytest.mark.parametrize(
    ("url", "path", "target"),
    [
        ("http://h/v1", "/v1/moderations", "/v1/moderations"),
        ("http://h/v1/", "/v1/moderations", "/v1/moderations"),
        ("http://h", "/v1/moderations", "/v1/moderations"),
        ("http://h/proxy/v1", "/v1/completions", "/proxy/v1/completions"),
        ("http://h/guards", "/v1/completions", "/guards/v1/completions"),
    ],
)
def test_a_version_that_the_address_ends_in_is_not_doubled(url: str, path: str, target: str) -> None:
    assert Address.parse(url).target(path) == target


def test_an_address_of_ipv6_is_written_in_brackets() -> None:
    assert Address.parse("http://[::1]:8000/v1").authority == "[::1]:8000"


@pytest.mark.parametrize(
    "url",
    ["", "127.0.0.1:8000", "ftp://h/v1", "http://", "http://h:port/", "http://h/v1?key=s3cret", "http://h/v1#a",
     "http://u:s3cret@h/v1", "http://h/a b", "http://exämple/v1"],
)  # fmt: skip
def test_an_address_that_cannot_be_used_is_refused_without_its_secrets(url: str) -> None:
    with pytest.raises(SettingsError) as refused:
        Address.parse(url)

    assert "s3cret" not in refused.value.diagnostics()
    assert "key_env" in refused.value.remedy


def test_a_key_that_cannot_be_sent_is_refused_unseen() -> None:
    with pytest.raises(SettingsError) as refused:
        JudgeClient("http://h/v1", key="sk 1\r\nx: y", clock=time.monotonic)

    assert "sk 1" not in refused.value.diagnostics()
