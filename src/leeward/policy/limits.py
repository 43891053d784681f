"""Thresholds as an operator writes them, against the conditions that they change."""

from __future__ import annotations

from leeward.domain.rule import Condition, Rule
from leeward.policy.build import by_language
from leeward.policy.draft import DEFAULT, Limit


def watching(rule: Rule, detector: str, hazard: str) -> tuple[Condition, ...]:
    """Return the conditions of `rule` that `hazard` of `detector` would meet; a family `x.*` must be named as such."""
    return tuple(c for c in rule.conditions if c.detector == detector and (hazard in c.hazards or c.matches(hazard)))


def least_of(limit: Limit) -> dict[str, float]:
    """Return thresholds by language; the one for the rest under the language tag `und`."""
    limits = by_language(limit)
    if DEFAULT in limits:
        limits["und"] = limits.pop(DEFAULT)
    return limits
