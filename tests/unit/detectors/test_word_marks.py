"""Marked words, with harmless words in the place of the real ones."""

from __future__ import annotations

import pytest

from leeward.detectors.patterns import Pattern, Terms, fold
from leeward.detectors.regional_terms import _RareSet
from leeward.detectors.word_marks import MarkedWords, mark

TEXT = "You are a Quaffle, a quáffle; no quaffles."


def test_a_marked_word_is_found_whole_whatever_its_case_and_accents() -> None:
    folded = fold(TEXT)
    places = list(MarkedWords([mark("quaffle")]).places(folded))

    assert [folded[start:stop] for _, start, stop in places] == ["quaffle", "quaffle"]


def test_nothing_is_found_where_nothing_is_marked() -> None:
    assert list(MarkedWords([]).places(fold(TEXT))) == []
    assert list(MarkedWords([mark("snitch")]).places(fold(TEXT))) == []


def test_a_word_beside_letters_of_another_script_is_not_taken_for_a_marked_one() -> None:
    assert list(MarkedWords([mark("quaffle")]).places("quaffleж жquaffle")) == []


def test_a_mark_does_not_show_its_word() -> None:
    assert "quaffle" not in mark("quaffle")
    assert mark("Quaffle") == mark("quaffle") != mark("quaffles")


@pytest.mark.parametrize("word", ["", "two words", "ж"])
def test_what_is_not_one_word_cannot_be_marked(word: str) -> None:
    with pytest.raises(ValueError, match="a mark stands for one word"):
        mark(word)


def test_a_context_near_a_marked_word_excuses_it() -> None:
    excuse = Terms("slur", ("the slur",))
    rare = Pattern(id="rare", hazard="region.xx.rare", confidence=0.8, parts=(Terms("rare", ("zyzzyva",)),))
    marked = Pattern(id="marked", hazard="region.xx.slurs", confidence=0.8, vetoes=(excuse,))
    some = _RareSet([rare], {mark("quaffle"): (marked,)})

    assert [hit.pattern.id for hit in some.scan("you quaffle")] == ["marked"]
    assert some.scan("the slur quaffle hurts") == []
    assert [hit.pattern.id for hit in some.scan("the slur quaffle" + " and so on" * 20 + " quaffle")] == ["marked"]
