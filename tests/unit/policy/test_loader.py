from __future__ import annotations

from dataclasses import replace

import pytest

from known_detectors import KNOWN, PROTOCOL
from leeward.domain.disposition import Disposition, Duty, Release
from leeward.domain.rule import Condition, Rule, Ruleset
from leeward.domain.view import Stage
from leeward.errors import RulesetError
from leeward.policy.checks import hard_blocks_are_not_loosened
from leeward.policy.draft import LoadedRuleset
from leeward.policy.loader import load, load_all, load_builtin
from leeward.policy.problems import Refused
from leeward.policy.reading import Reader, Source

TOP = 'name = "acme-v1"\nversion = "1.0.0"\nextends = "mistral-v1"\n'
OWN_RULE = """
[[rule]]
id = "ACME-001"
name = "Code names"
trigger = "A code name leaves the house."
stages = ["prompt", "reply"]
disposition = "block"
duties = ["log"]
on_failure = "block"
"""
PATTERNS = """patterns = { literals = ["project heron"], regexes = ['HERON-\\d{4}'] }
"""


def acme(text: str, top: str = TOP) -> LoadedRuleset:
    loaded = load_all([PROTOCOL, Source(name="acme.toml", text=top + text)], known=KNOWN)
    if isinstance(loaded, Refused):
        raise loaded.error()
    return loaded["acme-v1"]


BASE = load_all([PROTOCOL], known=KNOWN)
assert isinstance(BASE, dict)
RULES = BASE["mistral-v1"].ruleset


def conditions(rule: Rule, hazard: str) -> list[Condition]:
    return [c for c in rule.conditions if hazard in c.hazards]


def test_inherited_rules_come_first_and_unchanged() -> None:
    loaded = acme(OWN_RULE + PATTERNS)

    assert loaded.ruleset.rules[:10] == RULES.rules
    assert [r.id for r in loaded.ruleset.rules[10:]] == ["ACME-001"]
    assert loaded.ruleset.rules[10].pack == "acme-v1"


def test_a_pattern_rule_asks_a_detector_of_its_own() -> None:
    loaded = acme(OWN_RULE + PATTERNS)

    (patterns,) = loaded.patterns
    (condition,) = loaded.ruleset.rule("ACME-001").conditions
    assert condition.detector == patterns.id
    assert condition.hazards == (patterns.hazard,) == ("pattern.ACME-001",)
    assert patterns.literals == ("project heron",)
    assert patterns.regexes == ("(?i:HERON-\\d{4})",)


def test_equal_patterns_share_a_detector_and_others_do_not() -> None:
    one, same, other = (acme(OWN_RULE + f'patterns = {{ literals = ["{w}"] }}') for w in ("heron", "heron", "egret"))

    assert one.patterns[0].id == same.patterns[0].id != other.patterns[0].id
    assert one.patterns[0].id.startswith("patterns:ACME-001@")


def test_a_rule_may_ask_a_classifier_label_with_thresholds_by_language() -> None:
    when = """
[[rule.when]]
detector = "front-text"
stages = ["prompt"]
counts = false
dry_run = true
[rule.when.thresholds]
hate = { default = 0.5, fr = 0.6 }
violence = { fr = 0.6, default = 0.5 }
harassment = 1
"""
    stages = """
[[rule.when]]
detector = "text-patterns"
[rule.when.thresholds]
hate = 0.5
"""
    first, second, third = acme(OWN_RULE + when + stages).ruleset.rule("ACME-001").conditions

    assert first == Condition(
        detector="front-text",
        hazards=("hate", "violence"),
        threshold=0.5,
        thresholds={"fr": 0.6},
        stages=frozenset({Stage.PROMPT}),
        counts=False,
        dry_run=True,
    )
    assert (second.hazards, second.threshold) == (("harassment",), 1.0)
    assert (third.detector, third.stages, third.counts) == ("text-patterns", frozenset(), True)


def test_tightening_changes_only_what_it_names() -> None:
    tighten = """
[tighten.RULE-MIST-001]
disposition = "hard_block"
duties = ["alert"]
level = 2
level_on_repeat = 3
release = "at_end"
[tighten.RULE-MIST-009]
on_failure = "hard_block"
"""
    rules = acme(tighten).ruleset
    rule, base = rules.rule("RULE-MIST-001"), RULES.rule("RULE-MIST-001")

    assert rule.disposition is Disposition.HARD_BLOCK
    assert rule.duties == {Duty.LOG, Duty.ALERT}
    assert (rule.level, rule.level_on_repeat) == (2, 3)
    assert rule.release is Release.AT_END
    assert (rule.on_failure, rule.conditions) == (base.on_failure, base.conditions)
    assert rules.rule("RULE-MIST-009").on_failure is Disposition.HARD_BLOCK


