"""The front door: which path leads where; every path that is not named is denied."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping

from leeward.errors import LeewardError
from leeward.gateway.asgi import JSON, App, Message, Receive, Scope, Send, Sender
from leeward.gateway.equipment import Equipment
from leeward.gateway.health import healthz, metrics_page, readyz
from leeward.gateway.litellm import serve_litellm
from leeward.gateway.models import serve_model, serve_models
from leeward.gateway.moderate import serve_moderation
from leeward.gateway.walk import serve_exchange
from leeward.gateway.wire.errors import error_body

log = logging.getLogger("leeward.gateway")

Handler = Callable[[Equipment, Scope, Receive, Send], Awaitable[None]]

EXCHANGES: Mapping[str, str] = {
    "/v1/chat/completions": "chat.completions",
    "/v1/completions": "completions",
    "/v1/fim/completions": "fim.completions",
    "/v1/agents/completions": "agents.completions",
    "/v1/embeddings": "embeddings",
    "/v1/responses": "responses",
}
_MODERATIONS: Mapping[str, tuple[str, str]] = {
    # The same paths in both shapes: by model id under /v1, by mount elsewhere.
    "/v1/moderations": ("moderations", ""),
    "/v1/chat/moderations": ("chat.moderations", ""),
    "/openai/v1/moderations": ("moderations", "openai"),
    "/mistral/v1/moderations": ("moderations", "mistral"),
    "/mistral/v1/chat/moderations": ("chat.moderations", "mistral"),
}
_LITELLM = "/beta/litellm_basic_guardrail_api"
_PAGES: Mapping[str, Handler] = {"/healthz": healthz, "/readyz": readyz, "/metrics": metrics_page}
# Known places through which text could pass uninspected, with the reason a caller is told.
_DENIED_BECAUSE: tuple[tuple[str, str], ...] = (
    ("/v1/conversations", "server-side conversations cannot be inspected; send the messages with each request"),
    ("/v1/files", "files reach the model without inspection"),
    ("/v1/batch", "batches reach the model without inspection; use `leeward scan` and single requests"),
)


class Gateway:
    """The ASGI application.

    Args:
        equipment: What exchanges need.
        pages: Further applications by path prefix, e.g. `/desk`.
        on_start, on_stop: Called when the server starts and stops.
    """

    def __init__(
        self,
        equipment: Equipment,
        pages: Mapping[str, App],
        on_start: Callable[[], Awaitable[None]],
        on_stop: Callable[[], Awaitable[None]],
    ) -> None:
        self._equipment = equipment
        self._pages = tuple(sorted(pages.items(), key=lambda page: -len(page[0])))
        self._on_start = on_start
        self._on_stop = on_stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event of the ASGI server."""
        if scope["type"] == "http":
            path: str = scope["path"]
            endpoint = EXCHANGES.get(path)
            if endpoint is not None and scope["method"] == "POST":
                await serve_exchange(self._equipment, endpoint, scope, receive, send)
            else:
                await self._other(path, scope, receive, send)
        elif scope["type"] == "lifespan":
            await self._live(receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _other(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        if path in _MODERATIONS and method == "POST":
            endpoint, mount = _MODERATIONS[path]
            await serve_moderation(self._equipment, endpoint, mount, scope, receive, send)
        elif path == _LITELLM and method == "POST":
            await serve_litellm(self._equipment, scope, receive, send)
        elif path == "/v1/models" and method == "GET":
            await serve_models(self._equipment, scope, send)
        elif path.startswith("/v1/models/") and method == "GET":
            await serve_model(self._equipment, path.removeprefix("/v1/models/"), scope, send)
        elif path in _PAGES and method in ("GET", "HEAD"):
            await _PAGES[path](self._equipment, scope, receive, send)
        else:
            await self._page(path, scope, receive, send)

    async def _page(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        for prefix, app in self._pages:
            # `/` is a page, not everything: what is not named is denied.
            if path == prefix or (prefix != "/" and path.startswith(f"{prefix}/")):
                await app(scope, receive, send)
                return
        await self._deny(path, scope["method"], send)

    async def _deny(self, path: str, method: str, send: Send) -> None:
        known = path in EXCHANGES or path in _MODERATIONS or path in _PAGES
        status, code = (405, "method_not_allowed") if known else (404, "path_not_allowed")
        reason = next((why for prefix, why in _DENIED_BECAUSE if path.startswith(prefix)), "")
        told = f"{method} {path[:200]} is not served by this gateway" + (f": {reason}." if reason else ".")
        self._equipment.metrics.turned_away(code)
        await Sender(send).whole(status, [JSON], error_body(told, status=status, code=code))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                await send(await self._started())
            elif message["type"] == "lifespan.shutdown":
                await self._on_stop()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _started(self) -> Message:
        try:
            await self._on_start()
        except LeewardError as error:
            log.error("start_failed", extra={"error": error.diagnostics()})
            return {"type": "lifespan.startup.failed", "message": error.diagnostics()}
        return {"type": "lifespan.startup.complete"}
