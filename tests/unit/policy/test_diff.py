from __future__ import annotations

from known_detectors import KNOWN, PROTOCOL
from leeward.domain.rule import Ruleset
from leeward.policy.diff import compare
from leeward.policy.loader import load_all
from leeward.policy.reading import Source

OWN = """
[[rule]]
id = "ACME-001"
name = "{name}"
trigger = "A code name leaves the house."
stages = [{stages}]
disposition = "block"
duties = [{duties}]
level = {level}
level_on_repeat = 3
on_failure = "block"
release = "{release}"
dry_run = {dry_run}
[[rule.when]]
detector = "front-text"
counts = {counts}
[rule.when.thresholds]
hate = {hate}
{more}
"""
PLAIN = {
    "name": "Own",
    "stages": '"prompt"',
    "duties": '"log"',
    "level": "1",
    "release": "as_examined",
    "dry_run": "false",
    "counts": "true",
    "hate": "0.5",
    "more": "",
}


def acme(text: str) -> Ruleset:
    top = 'name = "acme-v1"\nversion = "1.0.0"\nextends = "mistral-v1"\n'
    loaded = load_all([PROTOCOL, Source(name="acme.toml", text=top + text)], known=KNOWN)
    assert isinstance(loaded, dict)
    return loaded["acme-v1"].ruleset


BASE = acme("")


def own(**changed: str) -> Ruleset:
    return acme(OWN.format(**{**PLAIN, **changed}))


def words(old: Ruleset, new: Ruleset) -> list[str]:
    return [str(change).removeprefix("ACME-001: ") for change in compare(old, new)]


def both_ways(**changed: str) -> tuple[list[str], list[str]]:
    return words(own(), own(**changed)), words(own(**changed), own())


def test_a_ruleset_does_not_differ_from_itself() -> None:
    assert compare(BASE, BASE) == ()


def test_rules_are_added_and_removed() -> None:
    assert words(BASE, own()) == ["added: Own → block"]
    assert words(own(), BASE) == ["removed: Own → block"]


def test_a_threshold_is_told_once_for_all_its_stages() -> None:
    lower = acme("[tighten.RULE-MIST-001.thresholds.front-text]\nhate = 0.4\n")

    assert words(BASE, lower) == [
        "RULE-MIST-001: stricter: front-text hate: threshold 0.5 → 0.4 (in prompt, instructions, reply)"
    ]


def test_a_threshold_of_one_language_names_the_language() -> None:
    assert both_ways(hate="{ default = 0.5, fr = 0.6 }") == (
        ["looser: front-text hate [fr]: threshold 0.5 → 0.6 (in prompt)"],
        ["stricter: front-text hate [fr]: threshold 0.6 → 0.5 (in prompt)"],
    )


def test_a_language_that_moves_with_the_rest_is_not_told_again() -> None:
    was, is_ = own(hate="{ default = 0.5, fr = 0.5 }"), own(hate="{ default = 0.4, fr = 0.4 }")

    assert words(was, is_) == ["stricter: front-text hate: threshold 0.5 → 0.4 (in prompt)"]


def test_hazards_and_stages_that_join_are_stricter() -> None:
    assert both_ways(more="violence = 0.5") == (
        ["stricter: front-text violence now fires the rule (in prompt)"],
        ["looser: front-text violence no longer fires the rule (in prompt)"],
    )
    assert both_ways(stages='"prompt", "reply"') == (
        ["stricter: stages + reply", "stricter: front-text hate now fires the rule (in reply)"],
        ["looser: stages - reply", "looser: front-text hate no longer fires the rule (in reply)"],
    )


def test_duties_levels_release_and_dry_runs_have_a_direction() -> None:
    assert both_ways(duties='"log", "alert"', level="2", release="at_end") == (
        ["stricter: release as_examined → at_end", "stricter: level 1 → 2", "stricter: duties + alert"],
        ["looser: release at_end → as_examined", "looser: level 2 → 1", "looser: duties - alert"],
    )
    assert both_ways(dry_run="true") == (
        ["looser: dry_run false → true"],
        ["stricter: dry_run true → false"],
    )


def test_a_dry_run_of_one_hazard_is_looser() -> None:
    tried = acme('[relax.RULE-MIST-001]\nreason = "r"\ndry_run = true\nhazards = ["violence"]\n')

    assert words(BASE, tried) == [
        "RULE-MIST-001: looser: front-text violence: dry_run false → true (in prompt, instructions, reply)",
        "RULE-MIST-001: looser: text-patterns violence: dry_run false → true (in prompt, instructions, reply)",
    ]


def test_no_longer_counting_is_looser() -> None:
    assert both_ways(counts="false") == (
        ["looser: front-text hate: counts true → false (in prompt)"],
        ["stricter: front-text hate: counts false → true (in prompt)"],
    )


def test_other_words_change_no_verdict() -> None:
    assert both_ways(name="Mine") == (["other: name reads otherwise"], ["other: name reads otherwise"])
