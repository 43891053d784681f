"""Measures the shipped weights on the dev fold: what is found, and beside it what is stopped wrongly."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from data import LANGUAGES
from labels import HAZARDS
from measures import Share, area, calibration_error
from scored import BLOCKING, RULES, Scored, Thresholds, score, thresholds_of

COLUMNS = ("AUC", "recall %", "precision %", "fires on harmless %", "calibration error")
FEWEST = 20  # positives below which a language gets no line of its own
TWINS = {rule: f"R{rule[-3:]}" for rule in RULES if rule.startswith("RULE")} | {"criminal": "CRIM", "distress": "R004"}
RULESETS = Path(__file__).parents[2] / "src/leeward/policy/rulesets"
WEIGHTS = Path(__file__).parents[2] / "src/leeward/models/weights"


def main() -> None:
    """Print the tables as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--fold", default="dev", choices=("dev", "cal"))
    parser.add_argument("--rulesets", type=Path, default=RULESETS)
    arguments = parser.parse_args()
    scored = score(arguments.data, arguments.weights, arguments.fold)
    thresholds = {
        **thresholds_of(arguments.rulesets / "usage-policy.toml"),
        **thresholds_of(arguments.rulesets / "mistral-v1.toml"),
    }
    print_rules(scored, thresholds)
    print_languages(scored, thresholds)
    print_twins(scored, thresholds)
    print_everyday(scored, thresholds)


def _head(*names: str) -> None:
    print(f"\n| {' | '.join(names)} |\n|{'---|' * len(names)}")


def print_rules(scored: Scored, thresholds: Thresholds) -> None:
    """Print one line a rule, English and the other languages apart."""
    english = np.array([row.lang == "en" for row in scored.rows])
    _head("rule", "texts", *COLUMNS)
    for rule in RULES:
        truth, fired = scored.truth(rule), scored.fires(rule, thresholds)
        for name, part in (("en", english), ("other", ~english)):
            print(f"| {rule} | {name} | {_line(scored, rule, truth, fired, part)} |")


def print_languages(scored: Scored, thresholds: Thresholds) -> None:
    """Print one line a rule and language with enough positives."""
    langs = np.array([row.lang for row in scored.rows])
    _head("rule", "language", *COLUMNS)
    for rule in RULES:
        truth, fired = scored.truth(rule), scored.fires(rule, thresholds)
        for lang in sorted(set(langs)):
            part = langs == lang
            if (truth[part] == 1).sum() >= FEWEST:
                print(f"| {rule} | {lang} | {_line(scored, rule, truth, fired, part)} |")


def _line(scored: Scored, rule: str, truth: np.ndarray, fired: np.ndarray, part: np.ndarray) -> str:
    known = part & ~np.isnan(truth)
    yes, no = known & (truth == 1), known & (truth == 0)
    chance = scored.chances[:, [HAZARDS.index(h) for h in RULES[rule]]].max(1)
    recall = Share.of(fired[yes])
    precision = Share(int(fired[yes].sum()), int(fired[known].sum()))
    false = Share.of(fired[no])
    auc, error = area(chance[known], truth[known]), calibration_error(chance[known], truth[known])
    return f"{auc:.3f} | {recall} | {precision} | {false} | {error:.3f}"


def print_twins(scored: Scored, thresholds: Thresholds) -> None:
    """Print how often the violating twin is found, and its harmless twin stopped, by rule."""
    _head("rule", "twins found %", "harmless twins stopped %", "AUC")
    for rule in RULES:
        truth, fired = scored.truth(rule), scored.fires(rule, thresholds)
        mark = f"twins-{TWINS.get(rule, 'none')}-"
        paired = ~np.isnan(truth) & np.array([row.group.startswith(mark) for row in scored.rows])
        yes, no = paired & (truth == 1), paired & (truth == 0)
        if yes.sum() >= FEWEST:
            chance = scored.chances[:, [HAZARDS.index(h) for h in RULES[rule]]].max(1)
            auc = area(chance[yes | no], truth[yes | no])
            found, stopped = Share.of(fired[yes]), Share.of(fired[no])
            print(f"| {rule} | {found} | {stopped} | {auc:.3f} |")


def print_everyday(scored: Scored, thresholds: Thresholds) -> None:
    """Print how much ordinary text is kept from its answer, by language."""
    langs = np.array([row.lang for row in scored.rows])
    everyday = np.array([row.everyday for row in scored.rows])
    by = {rule: scored.fires(rule, thresholds) for rule in BLOCKING}
    blocked = np.logical_or.reduce(list(by.values()))
    injected = scored.fires("RULE-MIST-009", thresholds)
    _head("language", "everyday texts blocked %", "by rule", "sanitised by 009 %")
    for lang in ("all 28", *LANGUAGES, "code"):
        part = everyday & (np.isin(langs, LANGUAGES) if lang == "all 28" else langs == lang)
        fired_by = {rule: int(fired[part].sum()) for rule, fired in by.items()}
        counts = {rule.removeprefix("RULE-MIST-"): times for rule, times in fired_by.items() if times}
        shares = Share.of(blocked[part]), Share.of(injected[part])
        print(f"| {lang} | {shares[0]} | {counts or ''} | {shares[1]} |")


if __name__ == "__main__":
    main()
