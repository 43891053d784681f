from __future__ import annotations

from leeward.domain.disposition import Disposition
from leeward.domain.verdict import CLEAR, Cause, Verdict
from leeward.domain.view import Span
from leeward.gateway.explain import decision_headers, explain
from tiny_rules import firing, rule, ruleset, verdict_of

RULES = ruleset(rule("A", {"h": 0.5}))


def test_a_clear_exchange_is_explained_without_what_is_empty() -> None:
    assert explain("id", RULES, CLEAR) == {
        "decision_id": "id",
        "ruleset": f"tiny@sha256:{'1' * 12}",
        "language": "und",
        "disposition": "pass",
        "findings": [],
        "checked": [],
        "unchecked": [],
        "unmeasured": [],
    }


def test_what_was_seen_is_told_with_its_place_and_what_was_not_looked_for_apart() -> None:
    verdict = verdict_of(firing("A", span=Span(1, 4)), firing("B", cause=Cause.UNCHECKED), checked=("C",))
    told = explain("id", RULES, verdict, changes=["messages[0].content: cut"], appeal="https://x.example")

    assert [(f["rule"], f["span"]) for f in told["findings"]] == [("A", [1, 4])]  # type: ignore[index,union-attr,call-overload]
    assert (told["checked"], told["unchecked"], told["duties"]) == (["A", "C"], ["B"], ["log"])
    assert told["changes"] == ["messages[0].content: cut"]
    assert told["appeal"] == "https://x.example/appeals/id"


def test_rules_of_which_nobody_knows_how_well_they_are_checked_are_told() -> None:
    told = explain("id", RULES, Verdict(checked=frozenset("AB"), unmeasured=frozenset("B")))

    assert (told["checked"], told["unchecked"], told["unmeasured"]) == (["A", "B"], [], ["B"])


def test_what_was_done_to_the_request_is_told() -> None:
    edit = {"part": "messages[0].content", "span": [3, 9], "kind": "cut"}
    told = explain("id", RULES, CLEAR, edits=[edit], spotlit=["messages[0].content"])

    assert (told["edits"], told["spotlit"]) == ([edit], ["messages[0].content"])


def test_only_so_many_findings_are_told() -> None:
    many = verdict_of(*(firing("A", span=Span(n, n + 1)) for n in range(80)))

    assert len(explain("id", RULES, many)["findings"]) == 50  # type: ignore[arg-type]


def test_headers_carry_the_decision() -> None:
    headers = dict(decision_headers("id", RULES, verdict_of(firing(disposition=Disposition.HARD_BLOCK)), 0.0015))

    assert headers == {
        b"x-leeward-decision-id": b"id",
        b"x-leeward-disposition": b"hard_block",
        b"x-leeward-ruleset": f"tiny@sha256:{'1' * 12}".encode(),
        b"server-timing": b"leeward;dur=1.500",
    }
