from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.view import CONTEXT_CHARS
from leeward.inspection.context import SHORT_TURN_CHARS, contexts, newest_turn

LONG = "x" * SHORT_TURN_CHARS


def test_a_short_turn_is_read_with_the_turns_of_the_user_before_it_newest_last() -> None:
    said = [("user", "one"), ("assistant", "no"), ("user", "two"), ("tool", "data"), ("user", "three")]

    assert list(contexts(said)) == ["", "", "one", "", "one\ntwo"]


def test_a_turn_that_speaks_for_itself_is_read_alone() -> None:
    assert list(contexts([("user", "one"), ("user", LONG), ("user", LONG[1:])])) == ["", "", f"one\n{LONG}"]


def test_a_reply_is_read_with_what_the_user_said_last_without_an_answer_in_between() -> None:
    before = [("system", "be kind"), ("user", "one"), ("assistant", "no")]

    assert newest_turn([*before, ("user", "two"), ("user", "three")]) == "two\nthree"
    assert newest_turn([*before, ("user", "two"), ("assistant", ""), ("tool", "data")]) == "two"
    assert newest_turn(before[:1]) == ""


def test_an_empty_turn_adds_nothing() -> None:
    assert list(contexts([("user", "one"), ("user", ""), ("user", "two")])) == ["", "one", "one"]
    assert newest_turn([("user", "one"), ("user", "")]) == "one"


_SAID = st.lists(st.tuples(st.sampled_from(["user", "assistant", "system"]), st.text(max_size=700)), max_size=8)


@given(_SAID, _SAID)
def test_the_context_of_the_history_stays_while_the_conversation_grows(said: list, more: list) -> None:  # type: ignore[type-arg]
    assert list(contexts([*said, *more]))[: len(said)] == list(contexts(said))


@given(_SAID)
def test_only_the_last_of_it_is_kept(said: list) -> None:  # type: ignore[type-arg]
    assert all(len(context) <= CONTEXT_CHARS for context in (*contexts(said), newest_turn(said)))
