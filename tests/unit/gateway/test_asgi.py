from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest

from leeward.errors import WireError
from leeward.gateway.asgi import JSON, ClientGone, Message, Receive, Sender, read_body

GONE = {"type": "http.disconnect"}


def piece(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def sending(*messages: Message) -> Receive:
    """A client that sends these and then nothing more."""
    waiting = list(messages)

    async def receive() -> Message:
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    return receive


async def read(messages: Iterable[Message], *, limit: int = 10, seconds: float = 300.0) -> bytes:
    return await read_body(sending(*messages), limit=limit, seconds=seconds)


@pytest.mark.parametrize("seconds", [0.0, 10.0])
async def test_a_body_that_comes_at_once_is_read(seconds: float) -> None:
    assert await read([piece(b"hello")], seconds=seconds) == b"hello"
    assert await read([{"type": "http.request"}], seconds=seconds) == b""


async def test_a_body_that_comes_in_pieces_is_read_to_its_end() -> None:
    assert await read([piece(b"he", more=True), {"type": "http.request", "more_body": True}, piece(b"llo")]) == b"hello"


@pytest.mark.parametrize(
    "messages",
    [
        [piece(b"x" * 11)],
        [piece(b"x" * 6, more=True), piece(b"x" * 5)],
        [piece(b"x" * 11, more=True)],  # refused before the rest is asked for
    ],
)
async def test_a_body_that_is_too_long_is_refused_and_says_how_long_it_may_be(messages: list[Message]) -> None:
    with pytest.raises(WireError, match="longer than 10 bytes") as refused:
        await read(messages)

    assert (refused.value.status, refused.value.code) == (413, "request_too_large")


@pytest.mark.parametrize("messages", [[], [piece(b"he", more=True)]])
async def test_a_body_that_does_not_come_in_time_is_given_up(messages: list[Message]) -> None:
    with pytest.raises(WireError) as refused:
        await read(messages, seconds=0.01)

    assert (refused.value.status, refused.value.code) == (408, "request_timeout")


@pytest.mark.parametrize("messages", [[GONE], [piece(b"he", more=True), GONE]])
async def test_a_client_that_leaves_is_told_apart(messages: list[Message]) -> None:
    with pytest.raises(ClientGone):
        await read(messages)


async def test_being_cancelled_while_reading_is_not_taken_for_lateness() -> None:
    reading = asyncio.create_task(read([piece(b"he", more=True)]))
    await asyncio.sleep(0)
    reading.cancel()

    with pytest.raises(asyncio.CancelledError):
        await reading


async def test_a_whole_reply_has_its_length() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    sender = Sender(send)
    assert not sender.is_started
    await sender.whole(200, [JSON], b"{}")

    assert (sender.is_started, sender.is_finished) == (True, True)
    assert sent == [
        {"type": "http.response.start", "status": 200, "headers": [JSON, (b"content-length", b"2")]},
        {"type": "http.response.body", "body": b"{}"},
    ]


async def test_a_stream_knows_how_far_it_got() -> None:
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    sender = Sender(send)
    await sender.begin(200, [])
    await sender.chunk(b"a")
    assert (sender.is_started, sender.is_finished) == (True, False)
    await sender.end()

    assert sender.is_finished
    assert [m.get("more_body") for m in sent[1:]] == [True, False]