def test_a_higher_level_lifts_the_level_on_repeat() -> None:
    rule = acme("[tighten.RULE-MIST-001]\nlevel = 3\n").ruleset.rule("RULE-MIST-001")

    assert (rule.level, rule.level_on_repeat) == (3, 3)


def test_a_tightened_threshold_leaves_its_neighbours_alone() -> None:
    rule = acme("[tighten.RULE-MIST-001.thresholds.front-text]\nhate = 0.4\n").ruleset.rule("RULE-MIST-001")

    front = {h: c.threshold for c in rule.conditions if c.detector == "front-text" for h in c.hazards}
    patterns = {c.threshold for c in rule.conditions if c.detector == "text-patterns"}
    assert front == {"harassment": 0.5, "violence": 0.5, "hate": 0.4}
    assert patterns == {0.5}


def test_a_threshold_can_be_tightened_for_one_language() -> None:
    text = "[tighten.RULE-MIST-001.thresholds.front-text]\nhate = { fr = 0.3 }\n"
    hate = conditions(acme(text).ruleset.rule("RULE-MIST-001"), "hate")

    (front,) = [c for c in hate if c.detector == "front-text"]
    assert (front.least("fr"), front.least("en")) == (0.3, 0.5)


def test_one_member_of_a_family_can_be_tightened() -> None:
    text = '[tighten.RULE-MIST-002.thresholds.code-scan]\n"CWE-89" = 0.2\n'
    rule = acme(text).ruleset.rule("RULE-MIST-002")

    assert [(c.hazards, c.threshold) for c in rule.conditions] == [(("CWE-*",), 0.5), (("CWE-89",), 0.2)]


def test_enforcing_ends_a_dry_run() -> None:
    rule = acme('[tighten.RULE-MIST-003]\nenforce = ["licence.unknown"]\n').ruleset.rule("RULE-MIST-003")

    assert [c.dry_run for c in conditions(rule, "licence.unknown")] == [False]


def test_a_rule_can_be_put_in_a_dry_run_and_says_why() -> None:
    text = '[relax.RULE-MIST-001]\nreason = "First week."\ndry_run = true\n'

    assert acme(text).ruleset.rule("RULE-MIST-001").dry_run


def test_one_hazard_can_be_put_in_a_dry_run() -> None:
    text = '[relax.RULE-MIST-001]\nreason = "Crime novels."\ndry_run = true\nhazards = ["violence"]\n'
    rule = acme(text).ruleset.rule("RULE-MIST-001")

    assert not rule.dry_run
    assert {h: c.dry_run for c in rule.conditions for h in c.hazards} == {
        "hate": False,
        "harassment": False,
        "violence": True,
    }


def test_a_threshold_below_a_hard_block_can_be_relaxed() -> None:
    text = '[relax.RULE-MIST-001]\nreason = "A forum."\nthresholds = { front-text = { hate = 0.8 } }\n'
    rule = acme(text).ruleset.rule("RULE-MIST-001")

    assert sorted(c.threshold for c in conditions(rule, "hate")) == [0.5, 0.8]


def test_relaxing_for_all_languages_keeps_what_is_looser_already() -> None:
    rule = """
[[rule.when]]
detector = "front-text"
[rule.when.thresholds]
hate = { default = 0.5, fr = 0.9, de = 0.4 }
"""
    base = Source(name="base.toml", text=TOP + OWN_RULE + rule)
    looser = (
        'name = "b"\nversion = "1.0.0"\nextends = "acme-v1"\n[relax.ACME-001]\nreason = "Quiet."\n'
        "thresholds = { front-text = { hate = 0.7 } }\n"
    )
    loaded = load_all([Source(name="b.toml", text=looser), base, PROTOCOL], known=KNOWN)

    assert isinstance(loaded, dict)
    (condition,) = loaded["b"].ruleset.rule("ACME-001").conditions
    assert [condition.least(tag) for tag in ("en", "fr", "de")] == [0.7, 0.9, 0.7]


