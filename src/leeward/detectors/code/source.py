"""Code as facts: calls, assignments and functions of a syntax tree."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from tree_sitter import Node, QueryCursor

from leeward.detectors.code.grammar import Grammar
from leeward.domain.view import Span

_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[$@]?\w+")
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]|<[^<>()]*>|\{[^{}]*\}")
_MARKS = str.maketrans({"?": "", "!": ""})
_MODULE_CALL = re.compile(r"""(?:await )?(?:require|import)\(\s*['"](?:node:)?([\w/@.-]+)['"]\s*\)(?:\.(\w+))?""")
_MACRO = re.compile(r"(?m)^[ \t]*#[ \t]*define[ \t]+(\w+)[ \t]+([A-Za-z_]\w*)[ \t\r]*$")
_NUMBER_PARAMETER = re.compile(
    r"(\w+)\s*:\s*(?:int|float|bool|UUID)\b|\b(?:int|long|Integer|Long|UUID|bool|Guid)\s+(\w+)"
)
_LONGEST_HEAD = 300  # bytes of decorators before a function
_LONGEST_CALLEE = 300


@dataclass(slots=True)
class Call:
    """One call.

    Attributes:
        name: Last part of what is called, e.g. `execute`.
        path: The whole of it with aliases of imports resolved, e.g. `sqlite3.connect().execute`.
        receiver: What stands before the last part; None when nothing does.
        positional, keywords: Argument nodes.
        scope: Index of the function around it, -1 outside.
    """

    node: Node
    name: str
    path: str
    receiver: Node | None
    positional: list[Node]
    keywords: dict[str, Node]
    scope: int


@dataclass(slots=True)
class Assignment:
    """A value given to a name, property, key or keyword."""

    node: Node
    target: str
    value: Node
    scope: int


@dataclass(slots=True)
class Functions:
    """Functions by position: which one a byte lies in, in logarithmic time on average."""

    starts: list[int] = field(default_factory=list)
    stops: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)

    def add_all(self, nodes: list[Node]) -> None:
        """Take all function nodes of a tree."""
        for node in sorted(nodes, key=lambda n: (n.start_byte, -n.end_byte)):
            self.parents.append(self.at(node.start_byte))
            self.starts.append(node.start_byte)
            self.stops.append(node.end_byte)

    def at(self, byte: int) -> int:
        """Return the innermost function around `byte`, -1 for none."""
        i = bisect_right(self.starts, byte) - 1
        while i >= 0 and self.stops[i] <= byte:
            i = self.parents[i]
        return i


