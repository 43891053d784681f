from hypothesis import given
from hypothesis import strategies as st

from leeward.gateway import call_ids
from leeward.gateway.wire.body import Object

LONG = "call_0a1b2c3d4e5f6g7h8i9j"


def said(*ids: str) -> list[Object]:
    calls: list[Object] = [{"role": "assistant", "tool_calls": [{"id": each} for each in ids]}]
    return calls + [{"role": "tool", "tool_call_id": each} for each in ids]


@given(st.lists(st.text(max_size=40), max_size=6))
def test_every_id_becomes_nine_letters_or_digits_of_its_own_and_comes_back(ids: list[str]) -> None:
    given_ids = said(*ids)
    names = call_ids.shorten(given_ids)
    sent = said(*ids)
    for message in sent:
        call_ids.swap(message, names)
    seen = {str(m["tool_call_id"]) for m in sent if "tool_call_id" in m} - {"null"}

    assert all(len(each) == 9 and each.isascii() and each.isalnum() for each in seen)
    assert len(seen) == len(set(ids) - {"null"})
    for message in sent:
        call_ids.swap(message, {short: long for long, short in names.items()})
    assert sent == said(*ids)


def test_the_same_id_gets_the_same_name_in_every_turn_of_a_conversation() -> None:
    assert call_ids.shorten(said(LONG)) == {LONG: call_ids.shorten(said("other_call_id", LONG))[LONG]}


def test_a_short_id_stays_as_it_is() -> None:
    assert call_ids.shorten(said("aB3dE6gH9", "null")) == {}


def test_a_short_id_is_never_given_to_a_long_one() -> None:
    taken = call_ids.shorten(said(LONG))[LONG]

    assert call_ids.shorten(said(taken, LONG))[LONG] != taken


def test_the_callers_own_calls_are_not_changed() -> None:
    call: Object = {"id": LONG}
    message: Object = {"tool_calls": [call]}
    call_ids.swap(message, {LONG: "aB3dE6gH9"})

    assert (call, message) == ({"id": LONG}, {"tool_calls": [{"id": "aB3dE6gH9"}]})


def test_half_a_surrogate_pair_is_only_a_name() -> None:
    assert list(call_ids.shorten(said("\ud800"))) == ["\ud800"]
