from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from asgi_call import call
from inner_house import InnerHouse, inner_house
from leeward.config.tree import Rules
from leeward.errors import StorageError
from leeward.gateway.asgi import App, Message, Receive, Scope, Send, Sender
from leeward.gateway.front import Gateway


@asynccontextmanager
async def free(folder: Path) -> AsyncIterator[InnerHouse]:
    async with inner_house(folder, rules=Rules(use="unsafe-allow-all")) as running:
        yield running


def page(name: str) -> App:
    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        await Sender(send).whole(200, [], name.encode())

    return serve


async def nothing() -> None:
    pass


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/v1/chat/completions", 405, ""),
        ("GET", "/v1/moderations", 405, ""),
        ("POST", "/healthz", 405, ""),
        ("POST", "/v1/files", 404, "without inspection"),
        ("GET", "/v1/files/abc", 404, "without inspection"),
        ("POST", "/v1/batch/jobs", 404, "leeward scan"),
        ("POST", "/v1/conversations", 404, "cannot be inspected"),
        ("POST", "/v1/fine_tuning/jobs", 404, ""),
        ("POST", "/v1/chat/completions/", 404, ""),
        ("POST", "/V1/chat/completions", 404, ""),
        ("POST", "//v1/chat/completions", 404, ""),
        ("POST", "/deskx", 404, ""),
    ],
)
async def test_what_is_not_named_is_denied_and_nothing_reaches_the_model(
    tmp_path: Path, method: str, path: str, status: int, reason: str
) -> None:
    async with free(tmp_path) as running:
        answer = await call(running.app, path, method=method)

    assert (answer.status, answer.json()["error"]["code"]) == (
        status, "method_not_allowed" if status == 405 else "path_not_allowed"
    )  # fmt: skip
    assert reason in answer.json()["error"]["message"]
    assert running.model.requests == []


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_what_operators_ask_for_is_there(tmp_path: Path, path: str, method: str) -> None:
    async with free(tmp_path) as running:
        assert (await call(running.app, path, method=method)).status == 200


async def test_pages_are_found_by_their_longest_prefix_and_the_root_is_a_page_of_its_own(tmp_path: Path) -> None:
    async with free(tmp_path) as running:
        pages = {"/": page("root"), "/desk": page("desk"), "/desk/live": page("live")}
        gateway = Gateway(running.house.equipment, pages, nothing, nothing)
        served = [(await call(gateway, path)).text for path in ("/", "/desk", "/desk/x", "/desk/live/y")]
        denied = await call(gateway, "/other")

    assert served == ["root", "desk", "desk", "live"]
    assert denied.status == 404


async def events(gateway: Gateway, *received: str) -> list[Message]:
    waiting, sent = [{"type": name} for name in received], []

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await gateway({"type": "lifespan"}, receive, send)
    return sent


async def test_it_starts_and_stops_with_its_server(tmp_path: Path) -> None:
    async with free(tmp_path) as running:
        done: list[str] = []

        async def start() -> None:
            done.append("start")

        async def stop() -> None:
            done.append("stop")

        gateway = Gateway(running.house.equipment, {}, start, stop)
        sent = await events(gateway, "lifespan.startup", "lifespan.shutdown")

    assert done == ["start", "stop"]
    assert [m["type"] for m in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


async def test_what_keeps_it_from_starting_is_told(tmp_path: Path) -> None:
    async with free(tmp_path) as running:

        async def start() -> None:
            raise StorageError("The store is too old.", remedy="Migrate it.")

        sent = await events(
            Gateway(running.house.equipment, {}, start, nothing), "lifespan.startup", "lifespan.shutdown"
        )

    assert sent[0] == {"type": "lifespan.startup.failed", "message": "The store is too old.\nMigrate it."}


async def test_websockets_are_closed(tmp_path: Path) -> None:
    async with free(tmp_path) as running:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "websocket.connect"}

        async def send(message: Message) -> None:
            sent.append(message)

        await running.app({"type": "websocket", "path": "/v1/chat/completions"}, receive, send)

    assert sent == [{"type": "websocket.close", "code": 1008}]
