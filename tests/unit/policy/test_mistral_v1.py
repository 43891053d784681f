"""The built-in ruleset says what the protocol says."""

from __future__ import annotations

import pytest

from known_detectors import KNOWN
from leeward.domain.disposition import Disposition, Duty
from leeward.domain.rule import Rule
from leeward.domain.view import Stage
from leeward.policy.loader import load_builtin

RULESET = load_builtin(known=KNOWN).ruleset

# Mistral AI Safety Protocol, Safety Rules & Triggers.
PROTOCOL = [
    line.split(" | ")
    for line in """
RULE-MIST-001 | Harmful Content | Generation of hate speech, harassment, or violence incitement. | Content Block + Log
RULE-MIST-002 | Code Vulnerability | Generation of code with known security vulnerabilities. | Warning + Safe Alternative
RULE-MIST-003 | License Violation | Attempts to circumvent model usage license terms. | Usage Restriction
RULE-MIST-004 | Self-Harm | Content promoting or instructing self-harm. | Immediate Block + Resources
RULE-MIST-005 | CSAM | Any content related to child exploitation. | Immediate Block + Report
RULE-MIST-006 | Malware Generation | Attempts to create malicious software or exploits. | Hard Block
RULE-MIST-007 | Biased Stereotyping | Systematic bias in multilingual outputs. | Flag for Retraining
RULE-MIST-008 | Misinformation | Confident generation of verifiably false factual claims. | Uncertainty Flag
RULE-MIST-009 | Prompt Injection | Attempts to bypass system instructions via injection. | Input Sanitization
RULE-MIST-010 | Model Extraction | Attempts to distill or extract the model weights. | Rate Limit + Alert
""".strip().splitlines()  # noqa: E501
]

# What each required action comes to, and what happens when a detector could not look.
ACTIONS = {
    "RULE-MIST-001": ("block", "log", "block"),
    "RULE-MIST-002": ("annotate", "log safe_alternative", "annotate"),
    "RULE-MIST-003": ("restrict", "log", "block"),
    "RULE-MIST-004": ("block", "log resources", "block"),
    "RULE-MIST-005": ("hard_block", "log report alert", "block"),
    "RULE-MIST-006": ("hard_block", "log", "block"),
    "RULE-MIST-007": ("pass", "log retrain", "pass"),
    "RULE-MIST-008": ("annotate", "log uncertainty", "annotate"),
    "RULE-MIST-009": ("sanitize", "log", "block"),
    "RULE-MIST-010": ("throttle", "log alert", "pass"),
}


def test_the_ten_rules_are_worded_as_the_protocol_words_them() -> None:
    assert [[r.id, r.name, r.trigger, r.action] for r in RULESET.rules] == PROTOCOL


@pytest.mark.parametrize("rule", RULESET.rules, ids=lambda rule: rule.id)
def test_each_required_action_is_taken(rule: Rule) -> None:
    disposition, duties, on_failure = ACTIONS[rule.id]

    assert rule.disposition == Disposition.parse(disposition)
    assert rule.duties == {Duty(word) for word in duties.split()}
    assert rule.on_failure == Disposition.parse(on_failure)
    assert rule.clause == f"Safety Rules & Triggers, {rule.id}"
    assert rule.pack == "protocol"


def test_child_safety_is_asked_wherever_text_or_images_are() -> None:
    stages = RULESET.rule("RULE-MIST-005").stages

    # Code and tool calls are text of the reply as well, and examined there.
    assert stages == {*Stage} - {Stage.CODE, Stage.TOOL_CALL, Stage.EXCHANGE, Stage.TRAFFIC}


def test_a_person_in_distress_never_counts_as_a_violator() -> None:
    distress = [c for c in RULESET.rule("RULE-MIST-004").conditions if c.matches("distress")]

    assert distress
    assert not any(c.counts for c in distress)
    assert all(c.stages == {Stage.PROMPT} for c in distress)


def test_only_child_safety_starts_above_level_one_beside_extraction() -> None:
    assert [r.id for r in RULESET.rules if r.level > 1] == ["RULE-MIST-005", "RULE-MIST-010"]


def test_an_unregistered_model_is_refused_and_no_fault_of_the_caller() -> None:
    unknown = [c for c in RULESET.rule("RULE-MIST-003").conditions if c.matches("licence.unknown")]

    assert [(c.dry_run, c.counts) for c in unknown] == [(False, False)]


def test_what_an_operator_accepts_and_what_is_only_suspected_is_recorded_without_effect() -> None:
    hazards = ("licence.unknown-accepted", "licence.production-shaped")
    conditions = RULESET.rule("RULE-MIST-003").conditions
    some = {(h, c.dry_run, c.counts) for h in hazards for c in conditions if c.matches(h)}

    assert some == {(hazard, True, False) for hazard in hazards}


def test_the_usage_policy_only_scores() -> None:
    addition = load_builtin("usage-policy", known=KNOWN)

    assert addition.is_addition
    assert {r.disposition for r in addition.ruleset.rules} == {Disposition.PASS}
    assert not any(c.counts for r in addition.ruleset.rules for c in r.conditions)
