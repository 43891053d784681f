"""Ruleset files to checked rulesets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from leeward.domain.ports import DetectorInfo
from leeward.policy.build import build
from leeward.policy.checks import CHECKS
from leeward.policy.draft import Draft, LoadedRuleset
from leeward.policy.problems import Problem, Refused, unknown
from leeward.policy.reading import Reader, Source

BUILTIN = ("mistral-v1", "usage-policy")
"""Rulesets that ship with Leeward."""


def load(source: Source, *, known: Mapping[str, DetectorInfo]) -> LoadedRuleset:
    """Return the ruleset in `source`, which may extend the built-in ones.

    Args:
        source: The file.
        known: What the installed detectors say of themselves, by id.

    Raises:
        RulesetError: Naming every problem with its rule and key.
    """
    loaded = load_all([source], known=known)
    if isinstance(loaded, Refused):
        raise loaded.error()
    return list(loaded.values())[-1]


def load_builtin(name: str = "mistral-v1", *, known: Mapping[str, DetectorInfo]) -> LoadedRuleset:
    """Return a ruleset that ships with Leeward.

    Raises:
        RulesetError: If there is none of that name, or an installed detector does not fit it.
    """
    loaded = load_all([], known=known, builtin=(name,))
    if isinstance(loaded, Refused):
        raise loaded.error()
    return loaded[name]


def load_all(
    sources: Iterable[Source], *, known: Mapping[str, DetectorInfo], builtin: Iterable[str] = ()
) -> dict[str, LoadedRuleset] | Refused:
    """Return every ruleset by name, bases before those that extend them, or every problem.

    Args:
        sources: Files, in any order; they may extend each other and the built-in rulesets.
        known: What the installed detectors say of themselves, by id.
        builtin: Built-in rulesets to load even when no file extends them.
    """
    shelf = _Shelf(known)
    for source in sources:
        shelf.add(source)
    for name in builtin:
        shelf.fetch(name, "", ())
    for name in list(shelf.raw):
        shelf.fetch(name, "", ())
    return Refused(tuple(shelf.problems)) if shelf.problems else shelf.loaded


class _Shelf:
    """Loads files in the order in which they extend each other."""

    def __init__(self, known: Mapping[str, DetectorInfo]) -> None:
        self.known = known
        self.raw: dict[str, tuple[Reader, dict[str, object]]] = {}
        self.loaded: dict[str, LoadedRuleset] = {}
        self.failed: set[str] = set()
        self.problems: list[Problem] = []

    def add(self, source: Source) -> None:
        """Read one file; its name must be its own."""
        reader = Reader(source)
        raw = reader.tables()
        given = raw.get("name")
        # A file without a usable name is still checked, under a name that no file can extend.
        name = given if isinstance(given, str) and given else f"\0{source.name}"
        if name in self.raw or (name in BUILTIN and not source.is_builtin):
            text = f"another ruleset is called {name!r}; choose a name of your own"
            self.problems.append(Problem(source=source.name, key="name", text=text))
        elif reader.problems:
            self.problems.extend(reader.problems)
        else:
            self.raw[name] = (reader, raw)

    def fetch(self, name: str, wanted_by: str, path: tuple[str, ...]) -> LoadedRuleset | None:
        """Return the ruleset called `name`, loading it and its bases first; None when it has problems."""
        if name in self.loaded or name in self.failed:
            return self.loaded.get(name)
        if name in path:
            circle = " → ".join((*path[path.index(name) :], name))
            self._fail(name, wanted_by, f"rulesets extend each other in a circle: {circle}")
            return None
        if name in self.raw:
            reader, raw = self.raw[name]
        elif name in BUILTIN:
            reader = Reader(_builtin(name))
            raw = reader.tables()
        else:
            self._fail(name, wanted_by, unknown("ruleset", name, {*BUILTIN, *self.raw}))
            return None
        return self._load(name, reader, raw, path)

    def _load(self, name: str, reader: Reader, raw: dict[str, object], path: tuple[str, ...]) -> LoadedRuleset | None:
        first = reader.draft(raw)
        bases = [self.fetch(base, reader.source.name, (*path, name)) for base in first.extends]
        if None in bases or name in self.failed:
            # Rules that it would inherit are not known, so what the checks would say could be wrong.
            self.problems.extend(reader.problems)
            self.failed.add(name)
            return None
        reader.problems.clear()
        draft = reader.draft(raw, tuple(base for base in bases if base is not None))
        if problems := [*reader.problems, *_checked(draft, self.known, reader.problems)]:
            self.problems.extend(problems)
            self.failed.add(name)
            return None
        self.loaded[name] = build(draft)
        return self.loaded[name]

    def _fail(self, name: str, wanted_by: str, text: str) -> None:
        self.failed.add(name)
        self.problems.append(Problem(source=wanted_by, key="extends" if wanted_by else "", text=text))


def _checked(draft: Draft, known: Mapping[str, DetectorInfo], unread: Iterable[Problem]) -> list[Problem]:
    """Return what the checks find, without echoes of keys that could not even be read."""
    silent = {(p.where, p.key) for p in unread}
    found = dict.fromkeys(problem for check in CHECKS for problem in check(draft, known))
    order = {rule.where: number for number, rule in enumerate(draft.rules)}
    return sorted((p for p in found if (p.where, p.key) not in silent), key=lambda p: order.get(p.where, -1))


@cache
def _builtin(name: str) -> Source:
    text = files("leeward.policy").joinpath("rulesets", f"{name}.toml").read_text(encoding="utf-8")
    return Source(name=name, text=text, is_builtin=True)
