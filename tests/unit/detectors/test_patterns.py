from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.detectors.patterns import (
    InlinePatternDetector,
    Pattern,
    PatternSet,
    Terms,
    fold,
    hits_of_layers,
    reading_of,
    sentence_around,
)
from leeward.domain.view import Layer, Span, Stage, View
from leeward.errors import DetectorError
from leeward.inspection.normalise import layers_of
from leeward.policy.inline import InlinePatterns

RARE = Terms("rare", ("gearbox",))
VERB = Terms("verb", ("sell", "selling*"))
NOT = Terms("not", ("never",))


def pattern(**changes: object) -> Pattern:
    return Pattern(**{"id": "one", "hazard": "pattern.x", "confidence": 0.9, "parts": (RARE, VERB)} | changes)  # type: ignore[arg-type]


def found(text: str, **changes: object) -> list[str]:
    return [text[h.start : h.stop] for h in PatternSet([pattern(**changes)]).scan(text)]


@given(st.text(alphabet=st.characters(exclude_categories=("Cs",))))
def test_folding_keeps_every_character_in_its_place(text: str) -> None:
    assert len(fold(text)) == len(text)


def test_folding_drops_case_and_accents() -> None:
    assert fold("Éclair ŁÓDŹ İstanbul Ёлка Ὀδός") == "eclair lodz istanbul елка οδοσ"


def test_all_parts_must_stand_in_one_sentence() -> None:
    assert found("They sell a gearbox.") == ["sell a gearbox"]
    assert found("They sell. A gearbox breaks.") == []
    assert found("They sell it.") == []


def test_a_full_stop_inside_a_word_does_not_end_a_sentence() -> None:
    assert found("sell.gearbox") == ["sell.gearbox"]


def test_parts_further_apart_than_the_reach_do_not_belong_together() -> None:
    text = f"sell {'x ' * 20}gearbox"

    assert found(text) == [text]
    assert found(text, within=10) == []


def test_terms_are_whole_words_unless_left_open() -> None:
    assert found("resell a gearbox") == []
    assert found("sellings of a gearbox") == ["sellings of a gearbox"]
    assert found("sells a gearbox") == []


def test_a_veto_nearby_withdraws_the_match_and_a_distant_one_does_not() -> None:
    assert found("never sell a gearbox", vetoes=(NOT,)) == []
    assert found("never " + "x " * 60 + "sell a gearbox", vetoes=(NOT,)) == ["sell a gearbox"]


def test_a_vetoed_place_does_not_hide_a_later_one() -> None:
    text = "Never sell a gearbox. " + "x " * 60 + "Now sell the gearbox."

    assert found(text, vetoes=(NOT,)) == ["sell the gearbox"]


def test_order_counts_when_asked_for() -> None:
    assert found("gearbox to sell", in_order=True) == ["gearbox to sell"]
    assert found("sell a gearbox", in_order=True) == []


def test_repeating_a_term_does_not_push_the_match_out_of_sight() -> None:
    text = "gearbox. " * 500 + "sell a gearbox"

    assert found(text) == ["sell a gearbox"]


def test_regexes_see_folded_text() -> None:
    assert found("The CAFÉ 12", parts=(), regexes=(r"cafe \d+",)) == ["CAFÉ 12"]


def test_every_place_is_given_only_when_asked_for() -> None:
    one = PatternSet([pattern(parts=(RARE,)), pattern(id="two", parts=(), regexes=("g.arbox",))])

    assert [h.start for h in one.scan("gearbox gearbox")] == [0, 0]
    assert [h.start for h in one.scan("gearbox gearbox", every=True)] == [0, 8, 0, 8]


def test_patterns_for_other_stages_are_left_out() -> None:
    one = PatternSet([pattern(parts=(RARE,), stages=frozenset({Stage.REPLY}))])

    assert one.scan("gearbox", Stage.PROMPT) == []
    assert len(one.scan("gearbox", Stage.REPLY)) == 1


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"parts": ()}, "looks for nothing"),
        ({"parts": (Terms("none", ("*",)),)}, "empty list of terms"),
        ({"parts": (), "regexes": ("(?=x)",)}, "RE2 refuses"),
    ],
)
def test_a_pattern_that_cannot_match_is_refused(changes: dict[str, object], told: str) -> None:
    with pytest.raises(DetectorError, match=told):
        PatternSet([pattern(**changes)])


def test_scripts_without_spaces_are_matched_with_open_ends() -> None:
    assert found("他卖了变速箱吗", parts=(Terms("zh", ("变速箱",), open_left=True, open_right=True),)) == ["变速箱"]


def test_the_sentence_around_a_match_ends_at_its_marks() -> None:
    text = 'One here. "Two there!" Three.'
    at = text.index("there")

    assert text[slice(*sentence_around(text, at, at + 5))] == ' "Two there!"'


def test_a_match_in_a_decoded_layer_names_the_layer_and_the_source() -> None:
    view = View(text="aGlkZGVu", stage=Stage.PROMPT, layers=(
        Layer("plain", "aGlkZGVu"), Layer("folded", "aglkzgvu"), Layer("base64", "gearbox", offsets=(0,) * 7 + (8,)),
    ))  # fmt: skip
    (finding,) = reading_of(hits_of_layers(PatternSet([pattern(parts=(RARE,))]), view)).findings

    assert finding.evidence == ("one", "base64")
    assert finding.span == Span(0, 1)


def inline(**rule: tuple[str, ...]) -> InlinePatternDetector:
    detector = InlinePatternDetector(InlinePatterns(rule="ACME-1", **rule))
    detector.open()
    return detector


def view_of(text: str) -> View:
    return View(text=text, stage=Stage.PROMPT, layers=layers_of(text))


def test_an_operators_phrase_is_found_everywhere_in_any_case_or_disguise() -> None:
    detector = inline(literals=("Project Kestrel",))
    text = "PROJECT KESTREL, pr0ject kestrel and project kestrels"
    findings = detector.examine(view_of(text)).findings

    assert sorted((f.span.start, f.span.stop) for f in findings if f.span) == [(0, 15), (17, 32)]
    assert {f.hazard for f in findings} == {"pattern.ACME-1"}


def test_an_operators_regex_is_found() -> None:
    (finding,) = inline(regexes=(r"(?i:KES-\d{4})",)).examine(view_of("ticket kes-1234 please")).findings

    assert finding.span == Span(7, 15)
    assert finding.evidence[0].endswith(".regex0")


def test_an_operators_rule_leaves_other_text_alone() -> None:
    assert inline(literals=("kestrel",)).examine(view_of("a quiet day")).findings == ()


def test_an_unopened_detector_says_so() -> None:
    with pytest.raises(DetectorError, match="not opened"):
        InlinePatternDetector(InlinePatterns(rule="A", literals=("x",))).examine(view_of("x"))


def test_an_empty_rule_cannot_be_opened() -> None:
    with pytest.raises(DetectorError, match="no literals and no regexes"):
        InlinePatternDetector(InlinePatterns(rule="A")).open()
