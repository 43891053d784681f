"""A ruleset as it was written: typed, not yet checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import msgspec

from leeward.domain.rule import Rule, Ruleset
from leeward.policy.inline import InlinePatterns
from leeward.policy.regional import with_regions

DEFAULT = "default"
"""Key of a per-language threshold table that stands for every other language."""

Limit = float | dict[str, float]
"""A threshold, or thresholds by language with the key `default` for the rest."""


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A TOML table; None means that the key is missing."""


class WhenTable(Table, frozen=True, kw_only=True):
    """`[[rule.when]]`: a detector and the least confidence of each hazard that counts."""

    detector: str | None = None
    thresholds: dict[str, Limit] = {}
    stages: tuple[str, ...] = ()
    counts: bool = True
    dry_run: bool = False


class PatternsTable(Table, frozen=True, kw_only=True):
    """`[rule.patterns]`: phrases and expressions of the rule's own."""

    literals: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()
    counts: bool = True


class RuleTable(Table, frozen=True, kw_only=True):
    """`[[rule]]`, without its nested tables."""

    id: str | None = None
    name: str | None = None
    trigger: str | None = None
    action: str = ""
    clause: str = ""
    stages: tuple[str, ...] | None = None
    disposition: str | None = None
    duties: tuple[str, ...] | None = None
    level: int = 1
    level_on_repeat: int = 2
    on_failure: str | None = None
    release: str = "as_examined"
    dry_run: bool = False


class TightenTable(Table, frozen=True, kw_only=True):
    """`[tighten.<rule>]`: what becomes stricter."""

    disposition: str | None = None
    duties: tuple[str, ...] = ()
    level: int | None = None
    level_on_repeat: int | None = None
    on_failure: str | None = None
    release: str | None = None
    enforce: tuple[str, ...] = ()
    thresholds: dict[str, dict[str, Limit]] = {}


class RelaxTable(Table, frozen=True, kw_only=True):
    """`[relax.<rule>]`: what becomes looser, and why."""

    reason: str = ""
    dry_run: bool = False
    hazards: tuple[str, ...] = ()
    thresholds: dict[str, dict[str, Limit]] = {}


class AttachTable(Table, frozen=True, kw_only=True):
    """`[[attach]]`: globs; the ruleset applies where one of each kind matches."""

    tenants: tuple[str, ...] = ("*",)
    models: tuple[str, ...] = ("*",)
    endpoints: tuple[str, ...] = ("*",)


class FileTable(Table, frozen=True, kw_only=True):
    """The top of the file."""

    name: str | None = None
    version: str | None = None
    extends: str | tuple[str, ...] = ()
    addition: bool = False
    regions: tuple[str, ...] = ()
    region_opt_in: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RuleDraft:
    """A rule as it was written.

    Attributes:
        where: How problems name it: its id, or `rule #<n>`.
    """

    where: str
    table: RuleTable
    when: tuple[WhenTable, ...] = ()
    patterns: PatternsTable | None = None

    @property
    def inline(self) -> InlinePatterns | None:
        """The patterns written in the rule, when there are some."""
        if self.patterns is None:
            return None
        return InlinePatterns(
            rule=self.table.id or self.where,
            literals=self.patterns.literals,
            # Text is matched in lower case; an expression written with capitals must still match it.
            regexes=tuple(f"(?i:{regex})" for regex in self.patterns.regexes),
        )


@dataclass(frozen=True, slots=True)
class LoadedRuleset:
    """A checked ruleset with what belongs to it.

    Attributes:
        patterns: Inline patterns of its rules; each wants a detector of its own.
        relaxed: Why rules were relaxed, by rule id.
        attach: Where the file wants to apply; empty means that it must be named to be used.
        is_addition: Whether it only adds to a whole ruleset and cannot judge alone.
    """

    ruleset: Ruleset
    patterns: tuple[InlinePatterns, ...] = ()
    relaxed: Mapping[str, str] = field(default_factory=dict)
    attach: tuple[AttachTable, ...] = ()
    is_addition: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One file, read and typed.

    Attributes:
        source: Name of the file, for problems.
        bases: Checked rulesets that it extends, in order.
        is_builtin: Whether it ships with Leeward; only such a file may define protocol rules.
    """

    source: str
    top: FileTable
    rules: tuple[RuleDraft, ...] = ()
    tighten: Mapping[str, TightenTable] = field(default_factory=dict)
    relax: Mapping[str, RelaxTable] = field(default_factory=dict)
    attach: tuple[AttachTable, ...] = ()
    bases: tuple[LoadedRuleset, ...] = ()
    is_builtin: bool = False

    @property
    def extends(self) -> tuple[str, ...]:
        """Names of the rulesets it extends."""
        return (self.top.extends,) if isinstance(self.top.extends, str) else self.top.extends

    @property
    def base_rules(self) -> dict[str, Rule]:
        """Rules that it inherits, by id, in order, with what the regions of this file add."""
        rules = (rule for base in self.bases for rule in base.ruleset.rules)
        return {rule.id: with_regions(rule, self.top.regions, self.top.region_opt_in) for rule in rules}

    def whens(self) -> Iterator[tuple[RuleDraft, str, WhenTable]]:
        """Yield each rule with the key and table of each of its `when`."""
        for rule in self.rules:
            for number, when in enumerate(rule.when):
                yield rule, f"when[{number}]", when
