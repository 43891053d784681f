"""Reads the cascade's thresholds out of the rulesets."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path


def thresholds_of(rulesets: Path) -> Mapping[str, Mapping[str, float]]:
    """Return thresholds by hazard and language from every ruleset in a folder; the first that names a hazard counts."""
    found: dict[str, dict[str, float]] = {}
    for path in sorted(rulesets.glob("*.toml")):
        for rule in tomllib.loads(path.read_text(encoding="utf-8"))["rule"]:
            for when in rule.get("when", ()):
                if when["detector"] == "cascade-text":
                    for hazard, least in when["thresholds"].items():
                        own = dict(least) if isinstance(least, dict) else {"default": float(least)}
                        found.setdefault(hazard, own)
    return found
