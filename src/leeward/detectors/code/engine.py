"""Scans one piece of code with the rules of its language."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache

from ahocorasick_rs import AhoCorasick
from tree_sitter import Node

from leeward.detectors.code.flow import Flow
from leeward.detectors.code.grammar import grammar, grammar_of
from leeward.detectors.code.match import Hit, Pattern, match_assignment, match_call
from leeward.detectors.code.memory import second_frees, uses_after_free
from leeward.detectors.code.rewrite import safe_alternative
from leeward.detectors.code.rule import CodeRule, rules_for
from leeward.detectors.code.source import Source
from leeward.domain.view import Span

_CHECKS = {"second-free": second_frees, "use-after-free": uses_after_free}
_BLOCKS = frozenset(
    {
        *("block", "module", "program", "translation_unit", "compound_statement", "statement_block", "source_file"),
        *("class_body", "declaration_list", "body_statement", "statement_list", "compilation_unit", "switch_body"),
        *("then", "do", "else_clause", "class_declaration"),
    }
)
_LONGEST_STATEMENT = 600
_DEEPEST = 12


@dataclass(frozen=True, slots=True)
class Weakness:
    """A weakness found in code.

    Attributes:
        span: Characters of the statement.
        evidence: Rule id, source of the knowledge, severity, and how far from outside the value comes.
        safe_alternative: The statement rewritten, or the rule's own example.
        is_rewritten: Whether `safe_alternative` was made from the code at hand.
    """

    rule: CodeRule
    span: Span
    confidence: float
    evidence: tuple[str, ...]
    safe_alternative: str
    is_rewritten: bool


@dataclass(frozen=True, slots=True)
class _Index:
    """Patterns of one language, found by the words they need."""

    patterns: tuple[Pattern, ...]
    words: AhoCorasick
    by_word: tuple[tuple[int, ...], ...]

    def candidates(self, text: str) -> list[Pattern]:
        lowered = text.lower()
        hits = {word for word, _, _ in self.words.find_matches_as_indexes(lowered, overlapping=True)}
        chosen = sorted({i for word in hits for i in self.by_word[word]})
        return [self.patterns[i] for i in chosen if self.patterns[i].may_hold(text)]


@cache
def _index(language: str) -> _Index:
    patterns = tuple(Pattern.of(rule, match) for rule in rules_for(language) for match in rule.match)
    by_word: dict[str, list[int]] = defaultdict(list)
    for i, pattern in enumerate(patterns):
        for word in pattern.needs:
            by_word[word].append(i)
    return _Index(patterns, AhoCorasick(list(by_word)), tuple(map(tuple, by_word.values())))


def scan(code: str, fence: str = "") -> tuple[Weakness, ...]:
    """Return the weaknesses found in `code`, in its order.

    Args:
        fence: Language named by the fence; when empty, the language is guessed, and code of
            no known language has no findings.

    Raises:
        DetectorError: If the language's grammar or rules cannot be loaded.
    """
    language = grammar_of(fence, code)
    if not language:
        return ()
    if not code.isascii():
        code = code.encode("utf-8", "replace").decode("utf-8")  # lone surrogates; lengths stay
    candidates = _index(language).candidates(code)
    if not candidates:
        return ()
    source = Source(code, grammar(language))
    found: dict[tuple[int, int], Weakness] = {}
    for hit in _hits(candidates, source):
        weakness = _weakness(hit, source)
        key = (weakness.rule.cwe, weakness.span.start)
        if key not in found or found[key].confidence < weakness.confidence:
            found[key] = weakness
    return tuple(sorted(_without_fallbacks(found.values()), key=lambda w: w.span.start))


def _without_fallbacks(found: Iterable[Weakness]) -> Iterator[Weakness]:
    found = list(found)
    firm = {w.rule.cwe for w in found if not w.rule.fallback}
    return (w for w in found if not w.rule.fallback or w.rule.cwe not in firm)


def _hits(candidates: list[Pattern], source: Source) -> Iterator[Hit]:
    flows: dict[int, Flow] = {}
    for pattern in candidates:
        flows.setdefault(pattern.rule.cwe, Flow(source, pattern.rule.cwe))
    by_name: dict[str, list[Pattern]] = defaultdict(list)
    for pattern in candidates:
        for name in {c.rpartition(".")[2].strip("=") for c in pattern.match.call}:
            by_name[name].append(pattern)
    for call in source.calls:
        for pattern in by_name.get(call.name, ()):
            if (hit := match_call(pattern, call, source, flows[pattern.rule.cwe])) is not None:
                yield hit
    of_assignments = [p for p in candidates if p.assign is not None]
    for assignment in source.assignments if of_assignments else ():
        for pattern in of_assignments:
            if (hit := match_assignment(pattern, assignment, source, flows[pattern.rule.cwe])) is not None:
                yield hit
    for pattern in candidates:
        yield from _text_hits(pattern, source)
        if pattern.match.check:
            yield from (Hit(pattern, node, scope) for node, scope in _CHECKS[pattern.match.check](source))


def _text_hits(pattern: Pattern, source: Source) -> Iterator[Hit]:
    if pattern.text is None:
        return
    for found in pattern.text.finditer(source.text):
        blank = len(found.group()) - len(found.group().lstrip())
        start, stop = source.byte(found.start() + blank), source.byte(found.end())
        node = source.root.descendant_for_byte_range(start, start + 1)
        if node is None or node.type in source.grammar.file.comments or "string" in node.type:
            continue
        scope = source.functions.at(start)
        if pattern.unless_near is None or pattern.unless_near.search(source.text_of_scope(scope)) is None:
            yield Hit(pattern, node, scope, place=(start, max(start, stop)))


def _weakness(hit: Hit, source: Source) -> Weakness:
    statement = _statement(hit.node)
    rule = hit.pattern.rule
    start, stop = statement.start_byte, statement.end_byte
    if hit.place is not None and (statement.parent is None or stop - start > _LONGEST_STATEMENT):
        start, stop = hit.place
    rewritten = safe_alternative(hit, source.data[start:stop].decode("utf-8", "replace"), source)
    return Weakness(
        rule,
        source.span(start, stop),
        hit.confidence,
        (f"rule:{rule.id}", f"severity:{rule.severity}", f"value:{hit.origin.name.lower()}", f"source:{rule.source}"),
        rewritten or rule.safe,
        bool(rewritten),
    )


def _statement(node: Node) -> Node:
    """Return the simple statement around `node`; the node itself inside the head of a compound one."""
    at, parent = node, node.parent
    for _ in range(_DEEPEST):  # going up costs the depth each time
        if parent is None or parent.type in _BLOCKS:
            break
        at, parent = parent, parent.parent
    is_long = at.end_byte - at.start_byte > _LONGEST_STATEMENT
    if (
        parent is None
        or parent.type not in _BLOCKS
        or is_long
        or any(child.type in _BLOCKS for child in at.named_children)
    ):
        return node
    return at