def test_files_extend_each_other_in_any_order() -> None:
    first = Source(name="a.toml", text=TOP + OWN_RULE + PATTERNS)
    second = Source(name="b.toml", text='name = "b"\nversion = "1.0.0"\nextends = ["acme-v1", "usage-policy"]\n')
    loaded = load_all([second, first], known=KNOWN)

    assert isinstance(loaded, dict)
    assert list(loaded) == ["mistral-v1", "acme-v1", "usage-policy", "b"]
    assert loaded["b"].patterns == loaded["acme-v1"].patterns


def test_the_same_rule_by_two_ways_is_one_rule() -> None:
    first = Source(name="a.toml", text=TOP)
    second = Source(name="b.toml", text='name = "b"\nversion = "1.0.0"\nextends = ["acme-v1", "mistral-v1"]\n')
    loaded = load_all([first, second], known=KNOWN)

    assert isinstance(loaded, dict)
    assert len(loaded["b"].ruleset.rules) == 10


def problems(*texts: str) -> list[str]:
    refused = load_all([Source(name=f"{n}.toml", text=t) for n, t in enumerate(texts)], known=KNOWN)
    assert isinstance(refused, Refused)
    return [str(p) for p in refused.problems]


def test_two_bases_that_disagree_are_refused() -> None:
    third = 'name = "b"\nversion = "1.0.0"\nextends = ["acme-v1", "mistral-v1"]\n'

    assert problems(TOP + "[tighten.RULE-MIST-001]\nlevel = 2\n", third) == [
        "1.toml: extends: the rulesets it extends disagree about RULE-MIST-001; extend only one that changes it"
    ]


def test_rulesets_that_extend_each_other_in_a_circle_are_refused() -> None:
    texts = (f'name = "{a}"\nversion = "1.0.0"\nextends = "{b}"\n' for a, b in ("ab", "bc", "ca"))

    assert problems(*texts) == ["2.toml: extends: rulesets extend each other in a circle: a → b → c → a"]


def test_a_name_is_taken_once() -> None:
    assert problems(TOP, TOP, TOP.replace("acme-v1", "mistral-v1")) == [
        "1.toml: name: another ruleset is called 'acme-v1'; choose a name of your own",
        "2.toml: name: another ruleset is called 'mistral-v1'; choose a name of your own",
    ]


def test_what_extends_a_broken_ruleset_is_not_blamed() -> None:
    broken = TOP + '[tighten.RULE-MIST-001]\ndisposition = "pass"\n'
    heir = 'name = "b"\nversion = "1.0.0"\nextends = "acme-v1"\n'

    assert problems(heir, broken) == ["1.toml: tighten.RULE-MIST-001: disposition: pass is weaker than block"]


def test_unreadable_keys_are_named_even_when_a_base_is_unknown() -> None:
    assert problems('name = "b"\nversion = 2\nextends = "nowhere"\n') == [
        "0.toml: extends: unknown ruleset 'nowhere'; known: b, mistral-v1, usage-policy",
        "0.toml: version: Expected str, got int",
    ]


def test_files_without_a_name_are_all_checked() -> None:
    assert problems('extends = "mistral-v1"\nversion = "1.0.0"\n', "") == [
        '0.toml: name: missing; e.g. name = "acme-v1"',
        "1.toml: rule: it has no rules, so it would let everything pass; extend 'mistral-v1' or write a [[rule]]",
        '1.toml: name: missing; e.g. name = "acme-v1"',
        '1.toml: version: missing; e.g. version = "1.0.0"',
        "1.toml: extends: RULE-MIST-001, RULE-MIST-002, RULE-MIST-003, RULE-MIST-004, RULE-MIST-005, RULE-MIST-006, "
        "RULE-MIST-007, RULE-MIST-008, RULE-MIST-009, RULE-MIST-010 would not be enforced; "
        'write extends = "mistral-v1"',
    ]


def test_an_addition_alone_does_not_make_a_ruleset() -> None:
    (problem,) = problems('name = "b"\nversion = "1.0.0"\nextends = "usage-policy"\n')

    assert problem.endswith('write extends = "mistral-v1", or both: extends = ["mistral-v1", "usage-policy"]')


def test_tables_of_the_wrong_shape_are_refused() -> None:
    assert problems(TOP + 'tighten = { RULE-MIST-001 = "block" }\nrule = [1]\n') == [
        "0.toml: rule: write a list of tables, each headed [[rule]]",
        "0.toml: tighten.RULE-MIST-001: write a table",
    ]


