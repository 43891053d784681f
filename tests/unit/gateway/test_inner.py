from __future__ import annotations

import asyncio

import pytest

from leeward.errors import UpstreamError
from leeward.gateway.asgi import App, Receive, Scope, Send
from leeward.gateway.inner import InnerClient, InnerReply
from patience import PATIENCE_SECONDS, until

HEAD = {"type": "http.response.start", "status": 201, "headers": [(b"X-Name", b"v")]}


def app(*messages: dict[str, object], fails: bool = False, hangs: bool = False) -> App:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        for message in messages:
            await send(message)
        if fails:
            raise RuntimeError("secret")
        if hangs:
            await receive()

    return serve


def body(data: bytes, *, more: bool = False) -> dict[str, object]:
    return {"type": "http.response.body", "body": data, "more_body": more}


async def ask(serving: App, *, deadline: float = PATIENCE_SECONDS) -> InnerReply:
    client = InnerClient(serving)
    try:
        return await client.request("POST", "/v1/x", [(b"a", b"b")], b"data", deadline_seconds=deadline)
    finally:
        await client.aclose()


async def test_the_application_is_asked_as_a_server_asks_it() -> None:
    seen: list[object] = []

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        seen.extend((scope["method"], scope["path"], scope["headers"], message["body"], message["more_body"]))
        await send(HEAD)
        await send(body(b""))

    async with await ask(serve):
        pass

    assert seen == ["POST", "/v1/x", [(b"a", b"b"), (b"content-length", b"4")], b"data", False]


async def test_status_headers_and_body_come_back() -> None:
    async with await ask(app(HEAD, body(b"a", more=True), body(b"", more=True), body(b"b"))) as reply:
        assert (reply.status, reply.header(b"x-name"), reply.header(b"none")) == (201, b"v", None)
        assert await reply.read(10) == b"ab"


async def test_a_body_that_is_too_long_is_cut_off() -> None:
    async with await ask(app(HEAD, body(b"abc"))) as reply:
        with pytest.raises(UpstreamError, match="larger than 2 bytes") as error:
            await reply.read(2)

    assert error.value.kind == "garbage"


@pytest.mark.parametrize("messages", [(), (body(b"x"),)])
async def test_an_application_that_never_answers_is_an_upstream_that_broke_off(
    messages: tuple[dict[str, object]],
) -> None:
    with pytest.raises(UpstreamError) as error:
        await ask(app(*messages))

    assert error.value.kind == "cut"


@pytest.mark.parametrize(("fails", "told"), [(True, "failed"), (False, "ended early")])
async def test_an_application_that_breaks_off_its_body_is_told_and_not_quoted(fails: bool, told: str) -> None:
    async with await ask(app(HEAD, body(b"abc", more=True), fails=fails)) as reply:
        with pytest.raises(UpstreamError, match=told) as error:
            await reply.read(10)

    assert "secret" not in str(error.value)


async def test_an_application_that_does_not_answer_in_time_is_stopped() -> None:
    with pytest.raises(UpstreamError) as error:
        await ask(app(hangs=True), deadline=0.01)

    assert error.value.kind == "timeout"


async def test_letting_go_of_a_reply_stops_the_application() -> None:
    stopped = asyncio.Event()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await send(HEAD)
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    async with await ask(serve):
        pass
    await until(stopped.is_set)
