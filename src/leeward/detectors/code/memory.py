"""Checks of heap memory in C and C++ that look at more than one place."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tree_sitter import Node

from leeward.detectors.code.source import Call, Source

_FREES = frozenset({"free", "cfree", "g_free"})
_LEAVES = frozenset({"return_statement", "break_statement", "continue_statement", "goto_statement"})
_BRANCHES = frozenset({"if_statement", "else_clause", "case_statement", "while_statement", "for_statement"})
_LONGEST_FUNCTION = 20_000
_MOST_USES = 4
_MOST_FREES = 64
_DEEPEST = 16


def second_frees(source: Source) -> Iterator[tuple[Node, int]]:
    """Yield calls that free a pointer again that was freed before in the same function and not set since."""
    frees = {c.node.id for c in source.calls if c.name in _FREES} | {c.node.id for c in _delete_calls(source)}
    for first, later in _freed_then(source):
        yield from ((node, first.scope) for node in later if node.id in frees)


def uses_after_free(source: Source) -> Iterator[tuple[Node, int]]:
    """Yield the first use of each pointer behind the call that frees it, unless it was set in between."""
    frees = {c.node.id for c in source.calls if c.name in _FREES} | {c.node.id for c in _delete_calls(source)}
    for first, later in _freed_then(source):
        node = next((n for n in later if n.id not in frees), None)
        if node is not None:
            yield node, first.scope


def _freed_then(source: Source) -> Iterator[tuple[Call, list[Node]]]:
    deletes = _delete_calls(source)
    for call in [*(c for c in source.calls if c.name in _FREES), *deletes][:_MOST_FREES]:
        name = source.of(call.positional[0]) if len(call.positional) == 1 else ""
        if re.fullmatch(r"\w+", name) and call.scope >= 0:
            yield call, _later_uses(source, call, name)


def _delete_calls(source: Source) -> list[Call]:
    if source.grammar.name != "cpp" or b"delete" not in source.data:
        return []
    found: list[Call] = []
    pending = [source.root]
    while pending:
        node = pending.pop()
        if node.type == "delete_expression" and node.named_child_count:
            scope = source.functions.at(node.start_byte)
            found.append(Call(node, "delete", "delete", None, [node.named_children[-1]], {}, scope))
        else:
            pending.extend(node.named_children)
    return found


def _later_uses(source: Source, call: Call, name: str) -> list[Node]:
    start, limit = call.node.end_byte, _reach(source, call)
    text = source.data[start:limit].decode("utf-8", "replace")
    if len(text) > _LONGEST_FUNCTION or len(text) != limit - start:
        return []
    uses: list[Node] = []
    for found in re.finditer(rf"\b{name}\b", text):
        node = source.root.descendant_for_byte_range(start + found.start(), start + found.end())
        if node is None or node.type != "identifier":
            continue
        if _is_set(node, name, source):
            break
        uses.append(_expression(node))
        if len(uses) == _MOST_USES:
            break
    return uses


def _reach(source: Source, call: Call) -> int:
    """Return the byte up to which what follows the call is sure to follow it: the end of its branch if that leaves."""
    node: Node | None = call.node
    end = source.functions.stops[call.scope]
    for _ in range(_DEEPEST):
        if node is None or node.start_byte <= source.functions.starts[call.scope]:
            break
        parent = node.parent
        if parent is not None and parent.type == "compound_statement" and _leaves(parent, node):
            return parent.end_byte
        if node.type in ("else_clause", "case_statement"):
            return node.end_byte
        if parent is not None and parent.type == "if_statement" and parent.child_by_field_name("alternative"):
            return node.end_byte
        node = parent
    return end


def _leaves(block: Node, node: Node) -> bool:
    if block.parent is not None and block.parent.type not in _BRANCHES:
        return False
    return any(child.type in _LEAVES for child in block.named_children if child.start_byte > node.start_byte)


def _is_set(node: Node, name: str, source: Source) -> bool:
    parent = node.parent
    if parent is None:
        return False
    if parent.type == "assignment_expression":
        left, right = parent.child_by_field_name("left"), parent.child_by_field_name("right")
        is_used = right is not None and re.search(rf"\b{name}\b", source.head(right)) is not None
        return left is not None and left.id == node.id and not is_used
    return parent.type in ("init_declarator", "parameter_declaration", "declaration", "pointer_declarator")


def _expression(node: Node) -> Node:
    at: Node = node
    for _ in range(6):
        if at.parent is None or at.type in ("call_expression", "delete_expression") or at.type.endswith("statement"):
            break
        if at.parent.type in ("compound_statement", "if_statement", "while_statement", "for_statement"):
            break
        at = at.parent
    return at
