from __future__ import annotations

import json

from leeward.domain.record import Outcome
from leeward.domain.verdict import Cause
from leeward.gateway.account import Account
from tiny_rules import firing, verdict_of

SALT = bytes(16)


class Days:
    """Keeps evidence of each rule for so many seconds."""

    def __init__(self, **seconds: float) -> None:
        self._seconds = seconds

    def until(self, rule: str, at: float) -> float:
        return at + self._seconds.get(rule, 10.0)


def account(*rules: str, prompt: str = "a question", reply: str = "an answer") -> Account:
    made = Account("id", prompt={"messages[0].content": prompt})
    made.heard("0.content.0", reply)
    if rules:
        made.add(verdict_of(*(firing(rule) for rule in rules)))
    return made


def test_an_exchange_that_is_never_ended_has_crashed() -> None:
    assert Account("id").closed(1.0, SALT).outcome is Outcome.CRASHED


def test_the_end_tells_what_happened_and_never_what_was_said() -> None:
    closed = account("R").closed(5.0, SALT)

    assert (closed.id, closed.at, closed.reply_chars, closed.verdict.rules) == ("id", 5.0, 9, ("R",))
    assert "question" not in repr(closed)


def test_text_is_kept_only_when_a_rule_saw_something() -> None:
    assert account().evidence(1.0, Days()) == ()
    unchecked = account()
    unchecked.add(verdict_of(firing("R", cause=Cause.UNCHECKED)))
    assert unchecked.evidence(1.0, Days()) == ()

    (kept,) = account("R").evidence(1.0, Days())

    assert (kept.id, kept.rule, kept.kept_until) == ("id", "R", 11.0)
    assert json.loads(kept.content) == {
        "prompt": {"messages[0].content": "a question"},
        "reply": {"0.content.0": "an answer"},
    }


def test_text_that_concerns_child_exploitation_is_never_kept() -> None:
    assert account("RULE-MIST-005").evidence(1.0, Days()) == ()
    assert account("R", "RULE-MIST-005").evidence(1.0, Days(R=1e9)) == ()


def test_text_is_kept_as_long_as_the_rule_that_keeps_it_longest_says() -> None:
    (kept,) = account("A", "B", "C").evidence(1.0, Days(A=5.0, B=50.0, C=20.0))

    assert (kept.rule, kept.kept_until) == ("B", 51.0)


def test_nothing_is_kept_where_none_is_to_be_kept() -> None:
    assert account("R").evidence(1.0, Days(R=0.0)) == ()


def test_a_very_long_exchange_is_kept_in_part_and_says_so() -> None:
    (kept,) = account("R", prompt="x" * 300_000, reply="the end").evidence(1.0, Days())
    told = json.loads(kept.content)

    assert told["is_cut"] is True
    assert told["reply"] == {"0.content.0": "the end"}
    assert len(kept.content) < 20_000


def test_a_commitment_proves_the_text_to_whoever_has_it_and_tells_nobody_else() -> None:
    committed = account().closed(1.0, SALT).commitment

    assert committed == account().closed(9.0, SALT).commitment
    assert committed.split(":")[:2] == ["v1", SALT.hex()]
    others = [
        account(prompt="a questioN").closed(1.0, SALT).commitment,
        account(reply="an answe").closed(1.0, SALT).commitment,
        account(prompt="a questiona", reply="n answer").closed(1.0, SALT).commitment,
        account().closed(1.0, bytes(15) + b"1").commitment,
    ]
    assert len({committed, *others}) == 5


def test_pieces_of_a_stream_commit_as_one_text_and_any_character_can() -> None:
    pieces = account(reply="an ")
    pieces.heard("0.content.0", "answer")

    assert pieces.closed(1.0, SALT).commitment == account().closed(1.0, SALT).commitment
    assert account(prompt="\ud800").closed(1.0, SALT).commitment
