from pathlib import Path

import pytest

from leeward.detectors.code.engine import scan
from leeward.detectors.code.grammar import GRAMMARS
from leeward.detectors.code.listing import listing
from leeward.detectors.code.rule import CodeRule, read_rule, rule_names, rules_for

RULES = [read_rule(name) for name in rule_names()]
BAD = [pytest.param(rule, code, id=f"{rule.id}-{i}") for rule in RULES for i, code in enumerate(rule.bad)]
GOOD = [pytest.param(rule, code, id=f"{rule.id}-{i}") for rule in RULES for i, code in enumerate(rule.good)]
PAGE = Path(__file__).parents[4] / "docs" / "code-rules.md"


@pytest.mark.parametrize(("rule", "code"), BAD)
def test_a_rule_finds_its_bad_example(rule: CodeRule, code: str) -> None:
    assert rule.id in {found.rule.id for found in scan(code, rule.languages[0])}


@pytest.mark.parametrize(("rule", "code"), GOOD)
def test_a_rule_passes_its_good_example(rule: CodeRule, code: str) -> None:
    assert rule.id not in {found.rule.id for found in scan(code, rule.languages[0])}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_a_rule_has_examples_both_ways_and_a_safe_form(rule: CodeRule) -> None:
    assert rule.bad
    assert rule.good
    assert rule.safe
    assert 0 < rule.confidence < 1


@pytest.mark.parametrize("grammar", GRAMMARS)
def test_each_grammar_has_rules(grammar: str) -> None:
    assert rules_for(grammar)


def test_no_two_rules_share_an_id() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)


def test_the_page_of_rules_is_current() -> None:
    assert listing() == PAGE.read_text(encoding="utf-8")
