from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.licences.derivatives import steps
from leeward.licences.derivatives.entry import FAULTS, Fault, Problem, State
from leeward.licences.derivatives.notices import LANGUAGES, Language, write
from leeward.licences.registry import builtin_registry
from made_derivatives import COPY, HIDDEN, NOTICE, entry, facts, stamp
from model_folders import LARGE, MRL_NOTICE

REGISTRY = builtin_registry()


def test_a_notice_says_what_is_wrong_what_to_do_and_by_when() -> None:
    text = write(entry(NOTICE, COPY, HIDDEN), REGISTRY).text()

    assert text.startswith("Notice about the model ours-13b\n")
    assert "1. The notice that MRL-0.1 prescribes does not go with the weights.\n   Write these words" in text
    assert f'"{MRL_NOTICE}"' in text
    assert f'"base_model: {LARGE}"' in text
    assert "Do this by 14 February 2027, 08:00 UTC." in text
    assert "\n    leeward licence scan /models/ours-13b --record\n" in text
    assert "the gateway refuses requests for this model (RULE-MIST-003" in text


def test_a_notice_in_french_says_the_same() -> None:
    text = write(entry(NOTICE, HIDDEN), REGISTRY, "fr").text()

    assert text.startswith("Avis concernant le modèle ours-13b\n")
    assert f"« {MRL_NOTICE} »" in text
    assert "avant le 14 février 2027 à 8 h 00 UTC" in text
    assert "\n    leeward licence scan /models/ours-13b --record\n" in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", sorted(FAULTS))
def test_every_finding_has_words_in_every_language(code: str, language: Language) -> None:
    problem = Problem(code=code, message="m", remedy="r", licence="MRL-0.1", about=LARGE)
    notice = write(entry(problem), REGISTRY, language)
    (item,) = (*notice.items, *notice.unclear)

    assert bool(notice.unclear) is (FAULTS[code] is Fault.UNCLEAR)
    assert item.wrong != item.remedy
    assert not {"{", "}"} & {*item.wrong, *item.remedy}


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_state_is_told_in_its_own_words(language: Language) -> None:
    texts = {write(replace(entry(NOTICE), state=state), REGISTRY, language).consequence for state in State}

    assert len(texts) == len(State)


@pytest.mark.parametrize("state", [State.CLEAR, State.LIFTED, State.CLOSED])
def test_where_nothing_has_to_be_done_no_command_is_given(state: State) -> None:
    assert write(replace(entry(NOTICE), state=state), REGISTRY).command == ""


def test_a_model_that_nobody_saw_is_said_to_be_declared() -> None:
    declared = steps.declare_new("E", "p", facts(path="", licence=""), (), "", stamp()).entry
    text = write(declared, REGISTRY).text()

    assert "This model was declared on 15 January 2027, 08:00 UTC; no scan has seen it yet." in text
    assert "Which licence applies to it is not known." in text


def test_an_odd_path_is_quoted_in_the_command() -> None:
    odd = replace(entry(NOTICE), facts=facts("o", NOTICE, path="/m/a b", where="nas 1"))

    assert write(odd, REGISTRY).command == "leeward licence scan '/m/a b' --record --where 'nas 1'"
