"""The playground as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from leeward.playground.exchanges import Exchange


@dataclass(frozen=True, slots=True)
class RuleGroup:
    """The ready-made exchanges of one rule."""

    rule: str
    name: str
    exchanges: tuple[Exchange, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaygroundPage:
    """The page at `/`.

    Attributes:
        is_demo: Whether the scripted model answers; without it the ready-made exchanges have no lines.
        base_url: Address for clients, up to and including `/v1`.
        model: Model that is asked; empty when the page must find one out.
        burst_key: Key of the caller that is to be slowed down; empty when there is none.
        desk: Path of the desk; empty when there is none.
    """

    template: ClassVar[str] = "playground.html"

    is_demo: bool
    base_url: str
    model: str
    burst_key: str
    groups: tuple[RuleGroup, ...]
    ordinary: tuple[Exchange, ...]
    desk: str = "/desk"


def playground_page(
    told: tuple[Exchange, ...], rule_names: Mapping[str, str], *, base_url: str, burst_key: str = "", model: str = ""
) -> PlaygroundPage:
    """Return the page that shows `told`.

    Args:
        rule_names: Names of the rules in use, by id; exchanges of a rule that is not in use are left out.
        burst_key: Of the caller that is to be slowed down; without one no burst is offered, since it would cost a
            real caller its own quota.
        model: The scripted model; empty when a real one answers.
    """
    offered = tuple(e for e in told if burst_key or e.kind != "burst")
    groups = tuple(
        RuleGroup(rule, name, found)
        for rule, name in sorted(rule_names.items())
        if (found := tuple(e for e in offered if e.rule == rule))
    )
    return PlaygroundPage(
        is_demo=bool(model),
        base_url=base_url,
        model=model,
        burst_key=burst_key,
        groups=groups,
        ordinary=tuple(e for e in offered if not e.rule),
    )
