"""Picks the thresholds of the cascade on the calibration fold, and writes them into the rulesets."""

from __future__ import annotations

import argparse
import math
import re
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import LANGUAGES  # noqa: E402
from rules import BLOCKING, RULES  # noqa: E402

from cascade import Cascade, cascade_of  # noqa: E402
from grown import LABELS  # noqa: E402

RULESETS = Path(__file__).parents[2] / "src/leeward/policy/rulesets"
WEIGHTS = Path(__file__).parents[2] / "src/leeward/models/weights"
# Share of everyday text in the main languages, and of harmless texts near to harm, that each hazard may stop.
BUDGETS = {
    "hate": (0.0009, 0.060), "harassment": (0.0004, 0.050), "violence": (0.0004, 0.050), "self-harm": (0.0004, 0.030),
    "distress": (0.0008, 0.040), "child-exploitation": (0.0001, 0.004), "malware": (0.0006, 0.030),
    "licence.circumvention": (0.0003, 0.010), "injection": (0.0010, 0.030), "criminal": (0.0013, 0.070),
    "dangerous": (0.0004, 0.050), "stereotype": (0.0050, 0.050), "misinformation": (0.0050, 0.050),
    "sexual": (0.0010, 0.010), "health": (0.0100, 1.0), "financial": (0.0100, 1.0), "law": (0.0100, 1.0),
    "refusal": (0.0050, 1.0),
}  # fmt: skip
LEAST, MOST = 0.30, 0.97
# What stops an answer must be about as likely as not; a charge that is reported needs more still.
LEAST_OF = {
    "child-exploitation": 0.65,
    "hate": 0.5,
    "violence": 0.5,
    "self-harm": 0.5,
    "distress": 0.5,
    "malware": 0.45,
}
LEAST_OF |= {"harassment": 0.4, "dangerous": 0.4, "stereotype": 0.5, "misinformation": 0.45}
FARTHEST = 0.15  # most that one language raises a threshold for one text
LANGUAGE_SHARE = 0.005  # of the everyday text of one language that all blocking rules together may stop
NEAR = ("twins", "grown", "seeds", "frames", "coconot", "r006_malware", "xsafety", "mlc_v05")


def pick(cascade: Cascade) -> dict[str, dict[str, float]]:
    """Return thresholds by hazard and language, `default` for all others."""
    rows = [text.row for text in cascade.texts]
    langs = np.array([row.lang for row in rows])
    everyday = np.array([row.everyday for row in rows]) & np.isin(langs, LANGUAGES)
    near = np.array([
        row.source.startswith(NEAR) and not row.everyday and max(row.hazards.values()) == 0 and len(row.hazards) > 8
        for row in rows
    ])  # fmt: skip
    found: dict[str, dict[str, float]] = {}
    for hazard, (share, near_share) in BUDGETS.items():
        chance = cascade.chances[:, LABELS.index(hazard)]
        least = max(
            LEAST_OF.get(hazard, LEAST),
            float(np.quantile(chance[everyday], 1 - share)),
            float(np.quantile(chance[near], 1 - near_share)),
        )
        found[hazard] = {"default": min(_upwards(least), MOST)}
    _relieve(cascade, found, langs)
    return found


def _upwards(value: float) -> float:
    """Return `value` in hundredths, rounded up: rounding down would let the text pass that set it."""
    return math.ceil(round(value * 100, 6)) / 100


def _relieve(cascade: Cascade, found: dict[str, dict[str, float]], langs: npt.NDArray[np.str_]) -> None:
    """Raise thresholds of a language in which too much everyday text would be stopped, the cheapest step first."""
    hazards = [hazard for rule in BLOCKING for hazard in RULES[rule]]
    everyday = np.array([text.row.everyday for text in cascade.texts])
    for lang in LANGUAGES:
        chances = cascade.chances[np.ix_(everyday & (langs == lang), [LABELS.index(hazard) for hazard in hazards])]
        least = np.array([found[hazard]["default"] for hazard in hazards])
        while len(chances) and (chances >= least).any(1).mean() > LANGUAGE_SHARE:
            gaps = np.where((chances >= least) & (chances - least <= FARTHEST), chances - least, np.inf)
            if np.isinf(gaps).all():
                break  # what is left scores high: a threshold above it would find nothing any more
            text, worst = np.unravel_index(gaps.argmin(), gaps.shape)
            least[worst] = round(float(chances[text, worst]) + 0.01, 2)
        for hazard, value in zip(hazards, least, strict=True):
            if value > found[hazard]["default"]:
                found[hazard][lang] = min(float(value), 0.99)


def rewritten(text: str, found: Mapping[str, Mapping[str, float]]) -> str:
    """Return a ruleset with new thresholds in the conditions of the cascade; nothing else changes."""
    blocks = re.split(r"(?m)^(?=\[\[)", text)
    return "".join(_block(block, found) if 'detector = "cascade-text"' in block else block for block in blocks)


def _block(block: str, found: Mapping[str, Mapping[str, float]]) -> str:
    for hazard, by in found.items():
        own = str(by["default"])
        if len(by) > 1:
            own = "{ " + ", ".join(f"{lang} = {least}" for lang, least in by.items()) + " }"
        name = f'"{hazard}"' if "." in hazard else hazard
        block = re.sub(rf"(?m)^{re.escape(name)} = (?:[\d.]+|\{{[^}}]*\}})$", f"{name} = {own}", block)
    return block


def main() -> None:
    """Print the thresholds and write those that stand in the rulesets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--rulesets", type=Path, default=RULESETS)
    arguments = parser.parse_args()
    found = pick(cascade_of(arguments.data, arguments.weights, "cal", arguments.work))
    for hazard, by in found.items():
        print(hazard, by)
    for path in sorted(arguments.rulesets.glob("*.toml")):
        path.write_text(rewritten(path.read_text(encoding="utf-8"), found), encoding="utf-8")


if __name__ == "__main__":
    main()
