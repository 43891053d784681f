"""The list of models, without those that a tenant may not use."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from leeward.domain.caller import Caller
from leeward.errors import SettingsError, UpstreamError, WireError
from leeward.gateway.asgi import JSON, Scope, Send, Sender
from leeward.gateway.doorkeeper import header
from leeward.gateway.equipment import Equipment
from leeward.gateway.upstream.router import Upstream, model_not_found
from leeward.gateway.walk import allows
from leeward.gateway.wire.body import Json
from leeward.gateway.wire.errors import error_body
from leeward.gateway.wire.models import filter_models

_SECONDS = 10.0
_LONGEST_LIST = 4 * 1024 * 1024


async def serve_models(equipment: Equipment, scope: Scope, send: Send) -> None:
    """List the models of all upstreams that the caller may use."""
    sender = Sender(send)
    try:
        caller = equipment.doorkeeper.caller_of(header(scope["headers"], b"authorization"))
    except WireError as error:
        await sender.whole(error.status, [JSON], error_body(error.message, status=error.status, code=error.code))
        return
    cards = await _all_cards(equipment, caller)
    await sender.whole(200, [JSON], msgspec.json.encode({"object": "list", "data": cards}))


async def serve_model(equipment: Equipment, name: str, scope: Scope, send: Send) -> None:
    """Show one model, or 404 when the caller may not know of it."""
    sender = Sender(send)
    try:
        caller = equipment.doorkeeper.caller_of(header(scope["headers"], b"authorization"))
        wanted = unquote(name)
        card = next((c for c in await _all_cards(equipment, caller) if c.get("id") == wanted), None)
        if card is None:
            raise model_not_found(wanted)
    except WireError as error:
        body = error_body(error.message, status=error.status, code=error.code, param=error.param)
        await sender.whole(error.status, [JSON], body)
        return
    await sender.whole(200, [JSON], msgspec.json.encode(card))


async def _all_cards(equipment: Equipment, caller: Caller) -> list[dict[str, Json]]:
    globs = equipment.tenant_models.get(caller.tenant, ("*",))

    def is_allowed(model: str) -> bool:
        return allows(globs, model)

    lists = await asyncio.gather(*(_cards(equipment, upstream, is_allowed) for upstream in equipment.router.upstreams))
    cards: dict[str, dict[str, Json]] = {}
    for some in lists:
        for card in some:
            # Mistral's client reads no list in which one card lacks these two.
            cards.setdefault(str(card.get("id")), {"type": "base", "capabilities": {}, **card})
    return list(cards.values())


async def _cards(equipment: Equipment, upstream: Upstream, is_allowed: Callable[[str], bool]) -> list[dict[str, Json]]:
    """Return one upstream's models; one that cannot be asked shows the names that the settings give it."""
    try:
        key = upstream.key.authorization(None)
        headers = [(b"authorization", key)] if key is not None else []
        client = equipment.clients[upstream.name]
        async with await client.request("GET", "/v1/models", headers, b"", deadline_seconds=_SECONDS) as response:
            if response.status != 200:
                raise UpstreamError("no model list", kind="status", status=response.status)
            body = await response.read(_LONGEST_LIST)
        served = msgspec.json.decode(filter_models(body, is_allowed))["data"]
    except (UpstreamError, SettingsError):
        served = []
    named = [*upstream.rename, *(m for m in upstream.models if not set("*?[") & set(m))]
    ids = {card["id"] for card in served}
    made: list[dict[str, Json]] = [
        {"id": m, "object": "model", "created": 0, "owned_by": upstream.name}
        for m in named
        if m not in ids and is_allowed(m)
    ]
    return [*served, *made]
