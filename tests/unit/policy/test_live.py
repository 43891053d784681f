from __future__ import annotations

from known_detectors import KNOWN
from leeward.policy.book import RulesetBook
from leeward.policy.live import LiveRulesets, Swapped, read_book
from leeward.policy.problems import Refused
from leeward.policy.reading import Source

TOP = 'name = "acme-v1"\nversion = "1.0.0"\nextends = "mistral-v1"\n'


def sources(rest: str = "") -> list[Source]:
    return [Source(name="acme.toml", text=TOP + rest)]


def live() -> LiveRulesets:
    book = read_book(sources(), known=KNOWN, default="acme-v1")
    assert isinstance(book, RulesetBook)
    return LiveRulesets(book)


def test_sound_rules_are_used_at_once_and_the_change_is_told() -> None:
    rulesets = live()
    swapped = rulesets.offer(sources('[tighten.RULE-MIST-001]\ndisposition = "hard_block"\n'), known=KNOWN)

    assert isinstance(swapped, Swapped)
    assert rulesets.book is swapped.book
    assert {name: [str(c) for c in found] for name, found in swapped.changes.items()} == {
        "acme-v1": ["RULE-MIST-001: stricter: disposition block → hard_block"]
    }


def test_a_bad_file_changes_nothing_and_says_why() -> None:
    rulesets = live()
    before = rulesets.book
    refused = rulesets.offer(sources('[relax.RULE-MIST-005]\nreason = "no"\ndry_run = true\n'), known=KNOWN)

    assert isinstance(refused, Refused)
    assert [p.where for p in refused.problems] == ["relax.RULE-MIST-005"]
    assert rulesets.book is before


def test_the_default_cannot_vanish() -> None:
    rulesets = live()
    before = rulesets.book
    refused = rulesets.offer([], known=KNOWN)

    assert isinstance(refused, Refused)
    assert rulesets.book is before


def test_an_exchange_keeps_the_rules_with_which_it_began() -> None:
    rulesets = live()
    at_start = rulesets.book.default
    rulesets.offer(sources("[tighten.RULE-MIST-002]\nlevel = 2\n"), known=KNOWN)

    assert at_start.rule("RULE-MIST-002").level == 1
    assert rulesets.book.default.digest != at_start.digest


def test_the_same_rules_again_change_nothing() -> None:
    swapped = live().offer(sources("# A comment.\n"), known=KNOWN)

    assert isinstance(swapped, Swapped)
    assert swapped.changes == {}


def test_rulesets_that_come_and_go_are_told_by_their_rules() -> None:
    rulesets = live()
    more = Source(name="b.toml", text='name = "b"\nversion = "1.0.0"\nextends = "mistral-v1"\n')
    came = rulesets.offer([*sources(), more], known=KNOWN)
    went = rulesets.offer(sources(), known=KNOWN)

    assert isinstance(came, Swapped)
    assert isinstance(went, Swapped)
    assert [{c.effect.value for c in swap.changes["b"]} for swap in (came, went)] == [{"added"}, {"removed"}]
