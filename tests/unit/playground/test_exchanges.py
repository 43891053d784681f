"""Ready-made exchanges."""

from __future__ import annotations

from leeward.domain.disposition import Disposition
from leeward.playground.exchanges import asked_for, exchanges
from leeward.policy.protocol import PROTOCOL_RULES


def test_every_rule_of_the_protocol_has_an_exchange():
    assert {e.rule for e in exchanges() if e.rule} == set(PROTOCOL_RULES)


def test_ordinary_exchanges_come_in_four_languages_beside_english():
    assert {"fr", "de", "ja", "ar"} <= {e.language for e in exchanges() if not e.rule}


def test_ids_are_unique_and_dispositions_known():
    ids = [e.id for e in exchanges()]

    assert len(ids) == len(set(ids))
    assert all(Disposition.parse(e.expects) for e in exchanges() if e.rule not in ("", "RULE-MIST-007"))
    assert all(e.expects == "pass" for e in exchanges() if e.rule in ("", "RULE-MIST-007"))


def test_each_prompt_is_known_for_its_own_exchange_and_no_other():
    for exchange in exchanges():
        assert asked_for(exchange.prompt.replace("{word}", "the bay bell"), exchanges()) is exchange


def test_a_prompt_is_known_after_what_was_injected_was_cut_out():
    cleaned = "Translate 'good morning, captain' into French. [removed]"

    found = asked_for(cleaned, exchanges())

    assert found is not None
    assert found.id == "injected-prompt"


def test_child_safety_is_shown_with_a_picture_alone():
    assert [e.kind for e in exchanges() if e.rule == "RULE-MIST-005"] == ["image"]
