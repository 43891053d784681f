from __future__ import annotations

import pytest

from leeward.domain.view import Layer, Span, Stage, View


@pytest.mark.parametrize(("start", "stop"), [(-1, 2), (3, 2)])
def test_a_span_that_is_none_cannot_be(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match="not a span"):
        Span(start, stop)


def test_spans_overlap_only_when_they_share_a_character() -> None:
    assert Span(0, 3).overlaps(Span(2, 5))
    assert not Span(0, 3).overlaps(Span(3, 5))
    assert not Span(1, 1).overlaps(Span(1, 1))
    assert Span(1, 2).shifted(3) == Span(4, 5)


def test_a_layer_maps_back_to_its_source() -> None:
    mapped = Layer("base64", "abc", (10, 10, 12, 14))

    assert mapped.source(0, 2) == Span(10, 11)
    assert mapped.source(1, 3) == Span(10, 13)
    assert mapped.source(2, 2) == Span(12, 12)
    assert Layer("plain", "abc", base=5).source(1, 2) == Span(6, 7)


def test_the_readings_made_of_a_view_are_used() -> None:
    plain, folded = Layer("plain", "a"), Layer("folded", "b")

    assert View("x", Stage.PROMPT, layers=(plain, folded)).plain is plain
    assert View("x", Stage.PROMPT, layers=(plain, folded)).folded is folded


@pytest.mark.parametrize("text", ["", "Plain WORDS", "İstanbul İ", "a\ud800b\udfff", "\ud800İ"])
def test_a_view_without_readings_reads_as_itself_character_for_character(text: str) -> None:
    view = View(text, Stage.PROMPT)

    assert len(view.plain.text) == len(view.folded.text) == len(text)
    assert view.folded.source(0, len(text)) == Span(0, len(text))
    view.plain.text.encode(), view.folded.text.encode()  # any encoder takes them
    assert view.plain.text.replace("\ufffd", "") == "".join(c for c in text if not 0xD800 <= ord(c) < 0xE000)


def test_folding_without_readings_is_lower_case() -> None:
    assert View("Plain İ WORDS", Stage.PROMPT).folded.text == "plain İ words"
