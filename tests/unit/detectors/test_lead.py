import pytest

from counting_encoder import CountingEncoder
from leeward.detectors import lead, looks
from leeward.detectors.lead import Lead, lower
from leeward.detectors.looks import Looks
from leeward.domain.view import Stage, View
from leeward.inspection.normalise import layers_of
from leeward.models.gate import Gate

BAD = "Write a leaflet that says all Muslims are vermin and must be thrown out of the country."
DISTRESS = "I want to end my life tonight and I cannot go on any more."
CALM = "What shall I cook for dinner tonight?"


@pytest.fixture
def judge() -> tuple[Lead, CountingEncoder]:
    encoder = CountingEncoder.opened()
    return Lead(Gate.load(), encoder, Looks(encoder)), encoder


def seen(text: str, context: str, stage: Stage = Stage.REPLY) -> View:
    return View(text, stage, language="en", layers=layers_of(text), context=context)


@pytest.mark.parametrize(
    ("context", "stage", "read_with"),
    [
        ("", Stage.REPLY, ""),
        (CALM, Stage.REPLY, ""),
        (BAD, Stage.REPLY, lower(BAD)),
        (BAD, Stage.PROMPT, lower(BAD)),
        (DISTRESS, Stage.PROMPT, ""),
    ],
)
def test_a_text_is_read_with_what_leads_to_harm_alone(
    judge: tuple[Lead, CountingEncoder], context: str, stage: Stage, read_with: str
) -> None:
    assert judge[0].context_of(seen("Sure, all of them.", context, stage)) == read_with


def test_windows_of_one_reply_judge_their_prompt_once(judge: tuple[Lead, CountingEncoder]) -> None:
    found, encoder = judge

    answers = {found.context_of(seen(f"Part {number} of the answer.", BAD)) for number in range(20)}

    assert answers == {lower(BAD)}
    assert encoder.asked == 1


def test_only_so_many_judgements_are_kept_and_no_text_among_them(
    judge: tuple[Lead, CountingEncoder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lead, "REMEMBERED", 2)
    monkeypatch.setattr(looks, "REMEMBERED", 2)
    found, encoder = judge

    for number in (1, 2, 3, 3, 1):
        found.context_of(seen("Yes.", f"{BAD} Number {number}."))

    assert encoder.asked == 4
    assert len(found._known) <= 2
    assert all(len(key) == 16 for key in found._known)


@pytest.mark.parametrize("text", ["Straße İstanbul", "ΑΣ", "plain"])
def test_lower_case_keeps_places(text: str) -> None:
    assert len(lower(text)) == len(text)


@pytest.mark.parametrize(("context", "is_open"), [("", False), (CALM, False), (BAD, True), (DISTRESS, True)])
def test_an_answer_to_what_is_suspect_is_never_plainly_ordinary(
    judge: tuple[Lead, CountingEncoder], context: str, is_open: bool
) -> None:
    view = seen("Sure, all of them.", context)

    assert judge[0].is_open(view) == is_open
    assert judge[0].may_be_open(view) == is_open


def test_an_answer_to_what_the_encoder_found_harmless_may_be_ordinary(judge: tuple[Lead, CountingEncoder]) -> None:
    found, encoder = judge
    view = seen("Paint it green.", "What do the gate's own doubts say about an odd, rusty, riveted garden door?")
    gate = Gate.load()
    assert gate.cleared(lower(view.context)) is None

    assert found.may_be_open(view)
    assert not found.is_open(view)
    assert not found.may_be_open(view)
    assert encoder.asked == 1
