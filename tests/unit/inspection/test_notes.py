from __future__ import annotations

from dataclasses import replace

from leeward.domain.verdict import Cause
from leeward.domain.view import Span
from leeward.inspection.notes import NoteBook
from tiny_rules import firing

TEXT = "one\ntwo\nthree"


def test_an_empty_book_has_no_place() -> None:
    book = NoteBook()

    assert not book
    assert book.place(TEXT, 0, 0, ended=True) is None


def test_a_note_stands_behind_the_line_of_its_passage() -> None:
    book = NoteBook()
    book.add(firing(span=Span(5, 6)), behind=6)

    assert book.place(TEXT, 0, 0, ended=False) == TEXT.index("three")


def test_a_note_whose_line_has_ended_and_left_stands_where_release_has_got_to() -> None:
    book = NoteBook()
    book.add(firing(span=Span(0, 2)), behind=2)

    assert book.place(TEXT, 0, 8, ended=False) == 8


def test_a_note_whose_line_is_half_released_waits_for_its_end() -> None:
    book = NoteBook()
    book.add(firing(span=Span(0, 2)), behind=2)

    assert book.place(TEXT, 0, 6, ended=False) == 8


def test_a_note_in_an_unfinished_line_waits_until_the_text_ends() -> None:
    book = NoteBook()
    book.add(firing(span=Span(9, 11)), behind=11)

    assert book.place(TEXT, 0, 8, ended=False) is None
    assert book.place(TEXT, 0, 8, ended=True) == len(TEXT)


def test_positions_count_from_the_start_of_the_part() -> None:
    book = NoteBook()
    book.add(firing(span=Span(105, 106)), behind=106)

    assert book.place(TEXT, 100, 100, ended=False) == 108


def test_a_note_without_a_passage_comes_last() -> None:
    book = NoteBook()
    whole, early = firing("A", hazard="a"), firing("B", hazard="b", span=Span(0, 1))
    book.add(whole)
    book.add(early, behind=1)

    assert book.take() == (early,)
    assert book.place(TEXT, 0, 0, ended=False) is None
    assert book.place(TEXT, 0, 0, ended=True) == len(TEXT)
    assert book.take() == (whole,)
    assert not book


def test_notes_on_one_place_are_one_note() -> None:
    book = NoteBook()
    first, second = firing("A", hazard="a", span=Span(0, 3)), firing("B", hazard="b", span=Span(0, 3))
    book.add(first, behind=3)
    book.add(second, behind=3)

    assert book.take() == (first, second)
    assert not book


def test_what_two_windows_saw_is_noted_once() -> None:
    book = NoteBook()
    seen = firing(span=Span(4, 9))
    book.add(seen, behind=9)
    book.take()
    book.add(replace(seen, part="again"), behind=9)
    book.add(firing(span=Span(6, 12)), behind=12)

    assert not book


def test_other_rules_hazards_and_places_are_noted_each() -> None:
    seen = firing("A", hazard="a", span=Span(0, 3))
    for other in (
        firing("B", hazard="a", span=Span(0, 3)),
        firing("A", hazard="b", span=Span(0, 3)),
        firing("A", hazard="a", span=Span(3, 6)),
        firing("A", hazard="a"),
        firing("A", cause=Cause.UNCHECKED),
    ):
        book = NoteBook()
        book.add(seen, behind=3)
        book.take()
        book.add(other, behind=6)

        assert book.take() == (other,)
