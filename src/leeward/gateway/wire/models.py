"""The list of models, without those that a caller may not use."""

from __future__ import annotations

from collections.abc import Callable

from leeward.gateway.wire.body import Json, Object, encode
from leeward.gateway.wire.upstream_event import decode_upstream, garbage


def filter_models(body: bytes, is_allowed: Callable[[str], bool]) -> bytes:
    """Return a `/v1/models` reply without the models that are not allowed.

    A card goes when its id is not allowed; an alias that is not allowed goes from the card.

    Args:
        body: Upstream's reply, a list under `data`.
        is_allowed: Whether a model id or alias may be shown.

    Raises:
        UpstreamError: When it is not a list of models.
    """
    value = decode_upstream(body)
    cards = value.get("data")
    if type(cards) is not list:
        raise garbage("a model list without data")
    shown: list[Json] = [
        kept for card in cards if isinstance(card, dict) and (kept := _card(card, is_allowed)) is not None
    ]
    return encode({"object": "list", "data": shown})


def filter_model(body: bytes, is_allowed: Callable[[str], bool]) -> bytes | None:
    """Return a `/v1/models/{id}` reply, or None when the caller may not know of it."""
    kept = _card(decode_upstream(body), is_allowed)
    return encode(kept) if kept is not None else None


def _card(card: Object, is_allowed: Callable[[str], bool]) -> Object | None:
    name = card.get("id")
    if not isinstance(name, str) or not is_allowed(name):
        return None
    aliases = card.get("aliases")
    if isinstance(aliases, list):
        card = {**card, "aliases": [a for a in aliases if isinstance(a, str) and is_allowed(a)]}
    return card


def model_list(ids: list[str], *, created: int, owned_by: str = "leeward") -> bytes:
    """Return a model list for the given ids, for routes that have no list of their own."""
    cards: list[Json] = [{"id": i, "object": "model", "created": created, "owned_by": owned_by} for i in ids]
    return encode({"object": "list", "data": cards})
