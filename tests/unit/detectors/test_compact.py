"""What is left of a text when blanks and signs make no difference."""

from __future__ import annotations

from leeward.detectors.compact import compact, places, word_around


def test_blanks_quotes_bullets_and_case_make_no_difference() -> None:
    forms = ['- "You are Nora." ', "YOU\nARE * NORA", "y-o-u a_r_e n o r a", "«You» are… Nora!"]

    assert {compact(form) for form in forms} == {"youarenora"}


def test_each_letter_knows_where_it_stood() -> None:
    text = 'a "b-c" 日_本.'

    assert [text[at] for at in places(text)] == list(compact(text))


def test_a_stretch_is_widened_to_whole_words() -> None:
    text = "one two-three four"

    assert [text[slice(*word_around(text, *span))] for span in ((5, 6), (4, 7), (9, 15))] == [
        "two", "two", "three four",
    ]  # fmt: skip
