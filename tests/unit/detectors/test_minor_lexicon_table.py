from __future__ import annotations

import pytest

import stand_ins
from leeward.detectors.minor_lexicon_table import Term, TermKind, TermTable, packed, unpacked
from leeward.detectors.patterns import fold
from leeward.errors import DetectorError


@pytest.fixture(scope="module")
def table() -> TermTable:
    return unpacked(packed(stand_ins.TERMS, stand_ins.SALT), "the stand-ins")


def found(table: TermTable, text: str) -> list[str]:
    folded = fold(text)
    return [folded[place.start : place.stop] for place in table.find(folded, 0, len(folded))]


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("a blorvish day", ["blorvish"]),
        ("BLORVISH!", ["blorvish"]),
        ("two blorvishes", ["blorvishes"]),
        ("two blorvishments", []),  # four letters are no ending
        ("two snarquels", []),  # its end is not open
        ("a quimple dax and a quimple", ["quimple dax"]),
        ("ein Zorbel", ["zorbel"]),
        ("с трумблями", ["трумблями"]),
        ("これはぐもらびです", ["ぐもらび"]),
        ("一个咕摩吗", ["咕摩"]),
        ("นี่คือโกมูบีนะ", ["โกมูบี"]),
        ("superblorvish", []),
        ("", []),
    ],
)
def test_terms_are_found_as_words_or_in_runs_without_spaces(table: TermTable, text: str, terms: list[str]) -> None:
    assert found(table, text) == terms


def test_a_range_that_cuts_a_word_does_not_make_one(table: TermTable) -> None:
    text = "superblorvish grolps"

    assert table.find(text, 5, len(text)) == []
    assert table.find(text, 0, len(text) - 1) == []


def test_the_same_term_has_the_same_key(table: TermTable) -> None:
    first, second = table.find("grolp, grolp", 0, 12)

    assert first.key == second.key
    assert first.kind is TermKind.VULGAR


def test_the_bytes_hold_no_word_and_are_the_same_each_time() -> None:
    data = packed(stand_ins.TERMS, stand_ins.SALT)

    assert data == packed(tuple(reversed(stand_ins.TERMS)), stand_ins.SALT)
    assert [term.text for term in stand_ins.TERMS if term.text.lower().encode() in data] == []


@pytest.mark.parametrize("spoil", [lambda d: b"", lambda d: d[:-1], lambda d: b"x" + d, lambda d: d[:60]])
def test_a_table_that_is_not_whole_is_refused(spoil) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(DetectorError, match="not whole") as caught:
        unpacked(spoil(packed(stand_ins.TERMS, stand_ins.SALT)), "terms.bin")

    assert "build.py" in caught.value.remedy


def test_an_unknown_kind_is_refused() -> None:
    data = bytearray(packed([Term("blorvish", TermKind.EXPLICIT)], stand_ins.SALT))
    data[16 + 16 + 8 + 7] = 9

    with pytest.raises(DetectorError):
        unpacked(bytes(data), "terms.bin")


@pytest.mark.parametrize(("term", "salt"), [("", stand_ins.SALT), ("word", b"short")])
def test_what_cannot_be_packed_is_refused(term: str, salt: bytes) -> None:
    with pytest.raises(ValueError):
        packed([Term(term, TermKind.EXPLICIT)], salt)
