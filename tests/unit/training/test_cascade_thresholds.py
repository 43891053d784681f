"""Thresholds keep everyday text and harmless twins below their budgets, and only the cascade's are rewritten."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest
from data import Row
from rules import BLOCKING, RULES
from thresholds import BUDGETS, LANGUAGE_SHARE, LEAST, LEAST_OF, MOST, RULESETS, pick, rewritten
from thresholds_of import thresholds_of

from cascade import Cascade
from grown import LABELS, Text

RULESET = """
[[rule]]
id = "RULE-MIST-001"

[[rule.when]]
detector = "cascade-text"
[rule.when.thresholds]
hate = 0.5
"licence.circumvention" = { default = 0.6, fr = 0.7 }

[[rule.when]]
detector = "front-text"
[rule.when.thresholds]
hate = 0.8
"""


def cascade(chances: np.ndarray, langs: list[str], *, everyday: bool = True) -> Cascade:
    harmless = dict.fromkeys(LABELS, 0.0)
    source = "tatoeba" if everyday else "twins_en"
    texts = [
        Text(Row(f"t{at}", "text", lang, source, f"g{at}", "cal", harmless, everyday)) for at, lang in enumerate(langs)
    ]
    return Cascade(texts, langs, chances, np.zeros(len(langs), np.bool_), np.zeros((len(langs), len(LABELS))))


def both(everyday: np.ndarray, langs: list[str], near: np.ndarray) -> Cascade:
    one, other = cascade(everyday, langs), cascade(near, ["en"] * len(near), everyday=False)
    return Cascade(
        [*one.texts, *other.texts], [*langs, *other.seen], np.concatenate((everyday, near)),
        np.zeros(len(langs) + len(near), np.bool_), np.concatenate((one.truth, other.truth)),
    )  # fmt: skip


def low(size: int) -> np.ndarray:
    return np.full((size, len(LABELS)), 0.01)


def test_harmless_scores_leave_the_lowest_threshold() -> None:
    found = pick(both(low(200), ["en"] * 200, low(50)))

    assert {hazard: by["default"] for hazard, by in found.items()} == {h: LEAST_OF.get(h, LEAST) for h in BUDGETS}
    assert set(found) == set(BUDGETS)


def test_everyday_text_that_scores_high_raises_the_threshold_above_it() -> None:
    chances = low(400)
    chances[:40, LABELS.index("hate")] = 0.62

    assert pick(both(chances, ["en"] * 400, low(50)))["hate"]["default"] >= 0.62


def test_harmless_twins_raise_a_threshold_as_well() -> None:
    near = low(100)
    near[:30, LABELS.index("malware")] = 0.71

    assert pick(both(low(200), ["en"] * 200, near))["malware"]["default"] >= 0.71


def test_no_threshold_is_so_high_that_nothing_can_reach_it() -> None:
    chances = np.full((100, len(LABELS)), 0.999)

    assert max(by["default"] for by in pick(both(chances, ["en"] * 100, low(10))).values()) == MOST


def test_a_language_of_which_too_much_is_stopped_gets_thresholds_of_its_own() -> None:
    """One text in 3,000 is below the budget of all languages together, and ten in 200 are far too much for one."""
    chances, langs = low(40_000), ["en"] * 39_800 + ["th"] * 200
    chances[-10:, LABELS.index("injection")] = 0.1
    chances[-10:, LABELS.index("criminal")] = 0.42
    found = pick(both(chances, langs, low(50)))
    hazards = [hazard for rule in BLOCKING for hazard in RULES[rule]]
    least = [found[hazard].get("th", found[hazard]["default"]) for hazard in hazards]
    stopped = (chances[-200:, [LABELS.index(hazard) for hazard in hazards]] >= least).any(1).mean()

    assert found["criminal"]["th"] > found["criminal"]["default"]
    assert stopped <= LANGUAGE_SHARE


def test_only_conditions_of_the_cascade_are_rewritten() -> None:
    found = {"hate": {"default": 0.44, "fr": 0.9}, "licence.circumvention": {"default": 0.31}}
    rules = tomllib.loads(rewritten(RULESET, found))["rule"][0]["when"]

    assert rules[0]["thresholds"] == {"hate": {"default": 0.44, "fr": 0.9}, "licence.circumvention": 0.31}
    assert rules[1]["thresholds"] == {"hate": 0.8}


def test_rewriting_twice_changes_nothing_more() -> None:
    found = {"hate": {"default": 0.44, "fr": 0.9}}
    once = rewritten(RULESET, found)

    assert rewritten(once, found) == once


@pytest.mark.parametrize("path", sorted(RULESETS.glob("*.toml")), ids=lambda path: path.name)
def test_shipped_rulesets_stay_readable(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    new = tomllib.loads(rewritten(text, {hazard: {"default": 0.99} for hazard in BUDGETS}))

    assert [rule["id"] for rule in new["rule"]] == [rule["id"] for rule in tomllib.loads(text)["rule"]]


def test_thresholds_are_read_back_by_hazard_and_language(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(RULESET, encoding="utf-8")

    assert thresholds_of(tmp_path) == {
        "hate": {"default": 0.5}, "licence.circumvention": {"default": 0.6, "fr": 0.7},
    }  # fmt: skip
