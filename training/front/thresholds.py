"""Picks the thresholds of the front classifier on the calibration fold, and writes them into the rulesets."""

from __future__ import annotations

import argparse
import math
import re
from pathlib import Path

import numpy as np
import numpy.typing as npt
from data import LANGUAGES
from evaluate import RULESETS, WEIGHTS
from export import ASSUMED_SHARE
from labels import HAZARDS
from scored import BLOCKING, OWN, RULES, Scored, score

# Share of everyday text that each hazard may stop; together at most 0.5 %.
BUDGETS = {
    "hate": 0.0008,
    "harassment": 0.0006,
    "violence": 0.0007,
    "self-harm": 0.0008,
    "distress": 0.0006,
    "child-exploitation": 0.0002,
    "malware": 0.0014,
    "licence.circumvention": 0.0004,
    "injection": 0.0010,
    "criminal": 0.0015,
    "dangerous": 0.0010,
    "stereotype": 0.0050,
    "misinformation": 0.0050,
    "sexual": 0.0010,
    "health": 0.0100,
    "financial": 0.0100,
    "law": 0.0100,
}
MOST, HIGHEST = 0.97, 0.99
LEAST = 0.3
# A rule that stops must be surer than not, a hard block and a charge of abuse surer still.
STOPS, STOPS_HARD, STOPS_ABUSE = 0.5, 0.65, 0.6
ABUSE = ("hate", "harassment", "violence")
HARD = ("malware", "child-exploitation")
# What a language must be measured on before it may have a threshold below `STOPS`.
BENIGN, HARMFUL = 300, 30
LANGUAGE_SHARE = 0.005  # of the everyday text of one language that all blocking rules together may stop
# Share of harmless requests of our own, near to harmful ones, that each hazard may stop.
NEAR_SHARE, NEAR_SHARE_HARD = 0.02, 0.01
PRECISION = 0.55  # least that a threshold must reach on labelled text of the hazard, over all sources alike


def main() -> None:
    """Print the thresholds and write those that stand in the rulesets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--rulesets", type=Path, default=RULESETS)
    arguments = parser.parse_args()
    found = pick(score(arguments.data, arguments.weights, "cal"))
    for hazard, by in found.items():
        print(hazard, by)
    for name in ("mistral-v1.toml", "usage-policy.toml"):
        path = arguments.rulesets / name
        path.write_text(rewritten(path.read_text(encoding="utf-8"), found), encoding="utf-8")


def pick(scored: Scored) -> dict[str, dict[str, float]]:
    """Return thresholds by hazard and language, `default` for all others."""
    everyday = np.array([row.everyday for row in scored.rows])
    near = np.array([row.source in OWN and not any(row.hazards.values()) for row in scored.rows])
    langs = np.array([row.lang for row in scored.rows])
    main_ones = everyday & np.isin(langs, LANGUAGES)
    stopping = {hazard for rule in BLOCKING for hazard in RULES[rule]}
    found: dict[str, dict[str, float]] = {}
    for at, hazard in enumerate(HAZARDS):
        chances = scored.chances[:, at]
        overall = np.quantile(chances[main_ones], 1 - BUDGETS[hazard])
        if hazard not in ASSUMED_SHARE:
            share = NEAR_SHARE_HARD if hazard in HARD else NEAR_SHARE
            overall = max(overall, np.quantile(chances[near], 1 - share))
        least = max(float(overall), _precise(scored, hazard, chances, LEAST), LEAST)
        floor = _floor(hazard)
        found[hazard] = {"default": min(_upwards(max(least, floor)), MOST)}
        if _upwards(least) < floor and hazard in stopping and hazard not in HARD:
            found[hazard] |= dict.fromkeys(_well_measured(scored, at, langs), _upwards(least))
    _relieve(scored, found, everyday, langs)
    return found


def _floor(hazard: str) -> float:
    """Return the lowest threshold of `hazard` for languages that are not well measured."""
    if hazard in HARD:
        return STOPS_HARD
    if hazard in ABUSE:
        return STOPS_ABUSE
    return STOPS if any(hazard in RULES[rule] for rule in BLOCKING) else LEAST


def _upwards(value: float) -> float:
    """Return `value` in hundredths, rounded up: rounding down would let the text pass that set it."""
    return math.ceil(round(value * 100, 6)) / 100


def _well_measured(scored: Scored, at: int, langs: npt.NDArray[np.str_]) -> list[str]:
    """Return the languages with enough harmless and harmful texts to vouch for a low threshold of one hazard."""
    truth = np.array([row.hazards.get(HAZARDS[at], np.nan) for row in scored.rows])
    return [
        lang
        for lang in LANGUAGES
        if (truth[langs == lang] == 0).sum() >= BENIGN and (truth[langs == lang] == 1).sum() >= HARMFUL
    ]


def _precise(scored: Scored, hazard: str, chances: npt.NDArray[np.float64], lowest: float) -> float:
    """Return the lowest score from which on at least `PRECISION` of labelled text has the hazard."""
    truth = np.array([row.hazards.get(hazard, np.nan) for row in scored.rows])
    known = ~np.isnan(truth) & ~np.array([row.everyday for row in scored.rows])
    if truth[known].sum() < 20 or hazard in ASSUMED_SHARE:
        return lowest
    for least in np.arange(lowest, MOST, 0.01):
        above = known & (chances >= least)
        if above.any() and truth[above].mean() >= PRECISION:
            return float(least)
    return MOST


def _relieve(
    scored: Scored, found: dict[str, dict[str, float]], everyday: npt.NDArray[np.bool_], langs: npt.NDArray[np.str_]
) -> None:
    """Raise thresholds of a language in which too much everyday text would be stopped, the cheapest step first."""
    hazards = [hazard for rule in BLOCKING for hazard in RULES[rule]]
    columns = [HAZARDS.index(hazard) for hazard in hazards]
    for lang in LANGUAGES:
        chances = scored.chances[np.ix_(everyday & (langs == lang), columns)]
        least = np.array([found[hazard].get(lang, found[hazard]["default"]) for hazard in hazards])
        while len(chances) and (chances >= least).any(1).mean() > LANGUAGE_SHARE:
            gaps = np.where(chances >= least, chances - least, np.inf)
            text, worst = np.unravel_index(gaps.argmin(), gaps.shape)
            least[worst] = round(float(chances[text, worst]) + 0.01, 2)
        for hazard, value in zip(hazards, least, strict=True):
            if value > found[hazard].get(lang, found[hazard]["default"]):
                found[hazard][lang] = min(float(value), HIGHEST)


def rewritten(text: str, found: dict[str, dict[str, float]]) -> str:
    """Return a ruleset with new thresholds in the conditions of the front classifier; nothing else changes."""
    blocks = re.split(r"(?m)^(?=\[\[)", text)
    return "".join(_block(block, found) if 'detector = "front-text"' in block else block for block in blocks)


def _block(block: str, found: dict[str, dict[str, float]]) -> str:
    for hazard, by in found.items():
        own = (
            "{ " + ", ".join(f"{lang} = {least}" for lang, least in by.items()) + " }"
            if len(by) > 1
            else str(by["default"])
        )
        name = f'"{hazard}"' if "." in hazard else hazard
        block = re.sub(rf"(?m)^{re.escape(name)} = (?:[\d.]+|\{{[^}}]*\}})$", f"{name} = {own}", block)
    return block


if __name__ == "__main__":
    main()
