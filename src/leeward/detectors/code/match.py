"""Whether a place in the code is what a rule speaks of."""

from __future__ import annotations

import re
from dataclasses import dataclass

import re2
from tree_sitter import Node

from leeward.detectors.code.flow import Flow, Origin, Value
from leeward.detectors.code.rule import CodeRule, Match, Trait
from leeward.detectors.code.source import Assignment, Call, Source

_LONGEST_TARGET = 160


def _compiled(pattern: str) -> re2._Regexp | None:
    return re2.compile(pattern) if pattern else None


@dataclass(frozen=True, slots=True)
class Pattern:
    """A match of a rule with its patterns compiled."""

    rule: CodeRule
    match: Match
    assign: re.Pattern[str] | None  # for short names only, where it is quicker than re2
    text: re2._Regexp | None
    receiver: re2._Regexp | None
    holds: re2._Regexp | None
    lacks: re2._Regexp | None
    only_if: re2._Regexp | None
    unless: re2._Regexp | None
    unless_near: re2._Regexp | None
    keywords: tuple[tuple[str, re2._Regexp], ...]

    @classmethod
    def of(cls, rule: CodeRule, match: Match) -> Pattern:
        """Compile one match of `rule`."""
        return cls(
            rule=rule,
            match=match,
            assign=re.compile(match.assign) if match.assign else None,
            text=_compiled(match.text),
            receiver=_compiled(match.receiver),
            holds=_compiled(match.holds),
            lacks=_compiled(match.lacks),
            only_if=_compiled(match.only_if),
            unless=_compiled(match.unless),
            unless_near=_compiled(match.unless_near),
            keywords=tuple((name, re2.compile(pattern)) for name, pattern in match.keywords.items()),
        )

    @property
    def needs(self) -> tuple[str, ...]:
        """Words, lower case, of which one must occur in code that this can match."""
        words = self.match.needs or tuple(call.rpartition(".")[2].strip("=") for call in self.match.call)
        return tuple(word.lower() for word in words)

    def may_hold(self, text: str) -> bool:
        """Whether the code as a whole allows a match."""
        if self.only_if is not None and self.only_if.search(text) is None:
            return False
        if self.unless is not None and self.unless.search(text) is not None:
            return False
        return self.text is None or self.text.search(text) is not None


@dataclass(frozen=True, slots=True)
class Hit:
    """A place that matches.

    Attributes:
        node: The call, assignment or matched node.
        value: Node of the value that decided, if any.
        origin: How far from outside that value comes.
        place: Bytes of the text that matched, for a match of text.
    """

    pattern: Pattern
    node: Node
    scope: int
    call: Call | None = None
    value: Node | None = None
    origin: Origin = Origin.CONSTANT
    place: tuple[int, int] | None = None

    @property
    def confidence(self) -> float:
        """Confidence of the match, a little more when the value was seen to come from outside."""
        stated = self.pattern.match.confidence
        base = self.pattern.rule.confidence if stated is None else stated
        return min(0.98, base + 0.04) if self.origin is Origin.INPUT else base


def match_call(pattern: Pattern, call: Call, source: Source, flow: Flow) -> Hit | None:
    """Return the hit when `call` is what `pattern` speaks of."""
    match = pattern.match
    if not any(_is_path(wanted, call) for wanted in match.call):
        return None
    if not match.fewest <= len(call.positional) <= match.most or any(name in call.keywords for name in match.without):
        return None
    for name, wanted in pattern.keywords:
        if name not in call.keywords or wanted.fullmatch(source.head(call.keywords[name], 2_000)) is None:
            return None
    if pattern.receiver is not None and (
        call.receiver is None or pattern.receiver.search(source.head(call.receiver, 300)) is None
    ):
        return None
    return _with_value(pattern, call.node, call.scope, _candidates(pattern, call), source, flow, call)


def match_assignment(pattern: Pattern, assignment: Assignment, source: Source, flow: Flow) -> Hit | None:
    """Return the hit when `assignment` is what `pattern` speaks of."""
    assert pattern.assign is not None
    if len(assignment.target) > _LONGEST_TARGET or pattern.assign.fullmatch(assignment.target) is None:
        return None
    return _with_value(pattern, assignment.node, assignment.scope, [assignment.value], source, flow, None)


def _is_path(wanted: str, call: Call) -> bool:
    if wanted.startswith("="):
        return call.path == wanted[1:]
    if wanted.startswith("*."):
        return call.path.endswith(wanted[1:]) or (call.receiver is not None and call.path == wanted[2:])
    return call.path == wanted or call.path.endswith("." + wanted)


def _candidates(pattern: Pattern, call: Call) -> list[Node]:
    wanted = pattern.match.argument
    if wanted is None:
        return [*call.positional, *call.keywords.values()]
    if wanted == "receiver":
        return [call.receiver] if call.receiver is not None else []
    if isinstance(wanted, int):
        return call.positional[wanted : wanted + 1] if wanted >= 0 else call.positional[wanted:][:1]
    return [call.keywords[wanted]] if wanted in call.keywords else []


def _with_value(
    pattern: Pattern, node: Node, scope: int, candidates: list[Node], source: Source, flow: Flow, call: Call | None
) -> Hit | None:
    match = pattern.match
    if pattern.unless_near is not None and pattern.unless_near.search(source.text_of_scope(scope)) is not None:
        return None
    if not match.traits and pattern.holds is None and pattern.lacks is None:
        if match.argument is not None and not candidates:
            return None
        return Hit(pattern, node, scope, call)
    for candidate in candidates:
        value = flow.value(candidate, scope)
        if match.traits and not any(_has(trait, value) for trait in match.traits):
            continue
        if pattern.holds is not None or pattern.lacks is not None:
            text = flow.text(candidate, scope)
            if pattern.holds is not None and pattern.holds.search(text) is None:
                continue
            if pattern.lacks is not None and pattern.lacks.search(text) is not None:
                continue
        return Hit(pattern, node, scope, call, candidate, value.origin)
    return None


def _has(trait: Trait, value: Value) -> bool:
    match trait:
        case "built":
            return value.is_built
        case "input":
            return value.origin is Origin.INPUT
        case "reached":
            return value.origin >= Origin.PARAMETER
        case "dynamic":
            return value.origin > Origin.CONSTANT
        case "constant":
            return value.origin is Origin.CONSTANT
