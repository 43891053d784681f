"""The playground's ASGI application."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, cast

import msgspec

from leeward.pages.headers import App, PageHeaders, Receive, Scope, Send
from leeward.playground.exchanges import Exchange, exchanges
from leeward.playground.page import playground_page
from leeward.playground.picture import picture

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response


class Playground:
    """Serves `/` and `/playground/…`; nothing is imported or read before the first request.

    Args:
        rule_names: Names of the rules in use, by id.
        burst_key: Key of the caller that a burst may slow down; empty when there is none.
        model: The scripted model; empty when a real one answers.
    """

    def __init__(self, rule_names: Mapping[str, str], *, burst_key: str = "", model: str = "") -> None:
        self._rule_names = rule_names
        self._burst_key = burst_key
        self._model = model
        self._app: App | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if self._app is None:
            self._app = self._build()
        await self._app(scope, receive, send)

    def _build(self) -> App:
        from starlette.applications import Starlette
        from starlette.routing import Mount, Route
        from starlette.staticfiles import StaticFiles

        from leeward.pages.templates import Templates

        self._templates = Templates("leeward.playground")
        static = StaticFiles(packages=[("leeward.pages", "static"), ("leeward.playground", "static")])
        routes = [
            Route("/", self.show),
            Route("/playground/exchanges.json", self.ready_made),
            Mount("/playground/static", static),
        ]
        return PageHeaders(cast(App, Starlette(routes=routes)), static="/playground/static/")

    async def show(self, request: Request) -> Response:
        """Show the page."""
        from starlette.responses import HTMLResponse

        base_url = f"{request.url.scheme}://{request.url.netloc}/v1"
        page = playground_page(
            exchanges(), self._rule_names, base_url=base_url, burst_key=self._burst_key, model=self._model
        )
        return HTMLResponse(self._templates.render(page))

    async def ready_made(self, _: Request) -> Response:
        """Give the page's script what it sends."""
        from starlette.responses import Response

        told = [_request_of(exchange) for exchange in exchanges()]
        return Response(msgspec.json.encode(told), media_type="application/json")


def _request_of(exchange: Exchange) -> dict[str, object]:
    return {
        "id": exchange.id,
        "kind": exchange.kind,
        "language": exchange.language,
        "prompt": exchange.prompt,
        "messages": messages_of(exchange),
    }


def messages_of(exchange: Exchange) -> list[dict[str, object]]:
    """Return the messages that the page sends for `exchange`."""
    if exchange.kind == "image":
        url = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
        chunks = [{"type": "text", "text": exchange.prompt}, {"type": "image_url", "image_url": {"url": url}}]
        return [{"role": "user", "content": chunks}]
    asked: list[dict[str, object]] = [{"role": "user", "content": exchange.prompt}]
    if exchange.before:
        function = {"name": "read_page", "arguments": '{"page": "harbour-museum"}'}
        call = {"id": "readpage1", "type": "function", "function": function}
        asked.append({"role": "assistant", "content": "", "tool_calls": [call]})
        asked.append({"role": "tool", "tool_call_id": "readpage1", "name": "read_page", "content": exchange.before})
    return asked
