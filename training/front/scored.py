"""Rows of a fold with the probabilities that the shipped detector gives them."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from data import Row, read_rows
from labels import HAZARDS
from seeds import seed_rows

from leeward.detectors.front_text import SHORT_CEILING, is_short
from leeward.inspection.language import identify
from leeward.models.front import Front

RULES = {
    "RULE-MIST-001": ("hate", "harassment", "violence"),
    "RULE-MIST-003": ("licence.circumvention",),
    "RULE-MIST-004": ("self-harm",),
    "distress": ("distress",),
    "RULE-MIST-005": ("child-exploitation",),
    "RULE-MIST-006": ("malware",),
    "RULE-MIST-007": ("stereotype",),
    "RULE-MIST-008": ("misinformation",),
    "RULE-MIST-009": ("injection",),
    "criminal": ("criminal",),
    "dangerous": ("dangerous",),
    "sexual": ("sexual",),
    "health": ("health",),
    "financial": ("financial",),
    "law": ("law",),
}
# Rules whose firing keeps an ordinary text from its answer.
BLOCKING = ("RULE-MIST-001", "RULE-MIST-003", "RULE-MIST-004", "distress", "RULE-MIST-005", "RULE-MIST-006")
OWN = ("seeds", "frames")  # sources written for this project in all languages alike
TEXT_CHARS = 2000  # longest text that is measured

Thresholds = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True, slots=True)
class Scored:
    """A fold, scored.

    Attributes:
        seen: Language that the detector was told, as `identify` tells it; `und` where it could not.
        chances: Calibrated probabilities [rows, hazards].
    """

    rows: Sequence[Row]
    seen: Sequence[str]
    chances: npt.NDArray[np.float64]

    def fires(self, rule: str, thresholds: Thresholds) -> npt.NDArray[np.bool_]:
        """Return for each row whether `rule` fires on it."""
        fired = np.zeros(len(self.rows), np.bool_)
        for hazard in RULES[rule]:
            by = thresholds[hazard]
            least = np.array([by.get(lang, by["default"]) for lang in self.seen])
            fired |= self.chances[:, HAZARDS.index(hazard)] >= least
        return fired

    def truth(self, rule: str) -> npt.NDArray[np.float64]:
        """Return 1 where any hazard of the rule is there, 0 where all are known not to be, else NaN."""
        values = np.array([[row.hazards.get(hazard, np.nan) for hazard in RULES[rule]] for row in self.rows])
        known = ~np.isnan(values)
        positive = (np.nan_to_num(values) > 0).any(1)
        return np.where(positive, 1.0, np.where(known.all(1), 0.0, np.nan))


def score(folder: Path, weights: Path, fold: str) -> Scored:
    """Return the rows of `fold` with their scores, as the detector would give them."""
    front = Front.load(weights)
    rows = [row for row in (*read_rows(folder, TEXT_CHARS), *seed_rows()) if row.fold == fold]
    seen = [identify(row.text) for row in rows]
    chances = np.stack([front.probabilities(row.text, lang) for row, lang in zip(rows, seen, strict=True)])
    short = np.array([is_short(row.text) for row in rows])
    chances[short] = np.minimum(chances[short], SHORT_CEILING)
    return Scored(rows, seen, chances.astype(np.float64))


def thresholds_of(ruleset: Path) -> Thresholds:
    """Return the thresholds of the front classifier in a ruleset file, by hazard and language."""
    found: dict[str, dict[str, float]] = {}
    for rule in tomllib.loads(ruleset.read_text(encoding="utf-8"))["rule"]:
        for when in rule.get("when", ()):
            if when["detector"] == "front-text":
                for hazard, least in when["thresholds"].items():
                    own = dict(least) if isinstance(least, dict) else {"default": float(least)}
                    found.setdefault(hazard, own)
    return found
