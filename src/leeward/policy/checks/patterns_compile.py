"""Inline patterns compile, and match something but not everything."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping

import re2

from leeward.domain.ports import DetectorInfo
from leeward.policy.draft import Draft, PatternsTable
from leeward.policy.inline import REACH_CHARS
from leeward.policy.problems import Problem

# Latin and Greek letters lose their accents before patterns are matched.
_UNACCENTED = (range(0xC0, 0x250), range(0x370, 0x400), range(0x1E00, 0x2000))


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each pattern that cannot be used."""
    for rule in draft.rules:
        if rule.patterns is None:
            continue
        for key, text in _faults(rule.patterns):
            yield Problem(source=draft.source, where=rule.where, key=f"patterns.{key}", text=text)


def _faults(patterns: PatternsTable) -> Iterator[tuple[str, str]]:
    if not patterns.literals and not patterns.regexes:
        yield "literals", "write at least one phrase in literals or one expression in regexes"
    for number, literal in enumerate(patterns.literals):
        if not literal.strip():
            yield f"literals[{number}]", "is blank and would match everywhere"
        elif len(literal) > REACH_CHARS:
            yield f"literals[{number}]", f"is longer than {REACH_CHARS} characters"
    for number, regex in enumerate(patterns.regexes):
        if fault := _fault(regex):
            yield f"regexes[{number}]", fault


def _fault(regex: str) -> str:
    options = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(regex, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        return f"not an RE2 expression: {reason}"
    if compiled.search(""):
        return "matches the empty text, so it would match everywhere"
    if accented := [letter for letter in regex if _loses_accent(letter)]:
        return f"{accented[0]!r} never occurs: text is matched without accents; write the bare letter"
    return ""


def _loses_accent(letter: str) -> bool:
    return any(ord(letter) in block for block in _UNACCENTED) and unicodedata.normalize("NFD", letter)[0] != letter
