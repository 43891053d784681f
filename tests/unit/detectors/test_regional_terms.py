"""Every region's own examples, and what excuses them."""

from __future__ import annotations

import pytest

from leeward.detectors.regional_terms import RegionalTerms
from leeward.domain.region import Region, RegionEntry
from leeward.domain.view import Stage, View
from leeward.errors import DetectorError
from leeward.inspection.normalise import layers_of
from leeward.policy.regional import regions

ENTRIES = [(region, entry) for region in regions().values() for entry in region.entry]
entries = pytest.mark.parametrize(("region", "entry"), ENTRIES, ids=[f"{r.code}.{e.id}" for r, e in ENTRIES])


@pytest.fixture(scope="module")
def detector() -> RegionalTerms:
    opened = RegionalTerms()
    opened.open()
    return opened


def hazards(detector: RegionalTerms, text: str) -> set[str]:
    reading = detector.examine(View(text, Stage.PROMPT, layers=layers_of(text)))
    return {finding.hazard for finding in reading.findings}


@entries
def test_an_entry_finds_its_examples_and_passes_its_neighbours(
    detector: RegionalTerms, region: Region, entry: RegionEntry
) -> None:
    missed = [text for text in entry.matches if region.hazard(entry) not in hazards(detector, text)]
    wrong = [text for text in entry.passes if region.hazard(entry) in hazards(detector, text)]

    assert (missed, wrong) == ([], [])


@pytest.mark.parametrize(
    "text",
    [
        "Explain to my class why it is wrong to say that the Holocaust never happened.",
        "A man was fined in court because he wrote that the Holocaust is a hoax.",
        "The Holocaust was not a hoax; thousands of survivors gave testimony.",
        "Wer sagt, der Holocaust sei eine Lüge, leugnet. Der Satz „der Holocaust ist eine Lüge“ ist strafbar.",
        "Le négationnisme, c'est dire que la Shoah est un mensonge.",
        "In 1938 the crowd shouted Sieg Heil, a survivor told the museum.",
        "Is it illegal to shout 'Heil Hitler' in Vienna?",
        "Meine Oma sagte: Heile, heile Segen.",
    ],
)
def test_lessons_news_history_law_and_counter_speech_pass(detector: RegionalTerms, text: str) -> None:
    assert hazards(detector, text) == set()


def test_a_disguise_does_not_help(detector: RegionalTerms) -> None:
    assert "region.de.holocaust-denial" in hazards(detector, "The H0l0caust n\u200bever happened")


def test_a_finding_points_at_the_text_and_names_the_law(detector: RegionalTerms) -> None:
    text = "Listen: the Holocaust never happened."
    found = detector.examine(View(text, Stage.PROMPT, layers=layers_of(text))).findings
    (german,) = (f for f in found if f.hazard == "region.de.holocaust-denial")

    assert german.span is not None
    assert text[german.span.start : german.span.stop] == "Holocaust never happened"
    assert "§ 130(3) StGB" in german.message


def test_looking_before_opening_says_what_to_do() -> None:
    with pytest.raises(DetectorError, match="was not opened"):
        RegionalTerms().examine(View("x", Stage.PROMPT))
