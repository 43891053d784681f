"""The digest that names exactly these rules."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from leeward.domain.rule import Condition, Rule
from leeward.policy.inline import InlinePatterns

_Plain = dict[str, object]


def digest_of(name: str, version: str, rules: Iterable[Rule], patterns: Iterable[InlinePatterns] = ()) -> str:
    """Return `sha256:<hex>` over the canonical JSON of a ruleset.

    Comments, the order of keys, rules, hazards and lists, and how a number was written do not matter;
    everything that can change a verdict, or what a record says about it, does.
    """
    canonical = {
        "format": 1,
        "name": name,
        "version": version,
        "rules": sorted((_rule(r) for r in rules), key=msgspec.json.encode),
        "patterns": sorted((_patterns(p) for p in patterns), key=msgspec.json.encode),
    }
    return f"sha256:{hashlib.sha256(msgspec.json.encode(canonical, order='sorted')).hexdigest()}"


def _rule(rule: Rule) -> _Plain:
    return {
        "id": rule.id,
        "name": rule.name,
        "trigger": rule.trigger,
        "action": rule.action,
        "clause": rule.clause,
        "stages": sorted(rule.stages),
        "conditions": sorted((_condition(c) for c in rule.conditions), key=msgspec.json.encode),
        "disposition": rule.disposition.word,
        "duties": sorted(rule.duties),
        "level": rule.level,
        "level_on_repeat": rule.level_on_repeat,
        "on_failure": rule.on_failure.word,
        "release": rule.release.value,
        "dry_run": rule.dry_run,
        "pack": rule.pack,
    }


def _condition(condition: Condition) -> _Plain:
    return {
        "detector": condition.detector,
        "hazards": sorted(condition.hazards),
        "threshold": float(condition.threshold),
        "thresholds": {k: float(condition.thresholds[k]) for k in sorted(condition.thresholds)},
        "stages": sorted(condition.stages),
        "counts": condition.counts,
        "dry_run": condition.dry_run,
    }


def _patterns(patterns: InlinePatterns) -> _Plain:
    return {
        "id": patterns.id,
        "literals": sorted(patterns.literals),
        "regexes": sorted(patterns.regexes),
    }
