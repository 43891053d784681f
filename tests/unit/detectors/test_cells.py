"""What divides a form, and that prose is divided by nothing but lines."""

from __future__ import annotations

from itertools import pairwise

import pytest

from leeward.detectors.cells import cells, sentence_edges, unescaped


def parts(text: str) -> list[str]:
    return [text[start:stop] for start, stop in cells(text, 0, len(text))]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a": "one two", "b": 3}', ["{", "a", "one two", "b", "3}"]),
        ("1,lamp,very nice", ["1", "lamp", "very nice"]),
        ("| a b | c |", [" a b", "c"]),
        ("<p>one</p><p>two</p>", ["one", "two"]),
        ("x = 1  # why not", ["x = 1", "# why not"]),
        ("note: fine words", ["fine words"]),
        ("2026-01-02T03:04:05Z ERROR all is lost", ["all is lost"]),
        ("a=1 b=two", ["1 ", "two"]),
        ("one\n\n  two", ["one", "two"]),
        ("a /* b */ c", ["a", "b", "c"]),
    ],
)
def test_cells_of_forms(text: str, expected: list[str]) -> None:
    assert parts(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "Well, it rained, so we stayed at home; nobody minded.",
        "He paid 3,50 euros - or more - at eve@example.org, see http://example.org/a.",
        "It's what Kim's friend said in C#.",
    ],
)
def test_prose_is_one_cell(text: str) -> None:
    assert parts(text) == [text]


def test_escapes_are_undone_in_place() -> None:
    text = r"a\nb\t\"c\" \u00e9"

    assert unescaped(text) == 'a \nb \t "c " \\u00e9'
    assert len(unescaped(text)) == len(text)


def test_edges_rise_from_start_to_end_and_addresses_stay_whole() -> None:
    text = "One to eve@example.org. Two\nthree."

    said = [text[start:stop].strip() for start, stop in pairwise(sentence_edges(text))]

    assert said == ["One to eve@example.org.", "Two", "three."]
    assert sentence_edges("") == [0]