def test_a_change_without_a_base_is_refused() -> None:
    text = 'name = "b"\nversion = "1.0.0"\naddition = true\n[relax.RULE-MIST-001]\n'

    assert '0.toml: relax.RULE-MIST-001: nothing is inherited; write extends = "mistral-v1"' in problems(text)


def test_loading_raises_with_every_problem() -> None:
    with pytest.raises(RulesetError) as caught:
        load(
            Source(name="acme.toml", text=TOP + '[tighten.RULE-MIST-001]\ndisposition = "pass"\non_failure = "pass"\n'),
            known=KNOWN,
        )

    assert "disposition: pass is weaker than block" in caught.value.message
    assert "on_failure: pass is weaker than block" in caught.value.message
    assert caught.value.meaning == "The ruleset is not used: 2 problems."


def test_a_detector_that_is_not_installed_keeps_the_protocol_from_loading() -> None:
    without = {name: info for name, info in KNOWN.items() if name != "image-hash"}

    with pytest.raises(RulesetError, match="unknown detector 'image-hash'"):
        load_builtin(known=without)


def test_an_unknown_built_in_ruleset_is_refused_with_the_nearest() -> None:
    with pytest.raises(RulesetError, match="did you mean 'mistral-v1'"):
        load_builtin("mistral-v7", known=KNOWN)


def test_a_file_that_extends_the_shipped_protocol_is_loaded() -> None:
    loaded = load(Source(name="acme.toml", text=TOP), known=KNOWN)

    assert loaded.ruleset.name == "acme-v1"
    assert loaded.ruleset.rules == load_builtin(known=KNOWN).ruleset.rules


def test_a_phrase_longer_than_a_stream_is_held_back_is_refused() -> None:
    rule = OWN_RULE + f'patterns = {{ literals = ["{"a" * 401}"] }}\n'

    assert problems(TOP + rule) == ["0.toml: ACME-001: patterns.literals[0]: is longer than 400 characters"]


def test_an_earlier_release_is_not_tightening() -> None:
    late = TOP + OWN_RULE + 'release = "at_end"\n' + PATTERNS
    heir = 'name = "b"\nversion = "1.0.0"\nextends = "acme-v1"\n[tighten.ACME-001]\nrelease = "as_examined"\n'

    assert problems(late, heir) == [
        "1.toml: tighten.ACME-001: release: as_examined releases earlier than at_end",
    ]


def test_child_safety_is_never_relaxed_even_if_it_were_no_hard_block() -> None:
    rules = tuple(replace(rule, disposition=Disposition.BLOCK) for rule in RULES.rules)
    base = LoadedRuleset(Ruleset("base", "1.0.0", "sha256:0", rules))
    reader = Reader(Source(name="acme.toml", text='[relax.RULE-MIST-005]\nreason = "r"\ndry_run = true\n'))
    draft = reader.draft(reader.tables(), (base,))

    assert [p.text for p in hard_blocks_are_not_loosened.check(draft, KNOWN)] == [
        "CSAM may never be relaxed; remove this table"
    ]


def test_a_shipped_ruleset_is_held_to_the_protocol_too() -> None:
    text = PROTOCOL.text.partition("[[rule]]")[0].replace("mistral-v1", "mistral-v2") + OWN_RULE.replace(
        "ACME-001", "RULE-MIST-006"
    ).replace('"block"', '"hard_block"', 1)
    source = Source(name="v2.toml", text=text + "dry_run = true\n" + PATTERNS, is_builtin=True)
    refused = load_all([source], known=KNOWN)

    assert isinstance(refused, Refused)
    said = [str(p) for p in refused.problems]
    assert "v2.toml: RULE-MIST-006: dry_run: a hard block of the protocol is never a dry run" in said
    assert any(p.startswith("v2.toml: extends: RULE-MIST-001") and p.endswith("RULE-MIST-010 missing") for p in said)


def test_patterns_are_asked_only_where_there_is_text() -> None:
    rule = (OWN_RULE + PATTERNS).replace('["prompt", "reply"]', '["code", "image"]')
    hashes = '[[rule.when]]\ndetector = "image-hash"\nstages = ["image"]\nthresholds = { "image.known" = 0.5 }\n'
    images, patterns = acme(rule + hashes).ruleset.rule("ACME-001").conditions

    assert (images.stages, patterns.stages) == ({Stage.IMAGE}, {Stage.CODE})
