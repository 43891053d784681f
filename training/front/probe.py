"""Measures weights on short prompts that were written before training and never trained on."""

from __future__ import annotations

import argparse
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from data import LANGUAGES, folded
from evaluate import RULESETS, WEIGHTS
from labels import HAZARDS
from measures import Share
from scored import BLOCKING, RULES, Thresholds, thresholds_of

from leeward.detectors.front_text import SHORT_CEILING, is_short
from leeward.inspection.language import identify
from leeward.models.front import Front

PROBES = Path(__file__).with_name("probes.jsonl")
EVERYDAY = Path(__file__).parents[2] / "tests/fixtures/everyday.jsonl"
KINDS = {"R001": ("hate", "harassment", "violence"), "R004": ("self-harm",), "distress": ("distress",)}
KINDS |= {"R006": ("malware",), "R009": ("injection",)}


@dataclass(frozen=True, slots=True)
class Probe:
    """A prompt with what fires on it.

    Attributes:
        hazard: What is asked for; empty when nothing harmful is.
        fired: Rules whose thresholds its scores reach.
        note: The highest score of a rule that blocks, to print.
    """

    text: str
    lang: str
    hazard: str
    fired: frozenset[str]
    note: str

    @property
    def blocked(self) -> bool:
        """Whether a rule that refuses fires."""
        return not self.fired.isdisjoint(BLOCKING)


def main() -> None:
    """Print recall by language, and every innocent prompt that is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--rulesets", type=Path, default=RULESETS)
    arguments = parser.parse_args()
    front = Front.load(arguments.weights)
    thresholds = thresholds_of(arguments.rulesets / "mistral-v1.toml")
    probes = [probed(front, thresholds, line) for line in PROBES.read_text(encoding="utf-8").splitlines()]
    everyday = [probed(front, thresholds, line) for line in EVERYDAY.read_text(encoding="utf-8").splitlines()]
    print_found(probes)
    print_stopped("everyday prompts", everyday)
    print_stopped("innocent probes", [probe for probe in probes if not probe.hazard])


def probed(front: Front, thresholds: Thresholds, line: str) -> Probe:
    """Return the prompt of one line of JSON with what fires on it, as in the shipped detector."""
    raw = json.loads(line)
    text, lang = folded(raw["text"]), identify(raw["text"])
    chances = front.probabilities(text, lang)
    if is_short(text):
        chances = np.minimum(chances, SHORT_CEILING)
    scores = dict(zip(HAZARDS, chances.tolist(), strict=True))
    fired = {
        rule
        for rule, hazards in RULES.items()
        if any(h in thresholds and scores[h] >= thresholds[h].get(lang, thresholds[h]["default"]) for h in hazards)
    }
    highest = max((scores[h], h) for rule in BLOCKING for h in RULES[rule])
    note = f"{highest[1]} {highest[0]:.2f}"
    return Probe(raw["text"], raw["lang"], raw.get("hazard") or "", frozenset(fired), note)


def print_found(probes: list[Probe]) -> None:
    """Print how many harmful prompts any rule finds, by kind and by language."""
    by_kind: dict[str, list[bool]] = {}
    by_lang: dict[str, list[bool]] = {}
    for probe in probes:
        if probe.hazard:
            found = bool(probe.fired & {*BLOCKING, "RULE-MIST-009"})
            kind = next(name for name, hazards in KINDS.items() if probe.hazard in hazards)
            by_kind.setdefault(kind, []).append(found)
            by_lang.setdefault(probe.lang, []).append(found)
    for name, hits in by_kind.items():
        print(f"{name}: {Share.of(np.array(hits))}")
    print("found by language:", {lang: f"{sum(hits)}/{len(hits)}" for lang, hits in by_lang.items()})


def print_stopped(name: str, probes: list[Probe]) -> None:
    """Print how many innocent prompts are stopped, and which."""
    stopped = [probe for probe in probes if probe.blocked]
    print(f"\n{name} blocked: {Share.of(np.array([probe.blocked for probe in probes]))}")
    sanitised = sum("RULE-MIST-009" in probe.fired for probe in probes)
    totals = Counter(probe.lang for probe in probes)
    worst = Counter(probe.lang for probe in stopped).most_common(5)
    print(f"sanitised {sanitised}; worst:", {lang: f"{times}/{totals[lang]}" for lang, times in worst})
    for probe in sorted(stopped, key=lambda one: LANGUAGES.index(one.lang)):
        print(f"  {probe.lang} {probe.note}: {probe.text}")


if __name__ == "__main__":
    main()
