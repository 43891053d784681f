"""TOML text to a draft; every key that cannot be read is named."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from leeward.policy.draft import (
    AttachTable,
    Draft,
    FileTable,
    LoadedRuleset,
    PatternsTable,
    RelaxTable,
    RuleDraft,
    RuleTable,
    Table,
    TightenTable,
    WhenTable,
)
from leeward.policy.problems import Problem, unknown

_Kind = TypeVar("_Kind", bound=Table)
_Raw = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A ruleset file as it was found.

    Attributes:
        name: File name, for problems.
        text: TOML.
        is_builtin: Whether it ships with Leeward.
    """

    name: str
    text: str
    is_builtin: bool = False


@dataclass(slots=True)
class Reader:
    """Reads one source and gathers what it cannot read."""

    source: Source
    problems: list[Problem] = field(default_factory=list)

    def tables(self) -> dict[str, object]:
        """Return the parsed TOML; empty when it is not TOML."""
        try:
            return tomllib.loads(self.source.text)
        except tomllib.TOMLDecodeError as error:
            self._report("", "", f"not TOML: {error}")
            return {}

    def draft(self, raw: _Raw, bases: tuple[LoadedRuleset, ...] = ()) -> Draft:
        """Return the draft; keys that could not be read have their defaults and are among the problems."""
        top = self._table(raw, FileTable, "", nested=("rule", "tighten", "relax", "attach"))
        return Draft(
            source=self.source.name,
            top=top,
            rules=tuple(self._rule(n, r) for n, r in enumerate(self._list(raw, "rule", ""), start=1)),
            tighten=dict(self._named(raw, "tighten", TightenTable)),
            relax=dict(self._named(raw, "relax", RelaxTable)),
            attach=tuple(
                self._table(a, AttachTable, f"attach[{n}]") for n, a in enumerate(self._list(raw, "attach", ""))
            ),
            bases=bases,
            is_builtin=self.source.is_builtin,
        )

    def _rule(self, number: int, raw: _Raw) -> RuleDraft:
        given = raw.get("id")
        where = given if isinstance(given, str) and given else f"rule #{number}"
        whens = enumerate(self._list(raw, "when", where))
        patterns = raw.get("patterns")
        return RuleDraft(
            where=where,
            table=self._table(raw, RuleTable, where, nested=("when", "patterns")),
            when=tuple(self._table(w, WhenTable, where, prefix=f"when[{n}].") for n, w in whens),
            patterns=None if patterns is None else self._patterns(patterns, where),
        )

    def _patterns(self, raw: object, where: str) -> PatternsTable:
        if isinstance(raw, dict):
            return self._table(raw, PatternsTable, where, prefix="patterns.")
        self._report(where, "patterns", "write a table, e.g. patterns = { literals = [\"…\"], regexes = ['…'] }")
        return PatternsTable()

    def _named(self, raw: _Raw, key: str, kind: type[_Kind]) -> Iterator[tuple[str, _Kind]]:
        tables = raw.get(key, {})
        if not isinstance(tables, dict):
            self._report("", key, f"write a table for each rule, e.g. [{key}.RULE-MIST-001]")
            return
        for rule, table in tables.items():
            if isinstance(table, dict):
                yield rule, self._table(table, kind, f"{key}.{rule}")
            else:
                self._report(f"{key}.{rule}", "", "write a table")

    def _list(self, raw: _Raw, key: str, where: str) -> list[_Raw]:
        tables = raw.get(key, [])
        if isinstance(tables, list) and all(isinstance(t, dict) for t in tables):
            return tables
        self._report(where, key, f"write a list of tables, each headed [[{'rule.' if where else ''}{key}]]")
        return []

    def _table(
        self, raw: _Raw, kind: type[_Kind], where: str, *, prefix: str = "", nested: tuple[str, ...] = ()
    ) -> _Kind:
        fields = {f.name: f.type for f in msgspec.structs.fields(kind)}
        values: dict[str, object] = {}
        for key, value in raw.items():
            if key in nested:
                continue
            if key not in fields:
                self._report(where, prefix + key, unknown("key", key, (*fields, *nested)))
                continue
            try:
                values[key] = msgspec.convert(value, fields[key])
            except msgspec.ValidationError as error:
                self._report(where, prefix + key, _plainly(error))
        return kind(**values)

    def _report(self, where: str, key: str, text: str) -> None:
        self.problems.append(Problem(source=self.source.name, where=where, key=key, text=text))


def _plainly(error: msgspec.ValidationError) -> str:
    """Return msgspec's words without its notation for a missing key and for a place inside the value."""
    return str(error).replace("`", "").replace(" | null", "").partition(" - at ")[0]
