"""Writes the safe form of a statement, from the statement itself where that can be done surely."""

from __future__ import annotations

import re

import re2
from tree_sitter import Node

from leeward.detectors.code.match import Hit
from leeward.detectors.code.source import Call, Source

_LONGEST = 600
_NEEDS_SHELL = re.compile(r"[|&;<>$`*?~\n\\(){}]")
_HOLE = re.compile("\x00(\\d+)\x00")
_QUOTED = re.compile(r"'([^'\n]*\x00\d+\x00[^'\n]*)'")
_NAME_FOLLOWS = re.compile(r"(?i)\b(?:from|into|update|table|join|order by|group by|database|index)\s+[`\"\[]?\Z")
_DIRECTIVE = re.compile(r"%(?:[-+ 0#]*\d*(?:\.\d+)?[sdvqifxX])|\{[\w.]*\}")
_NUMBERED = re.compile(r"(?i)\bpg\b|postgres|pgx|lib/pq|asyncpg")
_PERCENT = re.compile(r"(?i)psycopg|mysql|pymysql|postgres|MySQLdb|mariadb")
_CONTENT = ("content", "fragment", "escape")
_MARKS = ("start", "end", "brace", "format", "encoding")


def safe_alternative(hit: Hit, text: str, source: Source) -> str:
    """Return `text`, the statement, rewritten; empty when it cannot be rewritten surely."""
    fix = hit.pattern.rule.fix
    if len(text) > _LONGEST:
        return ""
    if fix.bind:
        return _bound(hit, source)
    if fix.words:
        return _listed(hit, source)
    changed = text
    for pattern, replacement in fix.swap:
        before, changed = changed, re2.sub(pattern, replacement, changed)
        if changed == before:
            return ""
    return changed if fix.swap else ""


def _listed(hit: Hit, source: Source) -> str:
    """Return the call with the command line as a list of words, when no word needs a shell."""
    if hit.call is None or hit.value is None:
        return ""
    parts = _parts(hit.value, hit.scope, source, 0)
    codes = [text for is_code, text in parts if is_code]
    holes = iter(range(len(codes)))
    line = "".join(f"\x00{next(holes)}\x00" if is_code else text for is_code, text in parts)
    if not codes or _NEEDS_SHELL.search(line) or line.startswith("\x00"):
        return ""
    words = [_word(word.strip("\"'"), codes) for word in line.split()]
    callee = source.of(hit.call.node).partition("(")[0] if hit.call.path.startswith("subprocess.") else "subprocess.run"
    return f"{callee}([{', '.join(words)}])"


def _word(word: str, codes: list[str]) -> str:
    whole = _HOLE.fullmatch(word)
    if whole is not None:
        return codes[int(whole[1])]
    mark = "f" if _HOLE.search(word) else ""
    return f'{mark}"' + _HOLE.sub(lambda hole: "{" + codes[int(hole[1])] + "}", word) + '"'


def _bound(hit: Hit, source: Source) -> str:
    """Return the call with placeholders in the query and its variable parts as parameters."""
    if hit.call is None or hit.value is None:
        return ""
    parts = _parts(hit.value, hit.scope, source, 0)
    if not any(is_code for is_code, _ in parts):
        return ""
    codes = [text for is_code, text in parts if is_code]
    holes = iter(range(len(codes)))
    query = "".join(f"\x00{next(holes)}\x00" if is_code else text for is_code, text in parts)
    language = source.grammar.name
    bound: list[str] = []

    def quoted(found: re.Match[str]) -> str:
        bound.append(_parameter(found[1], codes, language))
        return f"\x01{len(bound) - 1}\x01"

    query = _QUOTED.sub(quoted, query)
    for hole in _HOLE.finditer(query):
        if _NAME_FOLLOWS.search(query[: hole.start()]):
            return ""  # a table or column cannot be a parameter
    query = _HOLE.sub(lambda hole: f"\x02{hole[1]}\x02", query)
    ordered: list[str] = []

    def placed(found: re.Match[str]) -> str:
        ordered.append(bound[int(found[2])] if found[1] == "\x01" else codes[int(found[2])])
        return _placeholder(len(ordered), source)

    query = re.sub("([\x01\x02])(\\d+)[\x01\x02]", placed, query)
    return "" if "\x00" in query else _statement(hit.call, hit.value, query, ordered, source)


def _parameter(text: str, codes: list[str], language: str) -> str:
    whole = _HOLE.fullmatch(text)
    if whole is not None:
        return codes[int(whole[1])]
    if language == "python":
        return 'f"' + _HOLE.sub(lambda hole: "{" + codes[int(hole[1])] + "}", text) + '"'
    if language == "javascript":
        return "`" + _HOLE.sub(lambda hole: "${" + codes[int(hole[1])] + "}", text) + "`"
    plus = " . " if language == "php" else " + "
    pieces = _HOLE.split(text)
    return plus.join(codes[int(p)] if i % 2 else f'"{p}"' for i, p in enumerate(pieces) if p)


def _placeholder(number: int, source: Source) -> str:
    match source.grammar.name:
        case "python":
            return "%s" if _PERCENT.search(source.text) else "?"
        case "javascript" | "go":
            return f"${number}" if _NUMBERED.search(source.text) else "?"
        case "csharp":
            return f"@p{number}"
        case _:
            return "?"


