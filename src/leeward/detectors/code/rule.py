"""Rules about source code, as the TOML files beside this module write them."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Literal

import msgspec

from leeward.errors import DetectorError

Trait = Literal["built", "input", "reached", "dynamic", "constant"]
Severity = Literal["low", "medium", "high", "critical"]


class Match(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One way in which code breaks a rule; all keys that are given must hold.

    Attributes:
        call: Names of calls. `a.b` also means `x.a.b`; `*.b` needs a receiver; `=b` allows none.
        assign: Pattern of the whole target of an assignment, keyword, pair or property.
        text: Pattern found in the code outside comments and strings.
        check: Name of a check that needs more than one place, see `memory`.
        receiver: Pattern found in what stands before the last name of the call.
        argument: Position or keyword of the argument that `is` and `holds` speak of; any argument when not given.
        traits: What the value may be, any of them. `built`: a string put together with something not
            constant; `input`: comes from outside; `reached`: from outside or a parameter; `dynamic`: not
            constant; `constant`.
        holds: Pattern found in the value's text, names in it replaced by what was assigned to them.
        lacks: Pattern that must not be found there.
        keywords: Keyword or property of the call, and a pattern of its whole value.
        without: Keywords or properties that must be missing.
        fewest, most: Bounds of the number of positional arguments.
        only_if, unless: Pattern that must, must not be found in the whole code.
        unless_near: Pattern that must not be found in the function around.
        needs: Words of which one must occur; found from `call` when not given.
        confidence: Overrides that of the rule.
    """

    call: tuple[str, ...] = ()
    assign: str = ""
    text: str = ""
    check: str = ""
    receiver: str = ""
    argument: int | str | None = None
    traits: tuple[Trait, ...] = msgspec.field(default=(), name="is")
    holds: str = ""
    lacks: str = ""
    keywords: dict[str, str] = msgspec.field(default_factory=dict, name="with")
    without: tuple[str, ...] = ()
    fewest: int = 0
    most: int = 99
    only_if: str = ""
    unless: str = ""
    unless_near: str = ""
    needs: tuple[str, ...] = ()
    confidence: float | None = None

    def __post_init__(self) -> None:
        kinds = [bool(self.call), bool(self.assign), bool(self.text), bool(self.check)]
        if sum(kinds) != 1:
            raise ValueError("a match needs exactly one of call, assign, text, check")
        if not self.call and not self.needs:
            raise ValueError("a match without `call` needs `needs`, words that let the scan skip other code")


class Fix(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How the statement at hand is rewritten; the rule's own example is shown when nothing changes.

    Attributes:
        swap: Pairs of a pattern and its replacement, applied to the statement in order; all must apply.
        bind: Whether an SQL string is turned into placeholders and parameters.
        words: Whether a Python command line is turned into a list of arguments.
    """

    swap: tuple[tuple[str, str], ...] = ()
    bind: bool = False
    words: bool = False


class CodeRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One weakness in one family of languages.

    Attributes:
        id: Name of the file without its ending.
        cwe: Number in the Common Weakness Enumeration.
        languages: Grammars it is written for.
        confidence: Probability that a reviewer agrees, in (0, 1).
        source: Where the knowledge comes from.
        safe: Short code that does the same safely; a `{language}` table when it differs.
        fallback: Whether it speaks only when nothing else of the same CWE was found.
    """

    id: str
    cwe: int
    languages: tuple[str, ...]
    severity: Severity
    confidence: float
    message: str
    source: str
    match: tuple[Match, ...]
    safe: str
    bad: tuple[str, ...]
    good: tuple[str, ...]
    fix: Fix = Fix()
    fallback: bool = False


@cache
def rule_names() -> tuple[str, ...]:
    """Return the names of all rule files, as `language/name`, sorted."""
    root = files(__package__) / "rules"
    return tuple(sorted(f"{d.name}/{f.name}" for d in root.iterdir() if d.is_dir() for f in d.iterdir()))


@cache
def read_rule(name: str) -> CodeRule:
    """Return the rule in the file `language/name`.

    Raises:
        DetectorError: If the file is not a rule.
    """
    path = files(__package__) / "rules" / name
    try:
        rule = msgspec.toml.decode(path.read_bytes(), type=CodeRule)
    except (msgspec.DecodeError, OSError) as error:
        raise DetectorError(f"code rule {name}: {error}", remedy="Correct the file or remove it.") from error
    if f"{rule.languages[0]}/{rule.id}.toml" != name:
        raise DetectorError(f"code rule {name} calls itself {rule.id}", remedy="Name file and folder after the rule.")
    return rule


@cache
def rules_for(grammar: str) -> tuple[CodeRule, ...]:
    """Return the rules for code of one grammar, e.g. `python`; files of other grammars are not read.

    A C rule also holds for C++; other rules lie in the folder of the first language they name.
    """
    folders = {"cpp": ("c", "cpp")}.get(grammar, (grammar,))
    rules = (read_rule(name) for name in rule_names() if name.partition("/")[0] in folders)
    return tuple(rule for rule in rules if grammar in rule.languages)
