"""Ready-made exchanges: what the page sends, and how the scripted model knows its line."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec


class Exchange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ready-made exchange; the members are described in exchanges.toml."""

    id: str
    rule: str
    title: str
    watch: str
    expects: str
    language: str
    prompt: str
    reply: str
    cue: str = ""
    before: str = ""
    kind: Literal["chat", "image", "burst"] = "chat"

    def is_asked_by(self, text: str) -> bool:
        """Whether `text`, as it reached the model, asks for this exchange."""
        cue = self.cue or self.prompt.partition("{word}")[0]
        return cue in text


class _Book(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    exchange: tuple[Exchange, ...]


@cache
def exchanges() -> tuple[Exchange, ...]:
    """Return all of them, in the order in which the page shows them."""
    text = files("leeward.playground").joinpath("exchanges.toml").read_text("utf-8")
    told = msgspec.toml.decode(text, type=_Book).exchange
    return tuple(msgspec.structs.replace(e, before=e.before.strip(), reply=e.reply.strip()) for e in told)


def asked_for(text: str, among: Iterable[Exchange]) -> Exchange | None:
    """Return the exchange that `text` asks for, or None."""
    return next((exchange for exchange in among if exchange.is_asked_by(text)), None)
