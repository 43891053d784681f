from __future__ import annotations

import pytest

from known_detectors import KNOWN
from leeward.policy.book import RulesetBook
from leeward.policy.live import read_book
from leeward.policy.problems import Refused
from leeward.policy.reading import Source

PATTERN_RULE = """
[[rule]]
id = "ACME-001"
name = "Code names"
trigger = "A code name leaves the house."
stages = ["reply"]
disposition = "block"
duties = ["log"]
on_failure = "block"
patterns = { literals = ["project heron"] }
"""


def file(name: str, attach: str, rest: str = "") -> Source:
    text = f'name = "{name}"\nversion = "1.0.0"\nextends = "mistral-v1"\n{rest}\n[[attach]]\n{attach}\n'
    return Source(name=f"{name}.toml", text=text)


def book_of(*sources: Source, default: str = "mistral-v1") -> RulesetBook:
    book = read_book(sources, known=KNOWN, default=default)
    assert isinstance(book, RulesetBook)
    return book


def test_the_default_judges_what_nothing_is_attached_to() -> None:
    book = book_of(file("acme", 'tenants = ["acme"]'))

    assert book.ruleset_for("other", "m", "chat.completions").name == "mistral-v1"
    assert book.ruleset_for("acme", "m", "chat.completions").name == "acme"


@pytest.mark.parametrize(
    ("tenant", "model", "endpoint", "expected"),
    [
        ("acme", "mistral-large", "chat.completions", "tenant"),
        ("bolt", "mistral-large", "chat.completions", "model"),
        ("bolt", "mistral-small", "chat.completions", "family"),
        ("bolt", "codestral", "fim.completions", "endpoint"),
        ("bolt", "codestral", "chat.completions", "mistral-v1"),
    ],
)
def test_the_narrowest_attachment_wins(tenant: str, model: str, endpoint: str, expected: str) -> None:
    sources = [
        file("family", 'models = ["mistral-*"]'),
        file("endpoint", 'endpoints = ["fim.*"]'),
        file("tenant", 'tenants = ["acme"]'),
        file("model", 'models = ["mistral-large", "mixtral-8x7b"]'),
    ]

    assert book_of(*sources).ruleset_for(tenant, model, endpoint).name == expected
    assert book_of(*sources[::-1]).ruleset_for(tenant, model, endpoint).name == expected


def test_two_rulesets_cannot_claim_the_same_place() -> None:
    refused = read_book([file("a", 'tenants = ["x"]'), file("b", 'tenants = ["y", "x"]')], known=KNOWN)

    assert isinstance(refused, Refused)
    assert [str(p) for p in refused.problems] == [
        "b: attach: 'a' is attached to the same place: tenant, model, endpoint = x, *, *"
    ]


def test_the_default_must_be_a_whole_ruleset() -> None:
    heir = Source(name="h.toml", text='name = "h"\nversion = "1.0.0"\nextends = ["mistral-v1", "usage-policy"]\n')
    words = []
    for default in ("usage-policy", "mistral"):
        refused = read_book([heir], known=KNOWN, default=default)
        assert isinstance(refused, Refused)
        words += [str(p) for p in refused.problems]

    assert words == [
        "settings: ruleset: 'usage-policy' only adds to a whole ruleset; extend it together with 'mistral-v1'",
        "settings: ruleset: unknown ruleset 'mistral'; did you mean 'mistral-v1'?",
    ]


def test_additions_do_not_judge_and_their_rules_do() -> None:
    heir = Source(name="h.toml", text='name = "h"\nversion = "1.0.0"\nextends = ["mistral-v1", "usage-policy"]\n')
    book = book_of(heir, default="h")

    assert [r.name for r in book.rulesets] == ["h", "mistral-v1"]
    assert "pii" in book.detectors


def test_the_book_lists_each_inline_pattern_once_and_its_detector() -> None:
    a = file("a", 'tenants = ["a"]', PATTERN_RULE)
    b = Source(name="b.toml", text='name = "b"\nversion = "1.0.0"\nextends = "a"\n')
    book = book_of(a, b)

    (patterns,) = book.patterns
    assert patterns.id in book.detectors