class Source:
    """A parsed piece of code.

    Attributes:
        calls, assignments: In the order of the code; `assignments` includes keywords and pairs.
        values: Nodes assigned to a name, by function and name.
        writes: Names that hold outside data, by function: filled by a call, or parameters of a request handler.
        parameters: Words in parameter lists, by function.
        macros: Names that the preprocessor replaces by another name.
    """

    def __init__(self, text: str, grammar: Grammar) -> None:
        self.text = text
        self.grammar = grammar
        is_bare = bool(grammar.file.prefix) and grammar.file.prefix.strip() not in text
        self._shift = len(grammar.file.prefix) if is_bare else 0
        code = grammar.file.prefix + text if is_bare else text
        self.data = code.encode("utf-8", "replace")
        self._is_ascii = len(self.data) == len(code)
        self.root = grammar.parser().parse(self.data).root_node
        self.calls: list[Call] = []
        self.assignments: list[Assignment] = []
        self.values: dict[tuple[int, str], list[Node]] = defaultdict(list)
        self.writes: set[tuple[int, str]] = set()
        self.parameters: dict[int, set[str]] = defaultdict(set)
        self.functions = Functions()
        self.macros = dict(_MACRO.findall(text)) if grammar.file.unsafe_macros else {}
        self._aliases: dict[str, str] = dict(self.macros)
        self._read_tree()

    def of(self, node: Node) -> str:
        """Return the text of `node`."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def head(self, node: Node, length: int = 200) -> str:
        """Return the first `length` bytes of the text of `node`."""
        stop = min(node.end_byte, node.start_byte + length)
        return self.data[node.start_byte : stop].decode("utf-8", "replace")

    def span(self, start_byte: int, stop_byte: int) -> Span:
        """Return the characters of the text between two bytes of the parsed code."""
        if self._is_ascii:
            start, stop = start_byte, stop_byte
        else:
            start = len(self.data[:start_byte].decode("utf-8", "replace"))
            stop = start + len(self.data[start_byte:stop_byte].decode("utf-8", "replace"))
        limit = len(self.text)
        start = min(max(start - self._shift, 0), limit)
        return Span(start, min(max(stop - self._shift, start), limit))

    def byte(self, char: int) -> int:
        """Return the byte of the parsed code at which character `char` of the text begins."""
        return char + self._shift if self._is_ascii else len(self.text[:char].encode("utf-8", "replace")) + self._shift

    def text_of_scope(self, scope: int) -> str:
        """Return the text of a function, or of everything outside when `scope` is -1."""
        if scope < 0:
            return self.text
        return self.data[self.functions.starts[scope] : self.functions.stops[scope]].decode("utf-8", "replace")

    def _read_tree(self) -> None:
        matches = [captures for _, captures in QueryCursor(self.grammar.query).matches(self.root)]
        self.functions.add_all([c["function"][0] for c in matches if "function" in c])
        for captures in matches:
            if "name" in captures or ("alias" in captures and "module" in captures):
                self._add_import(captures)
            elif "parameters" in captures:
                self._add_parameters(captures["parameters"][0])
            elif "assign" in captures:
                self._add_assignment(captures["assign"][0], captures["target"][0], captures["value"][0], names=True)
        for captures in matches:
            if "call" in captures:
                self._add_call(captures)
            elif "setting" in captures:
                self._add_assignment(captures["setting"][0], captures["target"][0], captures["value"][0], names=False)
            else:
                self._add_special(captures)

    def _add_import(self, captures: dict[str, list[Node]]) -> None:
        name = self.of(captures["name"][0]).strip("'\"").removeprefix("node:")
        module = self.of(captures["module"][0]).strip("'\"").removeprefix("node:") + "." if "module" in captures else ""
        alias = self.of(captures["alias"][0]) if "alias" in captures else name
        self._aliases[alias] = module + name

    def _add_parameters(self, node: Node) -> None:
        scope = self.functions.at(node.start_byte)
        text = self.of(node)
        self.parameters[scope].update(_WORD.findall(text))
        if self.grammar.handler is None or scope < 0:
            return
        before = self.data[max(0, self.functions.starts[scope] - _LONGEST_HEAD) : node.start_byte]
        if self.grammar.handler.search(before.decode("utf-8", "replace") + text) is not None:
            numbers = set(_NUMBER_PARAMETER.findall(text))
            self.writes.update((scope, word) for word in _WORD.findall(text))
            self.writes.difference_update((scope, word) for pair in numbers for word in pair)

    def _add_assignment(self, node: Node, target: Node, value: Node, *, names: bool) -> None:
        scope = self.functions.at(node.start_byte)
        text = _SPACE.sub("", self.of(target)).strip("'\"")
        self.assignments.append(Assignment(node, text, value, scope))
        if names:
            for word in _WORD.findall(text)[:8]:
                self.values[scope, word].append(value)
            self._add_module_alias(text, value)

    def _add_module_alias(self, target: str, value: Node) -> None:
        if self.grammar.name != "javascript" or value.end_byte - value.start_byte > 80:
            return
        found = _MODULE_CALL.match(self.of(value))
        if found is None:
            return
        if target.startswith("{"):
            for entry in target.strip("{}").split(","):
                name, _, alias = entry.partition(":")
                self._aliases[alias or name] = f"{found[1]}.{name}"
        else:
            self._aliases[target] = f"{found[1]}.{found[2]}" if found[2] else found[1]

    def _add_call(self, captures: dict[str, list[Node]]) -> None:
        node, callee = captures["call"][0], captures["callee"][0]
        receiver = self._receiver(node, callee)
        start = min(callee.start_byte, receiver.start_byte) if receiver is not None else callee.start_byte
        raw = self.data[max(start, callee.end_byte - _LONGEST_CALLEE) : callee.end_byte].decode("utf-8", "replace")
        path = self._resolve(_plain_path(raw))
        positional, keywords = self._arguments(node, captures)
        scope = self.functions.at(node.start_byte)
        call = Call(node, path.rpartition(".")[2], path, receiver, positional, keywords, scope)
        self.calls.append(call)
        self._add_writes(call)

    def _receiver(self, node: Node, callee: Node) -> Node | None:
        for name in ("object", "receiver", "scope"):
            if (found := node.child_by_field_name(name)) is not None:
                return found
        for name in ("object", "operand", "expression", "argument", "value", "path"):
            if (found := callee.child_by_field_name(name)) is not None:
                return found
        return None

    def _resolve(self, path: str) -> str:
        head, dot, rest = path.partition(".")
        return self._aliases.get(head, head) + dot + rest

    def _arguments(self, node: Node, captures: dict[str, list[Node]]) -> tuple[list[Node], dict[str, Node]]:
        kinds = self.grammar.file.keyword_kinds
        if self.grammar.name == "bash":
            return node.children_by_field_name("argument"), {}
        if "arguments" not in captures:
            return [], {}
        positional: list[Node] = []
        keywords: dict[str, Node] = {}
        for child in captures["arguments"][0].named_children:
            if child.type in self.grammar.file.comments:
                continue
            if child.type in kinds or (child.type == "argument" and child.child_by_field_name("name") is not None):
                self._add_keyword(child, keywords)
                continue
            positional.append(child)
            inner = next(iter(child.named_children), None) if child.type == "argument" else child
            if inner is not None and inner.type in ("object", "hash", "array_creation_expression", "dictionary"):
                for pair in inner.named_children:
                    self._add_keyword(pair, keywords)
        return positional, keywords

    def _add_keyword(self, node: Node, keywords: dict[str, Node]) -> None:
        children = node.named_children
        if len(children) >= 2:
            keywords[self.of(children[0]).strip("'\":")] = children[-1]
        elif children:
            keywords[self.of(children[0]).strip("'\":")] = children[0]

    def _add_writes(self, call: Call) -> None:
        file, arguments = self.grammar.file, call.positional
        if call.name in file.into_receiver and call.receiver is not None:
            self._fill(call.scope, call.receiver, arguments)
        into = file.into_argument.get(call.name)
        if into is not None and len(arguments) > into:
            self._fill(call.scope, arguments[into], [a for i, a in enumerate(arguments) if i != into])
        reads = file.reads_into.get(call.name)
        if reads is not None:
            for argument in arguments[reads:] if call.name.endswith("scanf") else arguments[reads : reads + 1]:
                self.writes.update((call.scope, word) for word in _WORD.findall(self.of(argument))[:4])

    def _fill(self, scope: int, target: Node, values: list[Node]) -> None:
        word = _WORD.search(self.data[target.start_byte : target.start_byte + 120].decode("utf-8", "replace"))
        if word is not None:
            self.values[scope, word[0]].extend(values)

    def _add_special(self, captures: dict[str, list[Node]]) -> None:
        for kind in ("echo", "include", "backtick"):
            if kind in captures:
                node = captures[kind][0]
                arguments = captures.get("arguments", node.named_children)
                self.calls.append(Call(node, kind, kind, None, arguments, {}, self.functions.at(node.start_byte)))


def _plain_path(raw: str) -> str:
    path = _SPACE.sub("", raw)
    for _ in range(4):
        path, changes = _BRACKETS.subn("", path)
        if not changes:
            break
    return path.replace("->", ".").replace("::", ".").translate(_MARKS).strip(".").lstrip("\\&*(@")
