"""What was said before each text of an exchange."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from leeward.domain.view import Stage
from leeward.gateway.wire.request import Part, Request
from leeward.inspection.context import contexts, newest_turn


def contexts_of(parts: Iterable[Part]) -> Iterator[str]:
    """Yield the context of each part: what the user said before a short turn; inputs of one request stay apart."""
    for _, conversation in groupby(parts, key=lambda part: part.item):
        yield from contexts(map(_said, conversation))


def prompt_of(request: Request, choice: int = 0) -> str:
    """Return the context of a reply: the newest turn of the user that it answers."""
    item = choice // request.n if request.endpoint == "completions" else 0
    return prompt_in(part for part in request.parts if part.item == item)


def prompt_in(parts: Iterable[Part]) -> str:
    """Return the newest turn of the user in the parts of one conversation."""
    return newest_turn(map(_said, parts))


def _said(part: Part) -> tuple[str, str]:
    # What stands in a message beside its text, such as documents, is no turn.
    return part.role if part.stage is Stage.PROMPT else "", part.text
