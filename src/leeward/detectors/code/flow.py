"""Where a value comes from, within one function."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

from tree_sitter import Node

from leeward.detectors.code.source import Call, Source

_WORD = re.compile(r"[$@]?\w+")
_CONSTANT_NAME = re.compile(r"(?:\w+\.)*_?[A-Z][A-Z0-9_]+")
_NUMERIC_CAST = re.compile(r"\(\s*(?:int|integer|float|double|bool|boolean|long|short)\s*\)")
_DEEPEST = 24
_LONGEST_TEXT = 4_000


class Origin(IntEnum):
    """How far from outside a value comes; joining values takes the maximum."""

    CONSTANT = 0
    UNKNOWN = 1
    PARAMETER = 2
    INPUT = 3


@dataclass(frozen=True, slots=True)
class Value:
    """What is known of an expression.

    Attributes:
        is_built: Whether it is a string put together with a part that is not constant.
        has_string: Whether a string literal is part of it.
    """

    origin: Origin = Origin.CONSTANT
    is_built: bool = False
    has_string: bool = False

    def joined(self, other: Value) -> Value:
        """Return what is known when either may be it, or both are part of it."""
        return Value(
            max(self.origin, other.origin), self.is_built or other.is_built, self.has_string or other.has_string
        )


_CONSTANT = Value()
_STRING = Value(has_string=True)
_UNKNOWN = Value(Origin.UNKNOWN)
_INPUT = Value(Origin.INPUT)


class Flow:
    """Tells where values come from, for one weakness; each node is judged once.

    Assignments of a function are taken together, whatever their order, and loops and branches as taken.
    """

    def __init__(self, source: Source, cwe: int) -> None:
        self._source = source
        file = source.grammar.file
        self._file = file
        self._cleaners = file.cleaners.get("any", frozenset()) | file.cleaners.get(str(cwe), frozenset())
        self._calls = {call.node.id: call for call in source.calls}
        self._seen: dict[tuple[int, int], Value] = {}

    def value(self, node: Node, scope: int, depth: int = 0) -> Value:
        """Return what is known of `node` in function `scope`."""
        key = (node.id, scope)
        known = self._seen.get(key)
        if known is not None:
            return known
        if depth > _DEEPEST:
            return _UNKNOWN
        self._seen[key] = _CONSTANT  # a name that is assigned from itself adds nothing
        value = self._judge(node, scope, depth)
        self._seen[key] = value
        return value

    def text(self, node: Node, scope: int) -> str:
        """Return the text of `node`, followed by what was assigned to the names in it."""
        parts = [self._source.head(node, _LONGEST_TEXT)]
        names = _WORD.findall(parts[0][:500])
        done: set[str] = set()
        size = len(parts[0])
        while names and size < _LONGEST_TEXT:
            name = names.pop(0)
            if name in done:
                continue
            done.add(name)
            for value in self._assigned(name, scope)[:8]:
                text = self._source.head(value, 1_000)
                parts.append(text)
                size += len(text)
                names.extend(_WORD.findall(text[:200])[:8])
        return "\n".join(parts)

    def _judge(self, node: Node, scope: int, depth: int) -> Value:
        file, kind = self._file, node.type
        if kind in file.literals:
            return _CONSTANT
        if kind == "cast_expression" and _NUMERIC_CAST.match(self._source.head(node)):
            return _CONSTANT
        if kind in file.names:
            return self._name(self._source.of(node), scope, depth)
        call = self._calls.get(node.id)
        if call is not None:
            return self._call(call, scope, depth)
        if kind in file.references and (seen := self._reference(node)) is not None:
            return seen
        if kind in file.strings or kind in file.joins:
            return self._string(node, scope, depth)
        if "comparison" in kind or kind in ("function_definition", "arrow_function", "lambda", "function_expression"):
            return _CONSTANT if "comparison" in kind else _UNKNOWN
        return self._parts(node.named_children, scope, depth)

    def _parts(self, nodes: list[Node], scope: int, depth: int) -> Value:
        value = _CONSTANT
        for node in nodes:
            value = value.joined(self.value(node, scope, depth + 1))
        return value

    def _string(self, node: Node, scope: int, depth: int) -> Value:
        value = self._parts(node.named_children, scope, depth)
        is_string = node.type in self._file.strings
        has_string = value.has_string or is_string
        is_built = value.is_built or (has_string and value.origin > Origin.CONSTANT)
        return Value(value.origin, is_built, has_string)

    def _reference(self, node: Node) -> Value | None:
        text = self._source.head(node)
        if self._is_source(text):
            return _INPUT
        return _CONSTANT if _CONSTANT_NAME.fullmatch(text) else None

    def _is_source(self, text: str) -> bool:
        return self._source.grammar.source.match(text) is not None

    def _name(self, name: str, scope: int, depth: int) -> Value:
        if self._is_source(name):
            return _INPUT
        within = scope
        while True:
            if (within, name) in self._source.writes:
                return _INPUT
            values = self._source.values.get((within, name))
            if values:
                return self._parts(values, within, depth)
            if name in self._source.parameters.get(within, ()):
                return Value(Origin.PARAMETER)
            if within < 0:
                if name in self._source.macros and depth < _DEEPEST:
                    return self._name(self._source.macros[name], scope, depth + 1)
                return _CONSTANT if _CONSTANT_NAME.fullmatch(name) else _UNKNOWN
            within = self._source.functions.parents[within]

    def _assigned(self, name: str, scope: int) -> list[Node]:
        while True:
            values = self._source.values.get((scope, name))
            if values or scope < 0:
                return values or []
            scope = self._source.functions.parents[scope]

    def _call(self, call: Call, scope: int, depth: int) -> Value:
        if call.name in self._cleaners or call.path in self._cleaners:
            return _CONSTANT
        text = self._source.head(call.node)
        if self._is_source(text):
            return _INPUT
        parts = [*call.positional, *call.keywords.values()]
        if call.receiver is not None:
            parts.append(call.receiver)
        value = self._parts(parts, scope, depth)
        if call.name in self._file.formatters:
            return Value(value.origin, value.is_built or (value.has_string and value.origin > 0), value.has_string)
        is_constant = call.receiver is not None and value.origin is Origin.CONSTANT
        if is_constant and call.receiver is not None and self.value(call.receiver, scope, depth + 1).has_string:
            return value  # a method of a constant string, with constant arguments
        return Value(max(value.origin, Origin.UNKNOWN), value.is_built)
