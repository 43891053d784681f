"""The list of models, without those that a tenant may not use, be it by the settings or by their licence."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from urllib.parse import unquote

import msgspec

from leeward.answers import restricted
from leeward.domain.caller import Caller
from leeward.errors import SettingsError, UpstreamError, WireError
from leeward.gateway.asgi import JSON, Scope, Send, Sender
from leeward.gateway.doorkeeper import header
from leeward.gateway.equipment import Equipment
from leeward.gateway.licensing import licence_card, licence_verdict, why_restricted
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
    cards, _ = await _all_cards(equipment, caller)
    await sender.whole(200, [JSON], msgspec.json.encode({"object": "list", "data": cards}))


async def serve_model(equipment: Equipment, name: str, scope: Scope, send: Send) -> None:
    """Show one model; 404 when the caller may not know of it, 403 when its licence does not cover the caller's use."""
    sender = Sender(send)
    try:
        caller = equipment.doorkeeper.caller_of(header(scope["headers"], b"authorization"))
        wanted = unquote(name)
        cards, denied = await _all_cards(equipment, caller)
        card = next((c for c in cards if c.get("id") == wanted), None)
        if wanted in denied:
            raise WireError(denied[wanted], status=403, code="license_restricted", param="model")
        if card is None:
            raise model_not_found(wanted)
    except WireError as error:
        body = error_body(error.message, status=error.status, code=error.code, param=error.param)
        await sender.whole(error.status, [JSON], body)
        return
    await sender.whole(200, [JSON], msgspec.json.encode(card))


async def _all_cards(equipment: Equipment, caller: Caller) -> tuple[list[dict[str, Json]], dict[str, str]]:
    """Return the cards of the models that the caller may use, and why not of those that a licence keeps from it."""
    globs = equipment.tenant_models.get(caller.tenant, ("*",))

    def is_allowed(model: str) -> bool:
        return allows(globs, model)

    lists = await asyncio.gather(*(_cards(equipment, upstream, is_allowed) for upstream in equipment.router.upstreams))
    cards: dict[str, dict[str, Json]] = {}
    denied: dict[str, str] = {}
    for upstream, some in zip(equipment.router.upstreams, lists, strict=True):
        for card in some:
            model = str(card.get("id"))
            if model in cards or model in denied:
                continue
            verdict = licence_verdict(equipment, caller, upstream, model)
            if verdict.disposition.stops:
                denied[model] = why_restricted(verdict) or restricted(equipment.settings.answers.language)
                continue
            told = licence_card(equipment, caller, upstream, model)
            # Mistral's client reads no list in which one card lacks the first two.
            cards[model] = {"type": "base", "capabilities": {}, **card, "leeward": told}
    return list(cards.values()), denied


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
