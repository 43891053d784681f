"""What is wrong with a ruleset, in words for the person who wrote it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from leeward.errors import RulesetError


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that keeps a ruleset from being used.

    Attributes:
        source: File or built-in ruleset it stands in.
        where: Rule id, `rule #3`, or a table such as `tighten.RULE-MIST-001`; empty for the whole file.
        key: The key at fault, e.g. `when[0].thresholds`; empty when none is.
        text: What is wrong and what would be right.
    """

    source: str
    where: str = ""
    key: str = ""
    text: str

    def __str__(self) -> str:
        return ": ".join(part for part in (self.source, self.where, self.key, self.text) if part)


@dataclass(frozen=True, slots=True)
class Refused:
    """Nothing was loaded; every problem that was found, in file order."""

    problems: tuple[Problem, ...]

    def error(self) -> RulesetError:
        """Return the error that stops a start."""
        count = len(self.problems)
        return RulesetError(
            "\n".join(map(str, self.problems)),
            meaning=f"The ruleset is not used: {count} problem{'s' if count != 1 else ''}.",
            remedy="Correct the file and try `leeward ruleset check FILE`.",
        )


def unknown(kind: str, word: str, known: Iterable[str]) -> str:
    """Return that `word` is not a known `kind`, with the nearest known word or all of a short list."""
    words = sorted(known)
    near = get_close_matches(word, words, n=1, cutoff=0.6)
    if near:
        return f"unknown {kind} {word!r}; did you mean {near[0]!r}?"
    if len(words) > 12:
        return f"unknown {kind} {word!r}"
    return f"unknown {kind} {word!r}; known: {', '.join(words) or 'none'}"
