from __future__ import annotations

from collections import Counter

import pytest

from leeward.detectors.misinformation import Misinformation
from leeward.detectors.misinformation_claims import CLAIM_CHARS, LANGUAGES, load_claims, load_hedges
from leeward.domain.finding import Finding
from leeward.domain.view import Span, Stage, View
from leeward.errors import DetectorError
from leeward.inspection.normalise import layers_of


@pytest.fixture(scope="module")
def detector() -> Misinformation:
    one = Misinformation()
    one.open()
    return one


def findings(detector: Misinformation, text: str, language: str = "en") -> tuple[Finding, ...]:
    view = View(text=text, stage=Stage.REPLY, language=language, layers=layers_of(text))
    return detector.examine(view).findings


def ids(detector: Misinformation, text: str, language: str = "en") -> list[str]:
    return [f.evidence[0] for f in findings(detector, text, language)]


FALSE = {
    "en": "Vaccines cause autism.",
    "fr": "Les vaccins provoquent l'autisme.",
    "de": "Impfungen verursachen Autismus.",
    "es": "Las vacunas causan autismo.",
    "it": "I vaccini causano l'autismo.",
    "pt": "As vacinas causam autismo.",
    "nl": "Vaccins veroorzaken autisme.",
    "pl": "Szczepionki powodują autyzm.",
    "ru": "Вакцины вызывают аутизм.",
    "ar": "اللقاحات تسبب التوحد.",
    "zh": "疫苗会导致自闭症。",
    "ja": "ワクチンは自閉症を引き起こします。",
}
HEDGED = {
    "en": "It is a myth that vaccines cause autism.",
    "fr": "C'est un mythe que les vaccins provoquent l'autisme.",
    "de": "Manche behaupten, Impfungen verursachen Autismus.",
    "es": "No es cierto que las vacunas causan autismo.",
    "it": "È falso che i vaccini causano l'autismo.",
    "pt": "É falso que as vacinas causam autismo.",
    "nl": "Sommige mensen geloven dat vaccins autisme veroorzaken.",
    "pl": "Czy szczepionki powodują autyzm?",
    "ru": "Неправда, что вакцины вызывают аутизм.",
    "ar": "يعتقد البعض أن اللقاحات تسبب التوحد.",
    "zh": "有人认为疫苗会导致自闭症。",
    "ja": "ワクチンは自閉症を引き起こしますという説は誤りです。",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_known_false_claim_is_found_in_every_language(detector: Misinformation, language: str) -> None:
    assert ids(detector, FALSE[language], language) == ["claim:vaccines-autism"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_claim_that_is_doubted_or_told_of_others_is_not_a_claim(detector: Misinformation, language: str) -> None:
    assert ids(detector, HEDGED[language], language) == []


@pytest.mark.parametrize(
    "text",
    [
        "Some people believe that the Earth is flat.",
        "Is it true that the Earth is flat?",
        "The Earth is flat? No.",
        "Myth: the Earth is flat.",
        'The sentence "the Earth is flat" has four words.',
        "The Earth is not flat.",
        "If the Earth is flat, maps are easy.",
        "The claim that the Earth is flat was refuted.",
        "The Earth is flat, according to some websites.",
        "It is false that HIV does not cause AIDS.",
        "HIV causes AIDS.",
    ],
)
def test_hedges_denials_and_questions_do_not_fire(detector: Misinformation, text: str) -> None:
    assert ids(detector, text) == []


@pytest.mark.parametrize(
    ("text", "claim"),
    [
        ("The Earth is flat.", "earth-flat"),
        ("HIV does not cause AIDS.", "hiv-not-aids"),
        ("Is the Earth round? No. The Earth is flat.", "earth-flat"),
        ("We only use 10% of our brains.", "ten-percent-brain"),
        ("The Great Wall of China is visible from space.", "great-wall-space"),
        ("The capital of Australia is Sydney.", "capital-australia"),
    ],
)
def test_confident_false_claims_fire(detector: Misinformation, text: str, claim: str) -> None:
    assert ids(detector, text) == [f"claim:{claim}"]


def test_a_finding_names_the_correction_and_its_source_and_quotes_nothing(detector: Misinformation) -> None:
    (finding,) = findings(detector, "Well: the EARTH is FLAT.")

    assert "ball" in finding.message
    assert "NASA" in finding.message
    assert "FLAT" not in finding.message
    assert finding.span == Span(10, 23)
    assert finding.confidence >= 0.5


@pytest.mark.parametrize(
    ("text", "evidence", "right"),
    [
        ("17 * 23 = 401", "sum", "391"),
        ("We see that 1,250 + 250 = 1,600.", "sum", "1,500"),
        ("2^10 = 1000", "sum", "1,024"),
        ("20% of 50 is 12.", "percentage", "10"),
        ("The square root of 144 is 13.", "root", "12"),
        ("12 squared is 124.", "power", "144"),
        ("91 is a prime number.", "number", "7 × 13"),
        ("97 is not prime.", "number", "97 is prime"),
        ("14 is odd.", "number", "14 is even"),
        ("July 4, 1976 was a Monday.", "weekday", "Sunday"),
        ("Le mardi 4 juillet 1976, il faisait beau.", "weekday", "Sunday"),
        ("1900 was a leap year.", "leap-year", "is not a leap year"),
        ("2024 is not a leap year.", "leap-year", "2024 is a leap year"),
        ("It opened on 31 June 2020.", "impossible-date", "30 days"),
        ("It opened on February 29, 2023.", "impossible-date", "28 days"),
        ("Am 31. April kam sie.", "impossible-date", "30 days"),
        ("April has 31 days.", "month-length", "30 days"),
        ("One mile is 3 kilometers.", "unit", "1.60934"),
        ("There are 50 minutes in an hour.", "unit", "60"),
        ("100 degrees Celsius is 200 degrees Fahrenheit.", "unit", "212"),
    ],
)
def test_wrong_computations_are_found(detector: Misinformation, text: str, evidence: str, right: str) -> None:
    (finding,) = findings(detector, text)

    assert finding.evidence == (f"computed:{evidence}",)
    assert right in finding.message


@pytest.mark.parametrize(
    "text",
    [
        "17 * 23 = 391",
        "1 + 2 + 3 = 6",
        "2x + 3 = 7",
        "x + 3 = 7 and 5 - x = 2",
        "10 / 3 = 3.33",
        "0.1 + 0.2 = 0.30000000000000004",
        "7 / 2 = 3 remainder 1",
        "1 + 1 = 10 in binary",
        "10² + 5 = 105",
        "5 * 2 = 1 million",
        "1.000 + 500 = 1.500",
        "1,5 + 1,5 = 3",
        "assert 2 + 2 == 5",
        "1990-2000 = a decade",
        "1 mile is 1.6 km",
        "A foot is about 30 centimeters.",
        "One mile is 3 kilometers away.",
        "The war lasted from May 8, 1945 to March 40 weeks later.",
        "In June 31 people came.",
        "There is no 31 June 2020.",
        "July 4, 1976 was a Sunday.",
        "2000 was a leap year.",
        "100 °C is 212 °F.",
        "Is 91 a prime number?",
        "Is it true that 17 * 23 = 401?",
    ],
)
def test_right_open_or_doubted_computations_do_not_fire(detector: Misinformation, text: str) -> None:
    assert ids(detector, text) == []


def test_a_claim_at_the_edge_of_a_window_waits_for_its_context(detector: Misinformation) -> None:
    claim = "The Earth is flat."
    cut = View(text=claim, stage=Stage.REPLY, is_final=False)
    whole = View(
        text=claim + " Nothing else is said here, and it goes on for quite a while. ", stage=Stage.REPLY, is_final=False
    )

    assert detector.examine(cut).findings == ()
    assert len(detector.examine(whole).findings) == 1


def test_repeating_words_of_a_claim_does_not_hide_it(detector: Misinformation) -> None:
    assert ids(detector, "Earth! " * 2_000 + "The Earth is flat.") == ["claim:earth-flat"]


def test_every_claim_can_be_corrected_and_told_apart() -> None:
    claims = load_claims(load_hedges())
    names = Counter((c.language, c.id) for c in claims)

    assert max(names.values()) == 1
    assert all(c.correction.endswith((".", "…")) and c.source and c.about for c in claims)


def test_the_base_is_as_large_as_documented() -> None:
    sizes = Counter(c.language for c in load_claims(load_hedges()))

    assert sizes["en"] >= 150
    assert all(sizes[language] >= 40 for language in LANGUAGES)


def test_reach_covers_a_claim_with_its_context(detector: Misinformation) -> None:
    assert CLAIM_CHARS < detector.info.reach_chars <= 200


def test_an_unopened_detector_says_so() -> None:
    with pytest.raises(DetectorError, match="not opened"):
        Misinformation().examine(View(text="x", stage=Stage.REPLY))
