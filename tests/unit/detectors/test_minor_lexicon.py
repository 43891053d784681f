"""Invented words stand in for sexual terms; the shipped table meets innocent text alone."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

import stand_ins
from leeward.detectors.minor_lexicon import MinorLexicon
from leeward.detectors.minor_lexicon_words import PlainWords
from leeward.domain.finding import Finding
from leeward.domain.view import Stage, View
from leeward.errors import DetectorError
from leeward.inspection.language import identify
from leeward.inspection.normalise import layers_of

INNOCENT = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "fixtures/innocent_minors.jsonl").read_text("utf-8").splitlines()
]
SURE = 0.5


@pytest.fixture(scope="module")
def detector(tmp_path_factory: pytest.TempPathFactory) -> MinorLexicon:
    made = MinorLexicon(stand_ins.written(tmp_path_factory.mktemp("terms") / "terms.bin"))
    made.open()
    return made


def findings(detector: MinorLexicon, text: str, language: str = "en") -> tuple[Finding, ...]:
    return detector.examine(View(text, Stage.PROMPT, language=language, layers=layers_of(text))).findings


def surest(detector: MinorLexicon, text: str, language: str = "en") -> float:
    return max((finding.confidence for finding in findings(detector, text, language)), default=0.0)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("a child and blorvish", "en"),
        ("blorvish with a 12 year old", "en"),
        ("snarquel, she is 9-years-old", "en"),
        ("ein Kind, blorvish", "de"),
        ("eine 12-jährige, blorvish", "de"),
        ("une fillette et snarquel", "fr"),
        ("elle a 11 ans, snarquel", "fr"),
        ("ребёнок и трумблями", "ru"),
        ("大人と小学生、ぐもらび", "ja"),
        ("11岁,咕摩", "zh"),
        ("เด็กหญิงโกมูบี", "th"),
        ("아이 blorvish", "ko"),
        ("طفلة blorvish", "ar"),
        ("a boy, blorvish and snarquel", "en"),  # often said of adults: two terms are needed
        ("a child: grolp, plimf, frubb", "en"),  # expletives: three are needed
    ],
)
def test_a_minor_and_explicit_terms_side_by_side_are_found(detector: MinorLexicon, text: str, language: str) -> None:
    assert surest(detector, text, language) >= SURE


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("blorvish and snarquel and quimple dax", "en"),
        ("a child and a kite", "en"),
        ("a woman of 19 years, snarquel", "en"),
        ("a 34 year old, blorvish", "en"),
        ("a boy and blorvish", "en"),
        ("a child says grolp and plimf", "en"),
        ("what kind of blorvish is this", "en"),  # a child in German only
        ("a child." + " It rained all day." * 6 + " blorvish", "en"),  # further than the window
        ("the police protect a child from blorvish", "en"),
        ("no child may see blorvish", "en"),
        ('my child asked what "blorvish" means', "en"),
        ("Polizei: Kind vor blorvish geschützt", "de"),
    ],
)
def test_what_lacks_one_of_both_or_speaks_about_it_is_let_pass(
    detector: MinorLexicon, text: str, language: str
) -> None:
    assert surest(detector, text, language) < SURE


def test_a_few_excuses_do_not_outweigh_many_terms(detector: MinorLexicon) -> None:
    assert surest(detector, "a child, study: blorvish, snarquel, quimple dax") >= SURE


def test_disguised_and_encoded_text_is_found_too(detector: MinorLexicon) -> None:
    hidden = base64.b64encode(b"tell me about a child and blorvish and snarquel").decode()

    assert surest(detector, "a ch1ld and bl0rvish") >= SURE
    assert surest(detector, "a chi\u200bld and blor\u200bvish") >= SURE
    assert surest(detector, f"decode this: {hidden}") >= SURE


def test_the_span_covers_both_and_nothing_is_quoted(detector: MinorLexicon) -> None:
    text = "Well, a child and blorvish, then."
    (finding,) = findings(detector, text)

    assert finding.span is not None
    assert text[finding.span.start : finding.span.stop] == "child and blorvish"
    assert finding.hazard == "child-exploitation"
    assert "blorvish" not in " ".join((finding.message, *finding.evidence))
    assert finding.evidence == ("sexual terms: 1", "words that excuse: 0")


@pytest.mark.parametrize("row", INNOCENT, ids=lambda row: f"{row['lang']}-{row['topic']}")
def test_the_shipped_terms_let_innocent_lines_about_minors_pass(detector: MinorLexicon, row: dict[str, str]) -> None:
    assert surest(detector, row["text"], identify(row["text"])) < SURE


def test_there_are_fifteen_innocent_lines_in_thirty_languages() -> None:
    languages = {row["lang"] for row in INNOCENT}

    assert {sum(row["lang"] == language for row in INNOCENT) for language in languages} == {15}
    assert len(languages) == 30


def test_every_language_names_minors() -> None:
    words = PlainWords()
    examples = {
        "en": "child",
        "de": "kinder",
        "fi": "lapsia",
        "ko": "아이들",
        "he": "ילדים",
        "vi": "tre em",
        "hi": "बच्चों",
    }

    assert len(words.languages) >= 24
    assert [language for language, text in examples.items() if not words.ages(text, language)] == []


@pytest.mark.parametrize(
    ("text", "stops"),
    [("17 years old", 1), ("18 years old", 0), ("0 years old", 0), ("117 years old", 0), ("3.12 years old", 0)],
)
def test_a_number_below_eighteen_makes_an_age(text: str, stops: int) -> None:
    assert len({age.start for age in PlainWords().ages(text, "en")}) == stops


def test_it_must_be_opened_first() -> None:
    with pytest.raises(DetectorError, match="not opened"):
        MinorLexicon().examine(View("text", Stage.PROMPT))


def test_the_environment_names_a_further_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LEEWARD_MINOR_TERMS", str(stand_ins.written(tmp_path / "terms.bin")))
    named = MinorLexicon()
    named.open()

    assert surest(named, "a child and blorvish") >= SURE


def test_a_table_that_is_missing_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match=r"gone\.bin cannot be read") as caught:
        MinorLexicon(tmp_path / "gone.bin").open()

    assert "LEEWARD_MINOR_TERMS" in caught.value.remedy
