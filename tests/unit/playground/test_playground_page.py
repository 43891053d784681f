"""The playground as data."""

from __future__ import annotations

from leeward.playground.exchanges import exchanges
from leeward.playground.page import playground_page

NAMES = {"RULE-MIST-002": "Code Vulnerability", "RULE-MIST-010": "Model Extraction", "OWN-1": "Own"}


def test_exchanges_stand_under_their_rule_in_order_of_the_rules():
    page = playground_page(exchanges(), NAMES, base_url="http://h/v1", burst_key="lw_x", model="m")

    assert [(group.rule, group.name) for group in page.groups] == sorted(NAMES.items())[1:]
    assert all(e.rule == group.rule for group in page.groups for e in group.exchanges)


def test_exchanges_of_rules_that_are_not_in_use_are_left_out():
    page = playground_page(exchanges(), {}, base_url="http://h/v1")

    assert page.groups == ()
    assert {e.rule for e in page.ordinary} == {""}


def test_no_burst_is_offered_where_it_would_cost_a_real_caller_its_quota():
    page = playground_page(exchanges(), NAMES, base_url="http://h/v1")

    assert [group.rule for group in page.groups] == ["RULE-MIST-002"]
    assert not page.is_demo
