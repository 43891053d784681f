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
        desk: Path of the desk; empty when there is none.
    """

    template: ClassVar[str] = "playground.html"

    is_demo: bool
    base_url: str
    groups: tuple[RuleGroup, ...]
    ordinary: tuple[Exchange, ...]
    desk: str = "/desk"


def playground_page(
    told: tuple[Exchange, ...], rule_names: Mapping[str, str], *, is_demo: bool, base_url: str
) -> PlaygroundPage:
    """Return the page that shows `told`.

    Args:
        rule_names: Names of the rules in use, by id; exchanges of a rule that is not in use are left out.
    """
    groups = tuple(
        RuleGroup(rule, name, found)
        for rule, name in sorted(rule_names.items())
        if (found := tuple(e for e in told if e.rule == rule))
    )
    return PlaygroundPage(
        is_demo=is_demo, base_url=base_url, groups=groups, ordinary=tuple(e for e in told if not e.rule)
    )