def _statement(call: Call, value: Node, query: str, bound: list[str], source: Source) -> str:
    callee = source.data[call.node.start_byte : call.node.end_byte].decode("utf-8", "replace").partition("(")[0]
    others = ", ".join(source.of(a) for a in call.positional if a.id != value.id)
    rest = f", {others}" if others else ""
    text = '"' + query.replace('"', '\\"').replace("\n", " ") + '"' if "\n" not in query else f'"""{query}"""'
    names = ", ".join(bound)
    match source.grammar.name:
        case "python":
            return f"{callee}({text}, ({names},))"
        case "javascript":
            quoted = f"`{query}`" if "\n" in query else text
            return f"{callee}({quoted}, [{names}]{rest})"
        case "go":
            quoted = f"`{query}`" if "\n" in query else text
            before = f"{others}, " if others else ""
            return f"{callee}({before}{quoted}, {names})"
        case "ruby":
            return f"{callee}({text}, {names})"
        case "php":
            return f"$statement = $pdo->prepare({text});\n$statement->execute([{names}]);"
        case "java":
            sets = "".join(f"statement.setObject({i}, {name});\n" for i, name in enumerate(bound, 1))
            return f"PreparedStatement statement = connection.prepareStatement({text});\n{sets}statement.execute();"
        case "csharp":
            sets = "\n".join(f'command.Parameters.AddWithValue("@p{i}", {n});' for i, n in enumerate(bound, 1))
            return f"var command = new SqlCommand({text}{rest});\n{sets}"
        case _:
            return ""


def _parts(node: Node, scope: int, source: Source, depth: int) -> list[tuple[bool, str]]:
    """Return the pieces of a string expression: (is it code, its text)."""
    file, kind = source.grammar.file, node.type
    if depth > 12:
        return [(True, source.of(node))]
    if kind in ("argument", "parenthesized_expression", "expression_list") and node.named_child_count == 1:
        return _parts(node.named_children[0], scope, source, depth + 1)
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if kind in file.joins and left is not None and right is not None:
        return _joined(node, left, right, scope, source, depth)
    if kind in file.strings:
        return _string_parts(node, source)
    if kind == "concatenated_string":
        return [part for child in node.named_children for part in _parts(child, scope, source, depth + 1)]
    if kind in file.names:
        values = source.values.get((scope, source.of(node).strip()), [])
        value = _unwrapped(values[0]) if len(values) == 1 else None
        if value is not None and (value.type in file.joins | file.strings or _formats(value, source)):
            return _parts(value, scope, source, depth + 1)
    formatted = _formats(node, source)
    if formatted is not None:
        return _filled(_parts(formatted[0], scope, source, depth + 1), [source.of(n) for n in formatted[1]])
    return [(True, source.of(node))]


def _unwrapped(node: Node) -> Node:
    return node.named_children[0] if node.type == "expression_list" and node.named_child_count == 1 else node


def _joined(node: Node, left: Node, right: Node, scope: int, source: Source, depth: int) -> list[tuple[bool, str]]:
    operator = source.data[left.end_byte : right.start_byte].strip()
    if operator == b"%":
        inner = right.named_children if right.type == "tuple" else [right]
        return _filled(_parts(left, scope, source, depth + 1), [source.of(n) for n in inner])
    if operator in (b"+", b"."):
        return _parts(left, scope, source, depth + 1) + _parts(right, scope, source, depth + 1)
    return [(True, source.of(node))]


def _string_parts(node: Node, source: Source) -> list[tuple[bool, str]]:
    if not node.named_child_count:
        return [(False, source.of(node).strip("\"'`"))]
    parts: list[tuple[bool, str]] = []
    for child in node.named_children:
        if any(word in child.type for word in _CONTENT):
            parts.append((False, source.of(child)))
        elif not any(word in child.type for word in _MARKS):
            inner = [n for n in child.named_children if not any(word in n.type for word in _MARKS)]
            is_wrapped = child.type in ("interpolation", "template_substitution") and inner
            parts.append((True, source.of(inner[0] if is_wrapped else child)))
    return parts


def _formats(node: Node, source: Source) -> tuple[Node, list[Node]] | None:
    """Return template and values when `node` is a call that fills a template."""
    for call in source.calls:
        if call.node.id != node.id:
            continue
        if call.name in ("Sprintf", "sprintf", "Format", "format") and call.positional:
            is_method = source.grammar.name == "python" and call.receiver is not None
            if is_method and call.receiver is not None:
                return call.receiver, [*call.positional, *call.keywords.values()]
            return call.positional[0], call.positional[1:]
    return None


def _filled(template: list[tuple[bool, str]], values: list[str]) -> list[tuple[bool, str]]:
    """Put `values` in the places of a template's directives; a mismatch gives one unknown part."""
    if any(is_code for is_code, _ in template):
        return template
    text = "".join(part for _, part in template)
    pieces = _DIRECTIVE.split(text)
    if len(pieces) != len(values) + 1:
        return [(False, text)]
    parts: list[tuple[bool, str]] = [(False, pieces[0])]
    for value, piece in zip(values, pieces[1:], strict=True):
        parts += [(True, value), (False, piece)]
    return parts
