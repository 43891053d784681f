"""Languages: which grammar reads them, and what its nodes mean."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import cast

import msgspec
import re2
from tree_sitter import Language, Parser, Query

from leeward.errors import DetectorError

GRAMMARS = ("bash", "c", "cpp", "csharp", "go", "java", "javascript", "php", "python", "ruby", "rust")


class GrammarFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a file under `languages/` says.

    Attributes:
        grammar: Module and function that give the parser table.
        aliases: Names after a code fence.
        clues: Patterns that tell the language of unnamed code.
        query: Captures calls, assignments, settings, functions, parameters and imports.
        names, literals, strings, joins, references, comments, keyword_kinds: Node types by role.
        formatters: Calls whose result is made of their arguments.
        into_receiver: Calls that add their arguments to what they are called on.
        into_argument: Calls that write their other arguments into the one at this position.
        reads_into: Calls that write outside data into the argument at this position.
        sources: Patterns, at the start of an expression, of data from outside.
        cleaners: By CWE number or `any`: calls after which a value is harmless.
        handler: Pattern, in the head of a function, of one that answers requests: its parameters come from outside.
        prefix: Put before code that lacks it, so that the grammar reads it as code.
        unsafe_macros: Whether a preprocessor may give other names to calls and values.
    """

    grammar: tuple[str, str]
    aliases: tuple[str, ...]
    clues: tuple[str, ...]
    query: str
    names: frozenset[str]
    literals: frozenset[str]
    strings: frozenset[str]
    joins: frozenset[str]
    references: frozenset[str]
    comments: frozenset[str]
    keyword_kinds: frozenset[str]
    formatters: frozenset[str]
    into_receiver: frozenset[str]
    sources: tuple[str, ...]
    cleaners: dict[str, frozenset[str]]
    prefix: str = ""
    handler: str = ""
    into_argument: dict[str, int] = {}
    reads_into: dict[str, int] = {}
    unsafe_macros: bool = False


@dataclass(frozen=True, slots=True)
class Grammar:
    """A grammar that is ready to read."""

    name: str
    file: GrammarFile
    language: Language
    query: Query
    source: re2._Regexp
    handler: re2._Regexp | None

    def parser(self) -> Parser:
        """Return a parser of one's own; parsers are not shared between threads."""
        return Parser(self.language)


@cache
def grammar_file(name: str) -> GrammarFile:
    """Return what the file of grammar `name` says.

    Raises:
        DetectorError: If the file cannot be read.
    """
    path = files(__package__) / "languages" / f"{name}.toml"
    try:
        return msgspec.toml.decode(path.read_bytes(), type=GrammarFile)
    except (msgspec.DecodeError, OSError) as error:
        raise DetectorError(f"grammar {name}: {error}", remedy="Correct the file.") from error


@cache
def grammar(name: str) -> Grammar:
    """Return the grammar called `name`, loaded on first use.

    Raises:
        DetectorError: If its parser cannot be loaded.
    """
    file = grammar_file(name)
    module, function = file.grammar
    try:
        language = Language(cast("object", getattr(importlib.import_module(module), function)()))
        query = Query(language, file.query)
    except (ImportError, AttributeError, ValueError) as error:
        package = module.replace("_", "-")
        raise DetectorError(f"grammar {name}: {error}", remedy=f"Install or update {package}.") from error
    source = re2.compile("|".join(f"(?:{s})" for s in file.sources))
    return Grammar(name, file, language, query, source, re2.compile(file.handler) if file.handler else None)


@cache
def _aliases() -> dict[str, str]:
    return {alias: name for name in GRAMMARS for alias in grammar_file(name).aliases}


@cache
def _clues() -> tuple[tuple[str, tuple[re2._Regexp, ...]], ...]:
    return tuple((name, tuple(re2.compile(clue) for clue in grammar_file(name).clues)) for name in GRAMMARS)


def grammar_of(fence: str, code: str) -> str:
    """Return the grammar for a fence's language, or the likeliest one when it has none; empty when unknown."""
    if fence:
        return _aliases().get(fence.lower().strip("."), "")
    head = code[:2_000].encode("utf-8", "replace").decode("utf-8")
    scores = [(sum(clue.search(head) is not None for clue in clues) / len(clues), name) for name, clues in _clues()]
    best, name = max(scores)
    return name if best >= 0.25 else ""
