"""Leeward inside an ASGI application that serves a model itself."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec

from leeward.config.load import load_settings
from leeward.config.tree import Settings, UpstreamTable
from leeward.gateway.asgi import App, Receive, Scope, Send
from leeward.gateway.front import EXCHANGES
from leeward.gateway.inner import InnerClient
from leeward.storage import migrate
from leeward.wiring.house import House

_INNER = UpstreamTable(name="application", url="http://127.0.0.1/v1", pass_through=True)


class LeewardMiddleware:
    """Inspects the model endpoints of an ASGI application; every other path goes through untouched.

    Requests and replies take the same walk as in the gateway, records included; the application is the model server.

    Args:
        app: The application; serves `/v1/chat/completions` and the like in OpenAI's or Mistral's shape.
        config: Settings file; its `[server]`, its `[[upstream]]` and `unknown_models` are not used.

    Examples:
        >>> from starlette.applications import Starlette
        >>> from starlette.middleware import Middleware
        >>> app = Starlette(middleware=[Middleware(LeewardMiddleware)])
    """

    def __init__(self, app: App, config: str | Path | None = None) -> None:
        settings = load_settings(Path(config) if config else None, os.environ)
        # What the application calls its model is its own choice and tells nothing of weights; it is recorded.
        licences = msgspec.structs.replace(settings.licences, unknown_models="serve")
        self._settings: Settings = msgspec.structs.replace(settings, upstream=(_INNER,), licences=licences, demo=False)
        self._app = app
        self._house: House | None = None
        self._gateway: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "lifespan":
            await self._live(scope, receive, send)
        elif scope["type"] == "http" and scope["path"] in EXCHANGES:
            await (self._gateway or await self._open())(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _open(self) -> App:
        migrate(self._settings.store.url)
        self._house = House(self._settings, clients={_INNER.name: InnerClient(self._app)})
        await self._house.open()
        self._gateway = self._house.app()
        return self._gateway

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Open before the application starts, and close after it stopped."""
        async with AsyncExitStack() as stack:
            await self._open()
            assert self._house is not None
            stack.push_async_callback(self._house.close)
            await self._app(scope, receive, send)
