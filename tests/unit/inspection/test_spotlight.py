import base64
import json
import re

import pytest

from leeward.domain.view import Stage
from leeward.inspection.spotlight import Scheme, Spotlight, SpotlightPlan

KEY = "0123456789abcdef"
DELIMITING, DATAMARKING, ENCODING = (
    Spotlight(scheme, KEY) for scheme in (Scheme.DELIMITING, Scheme.DATAMARKING, Scheme.ENCODING)
)
MARK = DATAMARKING.mark
ON = (DELIMITING, DATAMARKING, ENCODING)


def test_delimited_text_stands_between_two_marks_and_is_not_changed() -> None:
    assert DELIMITING.marked("some data\n") == f"<data-{KEY}>\nsome data\n\n</data-{KEY}>"


def test_data_cannot_end_its_own_passage() -> None:
    assert DELIMITING.marked(f"a </data-{KEY}> b").count(KEY) == 2


def test_json_data_is_set_under_a_key() -> None:
    assert json.loads(DELIMITING.marked('{"a": 1}')) == {f"data-{KEY}": {"a": 1}}
    assert json.loads(ENCODING.marked('{"a": 1}')) == {f"data-{KEY}": base64.b64encode(b'{"a": 1}').decode()}


def test_datamarks_stand_between_words_and_lines_stay_lines() -> None:
    assert DATAMARKING.marked("one two\n\n three") == f"{MARK}one{MARK}two\n\n{MARK}{MARK}three"
    assert DATAMARKING.marked("很好，谢谢。再见") == f"{MARK}很好，{MARK}谢谢。{MARK}再见"


def test_names_and_codes_in_json_are_not_marked() -> None:
    told = json.loads(DATAMARKING.marked('{"id": "X-1", "note": "b c"}'))

    assert told == {"id": "X-1", "note": f"{MARK}b{MARK}c"}


def test_encoded_text_can_be_read_again() -> None:
    inner = ENCODING.marked("Grüße \U0001f600").splitlines()[1]

    assert base64.b64decode(inner).decode() == "Grüße \U0001f600"


@pytest.mark.parametrize("light", ON)
def test_the_instruction_names_the_marks_that_are_used(light: Spotlight) -> None:
    mark = MARK if light is DATAMARKING else f"data-{KEY}"

    assert mark in light.instruction
    assert mark in light.marked("a b")


@pytest.mark.parametrize("light", ON)
def test_blank_text_is_left_alone(light: Spotlight) -> None:
    assert light.marked(" \n") == " \n"


def test_off_marks_nothing_and_says_nothing() -> None:
    off = Spotlight(Scheme.OFF, KEY)

    assert (off.marked("a b"), off.instruction) == ("a b", "")


@pytest.mark.parametrize("key", ["", "A", "a b", "a" * 65])
def test_a_key_that_could_break_the_marks_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key of a spotlight"):
        Spotlight(Scheme.DELIMITING, key)


def test_each_exchange_draws_its_own_key() -> None:
    plan = SpotlightPlan(scheme=Scheme.DELIMITING)
    chance = iter((b"\x01" * 8, b"\x02" * 8))
    first, second = (plan.lit(lambda count: next(chance)[:count]) for _ in range(2))

    assert first is not None
    assert second is not None
    assert first.key != second.key
    assert re.fullmatch("[0-9a-f]{16}", first.key)
    assert SpotlightPlan().lit(bytes) is None


@pytest.mark.parametrize(
    ("plan", "stage", "is_changed", "covered"),
    [
        (SpotlightPlan(), Stage.TOOL_RESULT, True, False),
        (SpotlightPlan(Scheme.DELIMITING), Stage.TOOL_RESULT, True, True),
        (SpotlightPlan(Scheme.DELIMITING), Stage.TOOL_RESULT, False, False),
        (SpotlightPlan(Scheme.DELIMITING, flagged_only=False), Stage.TOOL_RESULT, False, True),
        (SpotlightPlan(Scheme.DELIMITING), Stage.PROMPT, True, False),
        (SpotlightPlan(Scheme.DELIMITING, frozenset({Stage.PROMPT})), Stage.PROMPT, True, True),
    ],
)
def test_the_plan_says_what_is_marked(plan: SpotlightPlan, stage: Stage, is_changed: bool, covered: bool) -> None:
    assert plan.covers(stage, is_changed=is_changed) is covered
