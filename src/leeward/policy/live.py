"""The rulesets in use, swapped whole or not at all; watches no files and keeps no time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

from leeward.domain.ports import DetectorInfo
from leeward.policy.book import RulesetBook, problems_of
from leeward.policy.diff import Change, compare
from leeward.policy.loader import load_all
from leeward.policy.problems import Refused
from leeward.policy.reading import Source


@dataclass(frozen=True, slots=True)
class Swapped:
    """The new rules are in use.

    Attributes:
        changes: What can change a verdict, by name of the ruleset; a ruleset that is new or gone has
            its rules listed as added or removed. Empty when nothing changed.
    """

    book: RulesetBook
    changes: Mapping[str, tuple[Change, ...]]


Offered: TypeAlias = Swapped | Refused


def read_book(
    sources: Iterable[Source], *, known: Mapping[str, DetectorInfo], default: str = "mistral-v1"
) -> RulesetBook | Refused:
    """Return a book of the rulesets in `sources` and the built-in protocol, or every problem.

    Args:
        sources: Ruleset files of the operator, in any order.
        known: What the installed detectors say of themselves, by id.
        default: Name of the ruleset that judges what no attachment covers.
    """
    loaded = load_all(sources, known=known, builtin=("mistral-v1",))
    if isinstance(loaded, Refused):
        return loaded
    if problems := problems_of(loaded, default):
        return Refused(tuple(problems))
    return RulesetBook(loaded, default)


class LiveRulesets:
    """Holds the book in use.

    An exchange takes `book` once, when it begins, and keeps it: a swap never changes the rules under it.
    """

    def __init__(self, book: RulesetBook) -> None:
        self._book = book

    @property
    def book(self) -> RulesetBook:
        """The book in use."""
        return self._book

    def offer(self, sources: Iterable[Source], *, known: Mapping[str, DetectorInfo]) -> Offered:
        """Check `sources` whole and use them from now on, or change nothing and say why."""
        new = read_book(sources, known=known, default=self._book.default.name)
        if isinstance(new, Refused):
            return new
        return self.use(new)

    def use(self, book: RulesetBook) -> Swapped:
        """Use `book` from now on; for callers that must open its detectors before the swap."""
        before = {r.name: r for r in self._book.rulesets}
        after = {r.name: r for r in book.rulesets}
        changes = {
            name: found for name in sorted({*before, *after}) if (found := compare(before.get(name), after.get(name)))
        }
        self._book = book
        return Swapped(book, changes)
