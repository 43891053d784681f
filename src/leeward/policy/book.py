"""Which ruleset judges which exchange."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache

from leeward.domain.rule import Ruleset
from leeward.policy.draft import AttachTable, LoadedRuleset
from leeward.policy.inline import InlinePatterns
from leeward.policy.problems import Problem, unknown

# Model names come from callers: the cache must not grow with what they make up.
_CACHED = 2_048


@dataclass(frozen=True, slots=True)
class Attachment:
    """One place where a ruleset applies: globs with `*` and `?`, all three of which must match."""

    tenant: str
    model: str
    endpoint: str
    ruleset: str

    def covers(self, tenant: str, model: str, endpoint: str) -> bool:
        """Whether an exchange lies here."""
        return (
            fnmatchcase(tenant, self.tenant) and fnmatchcase(model, self.model) and fnmatchcase(endpoint, self.endpoint)
        )

    @property
    def narrowness(self) -> tuple[tuple[bool, int], ...]:
        """How narrow the place is: tenant before model before endpoint, an exact name before a glob."""
        return tuple(
            (not set("*?[") & set(glob), len(glob.replace("*", "")))
            for glob in (self.tenant, self.model, self.endpoint)
        )


class RulesetBook:
    """Every ruleset in use, and where each applies.

    The narrowest attachment wins; the order of files does not matter. Where none applies, `default` does.

    Args:
        rulesets: By name; `default` is one of them.
        default: Name of the ruleset that judges what no attachment covers.
    """

    def __init__(self, rulesets: Mapping[str, LoadedRuleset], default: str) -> None:
        self._rulesets = dict(rulesets)
        self.default = self._rulesets[default].ruleset
        places = {place for loaded in rulesets.values() for place in _places(loaded)}
        self.attachments = tuple(sorted(places, key=lambda p: (p.narrowness, p.ruleset), reverse=True))
        self._find = lru_cache(maxsize=_CACHED)(self._look_up)

    def ruleset_for(self, tenant: str, model: str, endpoint: str) -> Ruleset:
        """Return the ruleset that judges an exchange."""
        return self._find(tenant, model, endpoint)

    def _look_up(self, tenant: str, model: str, endpoint: str) -> Ruleset:
        for place in self.attachments:
            if place.covers(tenant, model, endpoint):
                return self._rulesets[place.ruleset].ruleset
        return self.default

    @property
    def rulesets(self) -> tuple[Ruleset, ...]:
        """Every ruleset that can judge, by name."""
        return tuple(self._rulesets[n].ruleset for n in sorted(self._rulesets) if not self._rulesets[n].is_addition)

    @property
    def patterns(self) -> tuple[InlinePatterns, ...]:
        """Inline patterns of all rulesets, each once; each wants a detector."""
        return tuple(dict.fromkeys(p for loaded in self._rulesets.values() for p in loaded.patterns))

    @property
    def detectors(self) -> tuple[str, ...]:
        """Ids of all detectors that a ruleset asks, inline ones too, sorted."""
        rules = (rule for ruleset in self.rulesets for rule in ruleset.rules)
        return tuple(sorted({c.detector for rule in rules for c in rule.conditions}))


def _places(loaded: LoadedRuleset) -> Iterator[Attachment]:
    for table in loaded.attach:
        yield from _cross(table, loaded.ruleset.name)


def _cross(table: AttachTable, ruleset: str) -> Iterator[Attachment]:
    for tenant in table.tenants:
        for model in table.models:
            for endpoint in table.endpoints:
                yield Attachment(tenant, model, endpoint, ruleset)


def problems_of(rulesets: Mapping[str, LoadedRuleset], default: str) -> list[Problem]:
    """Return why the rulesets, each sound in itself, cannot serve together."""
    problems: list[Problem] = []
    whole = [name for name, loaded in rulesets.items() if not loaded.is_addition]
    if default not in rulesets:
        problems.append(Problem(source="settings", key="ruleset", text=unknown("ruleset", default, whole)))
    elif rulesets[default].is_addition:
        text = f"{default!r} only adds to a whole ruleset; extend it together with 'mistral-v1'"
        problems.append(Problem(source="settings", key="ruleset", text=text))
    taken: dict[tuple[str, str, str], str] = {}
    for name in sorted(rulesets):
        for place in dict.fromkeys(_places(rulesets[name])):
            globs = (place.tenant, place.model, place.endpoint)
            if (other := taken.setdefault(globs, name)) != name:
                text = f"{other!r} is attached to the same place: tenant, model, endpoint = {', '.join(globs)}"
                problems.append(Problem(source=name, key="attach", text=text))
    return problems
