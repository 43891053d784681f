"""A whole gateway with everything that production has, before a model server in the same process."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asgi_call import Answer, call
from leeward.config.tree import EvidenceTable, Licences, Settings, Store, UpstreamTable
from leeward.domain.ports import RecordLine
from leeward.gateway.asgi import Receive, Scope, Send
from leeward.gateway.front import Gateway
from leeward.gateway.inner import InnerClient
from leeward.storage import migrate
from leeward.wiring.house import House

HARMLESS = "All is well."


class ScriptedModel:
    """A model server that says one thing and keeps what it was asked."""

    def __init__(self, reply: str = HARMLESS) -> None:
        self.reply = reply
        self.requests: list[dict[str, Any]] = []

    @property
    def asked(self) -> list[str]:
        """The newest message of each request."""
        return [str(request["messages"][-1]["content"]) for request in self.requests]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        message = await receive()
        status, body = 404, {}
        if scope["path"].endswith("/chat/completions"):
            self.requests.append(json.loads(message["body"]))
            choice = {"index": 0, "message": {"role": "assistant", "content": self.reply}, "finish_reason": "stop"}
            status, body = (
                200,
                {"id": "c", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice]},
            )
        elif scope["path"] == "/v1/models":
            status, body = 200, {"object": "list", "data": [{"id": name} for name in ("small", "large", "codegen")]}
        headers = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": json.dumps(body).encode()})


@dataclass(frozen=True)
class InnerHouse:
    """The gateway and what tests look at."""

    house: House
    app: Gateway
    model: ScriptedModel

    async def chat(self, text: str, *, model: str = "small", key: str = "", **more: Any) -> Answer:
        """Ask as a chat client does."""
        body = {"model": model, "messages": [{"role": "user", "content": text}], **more}
        return await self.post("/v1/chat/completions", body, key=key)

    async def post(self, path: str, body: object, *, key: str = "", **headers: str) -> Answer:
        told = {"authorization": f"Bearer {key}"} if key else {}
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await call(self.app, path, method="POST", body=data, headers={**told, **headers})

    async def get(self, path: str, *, key: str = "") -> Answer:
        return await call(self.app, path, headers={"authorization": f"Bearer {key}"} if key else {})

    def record(self, answer: Answer) -> RecordLine:
        """Return the record of an answered exchange."""
        line = self.house.store.find(answer.headers["x-leeward-decision-id"])
        assert line is not None
        return line


@asynccontextmanager
async def inner_house(folder: Path, model: ScriptedModel | None = None, **tables: Any) -> AsyncIterator[InnerHouse]:
    """Open a gateway; `tables` are those of the settings."""
    model = model or ScriptedModel()
    settings = Settings(
        **{
            "upstream": (UpstreamTable(name="model", url="http://127.0.0.1/v1"),),
            "store": Store(url=f"sqlite:///{folder / 'records.db'}"),
            # Tests name their models as they like.
            "licences": Licences(unknown_models="serve"),
            "evidence": EvidenceTable(key_file=str(folder / "evidence.key")),
            **tables,
        }
    )
    migrate(settings.store.url)
    clients = {table.name: InnerClient(model) for table in settings.upstream}
    house = House(settings, clients=clients)
    await house.open()
    try:
        yield InnerHouse(house, house.app(), model)
    finally:
        await house.close()
        house.store.engine.dispose()
