from __future__ import annotations

import pytest

from known_detectors import KNOWN
from leeward.policy.loader import load
from leeward.policy.reading import Source

WRITTEN = """
name = "acme-v1"
version = "1.0.0"
extends = "mistral-v1"

[[rule]]
id = "ACME-001"
name = "Code names"
trigger = "A code name leaves the house."
stages = ["prompt", "reply"]
disposition = "block"
duties = ["log", "alert"]
on_failure = "block"
[rule.patterns]
literals = ["project heron", "project egret"]
[[rule.when]]
detector = "front-text"
[rule.when.thresholds]
hate = { default = 0.50, fr = 0.4 }
malware = 0.5
"""

OTHERWISE = """
# The same, in another hand.
version = "1.0.0"
extends = ["mistral-v1"]
name = "acme-v1"
[[rule]]
on_failure = "block"
duties = ["alert", "log"]
disposition = "block"
stages = ["reply", "prompt"]
trigger = "A code name leaves the house."
name = "Code names"
id = "ACME-001"
level = 1
patterns = { literals = ["project egret", "project heron"] }
when = [{ thresholds = { malware = 5e-1, hate = { fr = 0.4, default = 0.5 } }, detector = "front-text" }]
"""


def digest(text: str) -> str:
    return load(Source(name="acme.toml", text=text), known=KNOWN).ruleset.digest


def test_the_same_rules_have_one_digest_however_they_are_written() -> None:
    assert digest(WRITTEN) == digest(OTHERWISE)


@pytest.mark.parametrize(
    ("was", "is_"),
    [
        ('version = "1.0.0"', 'version = "1.0.1"'),
        ('"block"\nduties', '"hard_block"\nduties'),
        ("fr = 0.4", "fr = 0.41"),
        ("fr = 0.4", "de = 0.4"),
        ("malware = 0.5", "malware = 0.6"),
        ("project egret", "project ibis"),
        ('["prompt", "reply"]', '["reply"]'),
        ('["log", "alert"]', '["log"]'),
        ("A code name leaves", "A name leaves"),
        ("[[rule]]", '[relax.RULE-MIST-001]\nreason = "r"\ndry_run = true\n[[rule]]'),
    ],
)
def test_what_can_change_a_verdict_or_a_record_changes_the_digest(was: str, is_: str) -> None:
    assert was in WRITTEN
    assert digest(WRITTEN) != digest(WRITTEN.replace(was, is_))


def test_the_digest_names_its_function_and_is_whole() -> None:
    name, _, value = digest(WRITTEN).partition(":")

    assert (name, len(value)) == ("sha256", 64)
