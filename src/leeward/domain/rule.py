"""A rule and a ruleset, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from leeward.domain.disposition import Disposition, Duty, Release
from leeward.domain.view import Stage

NO_THRESHOLDS: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """When a rule fires: a detector gives one of the hazards at or above the threshold.

    Attributes:
        detector: Id of the detector.
        hazards: Hazards that count; a trailing `*` matches any ending, e.g. `CWE-*`.
        threshold: Least confidence that fires, in (0, 1].
        thresholds: Overrides by language tag.
        stages: Stages of the rule in which this condition is asked; empty means all of them.
        counts: Whether a firing counts as a violation of the caller. A person in distress is not a violator.
        dry_run: Recorded as it would have fired, but nothing happens to the exchange.
        exact: Hazards without a `*`.
        families: Beginnings of the hazards that end in `*`.
    """

    detector: str
    hazards: tuple[str, ...]
    threshold: float
    thresholds: Mapping[str, float] = field(default_factory=lambda: NO_THRESHOLDS)
    stages: frozenset[Stage] = frozenset()
    counts: bool = True
    dry_run: bool = False
    exact: tuple[str, ...] = field(init=False, repr=False, compare=False)
    families: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "exact", tuple(h for h in self.hazards if h[-1:] != "*"))
        object.__setattr__(self, "families", tuple(h[:-1] for h in self.hazards if h[-1:] == "*"))

    def matches(self, hazard: str) -> bool:
        """Whether `hazard` is one of those that count."""
        return hazard in self.exact or hazard.startswith(self.families)

    def least(self, language: str) -> float:
        """Return the threshold for `language`."""
        return self.thresholds.get(language, self.threshold)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a ruleset.

    Attributes:
        id: `RULE-MIST-001`, or an id of the operator's own.
        name: As the protocol writes it.
        trigger: The protocol's trigger condition, word for word.
        action: The protocol's required action, word for word.
        clause: Where the rule comes from.
        stages: Stages in which it is asked.
        conditions: Any of them fires the rule.
        disposition: What happens when it fires.
        duties: What is owed when it fires.
        level: Escalation level of a first violation, 1 to 3.
        level_on_repeat: Escalation level of repeated violations, 1 to 3.
        on_failure: What happens when a detector of the rule could not look.
        release: When a stream may release text that the rule watches.
        dry_run: Recorded as it would have fired, but nothing happens to the exchange.
        pack: `protocol`, `usage-policy` or the name of a tenant's ruleset.
    """

    id: str
    name: str
    trigger: str
    action: str
    clause: str
    stages: frozenset[Stage]
    conditions: tuple[Condition, ...]
    disposition: Disposition
    duties: frozenset[Duty]
    level: int
    on_failure: Disposition
    level_on_repeat: int = 2
    release: Release = Release.AS_EXAMINED
    dry_run: bool = False
    pack: str = "protocol"

    def asked_in(self, stage: Stage) -> tuple[Condition, ...]:
        """Return the conditions that are asked in `stage`."""
        if stage not in self.stages:
            return ()
        return tuple(c for c in self.conditions if not c.stages or stage in c.stages)


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What a ruleset asks in one stage.

    Attributes:
        detectors: Ids in a stable order, each once.
        asked: Rules with the conditions asked in this stage.
    """

    stage: Stage
    detectors: tuple[str, ...]
    asked: tuple[tuple[Rule, tuple[Condition, ...]], ...]

    @property
    def holds_to_end(self) -> bool:
        """Whether a stream must hold all text of this stage back until it ends."""
        return any(
            rule.release is Release.AT_END and rule.disposition > Disposition.ANNOTATE and not rule.dry_run
            for rule, _ in self.asked
        )

    @property
    def may_stop(self) -> bool:
        """Whether a rule of this stage can stop the text."""
        return any(rule.disposition.stops and not rule.dry_run for rule, _ in self.asked)


@dataclass(frozen=True, slots=True)
class Ruleset:
    """A checked set of rules.

    Attributes:
        name: e.g. `mistral-v1`.
        version: Semantic version of the rules.
        digest: `sha256:<hex>` over the canonical form; names exactly these rules.
        rules: In file order; no two share an id.
    """

    name: str
    version: str
    digest: str
    rules: tuple[Rule, ...]
    plans: Mapping[Stage, StagePlan] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "plans", MappingProxyType({s: self._plan(s) for s in Stage}))

    def _plan(self, stage: Stage) -> StagePlan:
        asked = tuple((rule, cs) for rule in self.rules if (cs := rule.asked_in(stage)))
        detectors = dict.fromkeys(c.detector for _, cs in asked for c in cs)
        return StagePlan(stage, tuple(detectors), asked)

    @property
    def label(self) -> str:
        """Name and short digest, as replies and records carry it."""
        return f"{self.name}@{self.digest[:19]}"

    def rule(self, rule_id: str) -> Rule:
        """Return the rule called `rule_id`.

        Raises:
            KeyError: If there is none.
        """
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise KeyError(rule_id)
