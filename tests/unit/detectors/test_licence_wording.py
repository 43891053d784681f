from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TypedDict

import pytest

from leeward.detectors.text_patterns import TextPatterns
from leeward.domain.view import Stage, View
from leeward.inspection.normalise import layers_of

FIXTURE = Path(__file__).parents[2] / "fixtures" / "licence_wording.jsonl"


class Row(TypedDict):
    id: str
    lang: str
    text: str
    circumvents: bool
    source: str
    licence: str


ROWS: list[Row] = [json.loads(line) for line in FIXTURE.read_text("utf-8").splitlines()]
LANGUAGES = sorted({row["lang"] for row in ROWS})


@pytest.fixture(scope="module")
def detector() -> TextPatterns:
    opened = TextPatterns()
    opened.open()
    return opened


def evidence(detector: TextPatterns, text: str) -> list[str]:
    found = detector.examine(View(text, Stage.PROMPT, "messages[0].content", layers=layers_of(text))).findings
    return [f.evidence[0] for f in found if f.hazard == "licence.circumvention"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_circumvention_is_found_in_every_language_with_the_pattern_as_evidence(
    detector: TextPatterns, language: str
) -> None:
    asked = [row for row in ROWS if row["lang"] == language and row["circumvents"]]
    found = [row["id"] for row in asked if any(e.startswith("licence.") for e in evidence(detector, row["text"]))]

    assert len(found) >= len(asked) - 1


def test_honest_questions_about_licences_photos_and_notices_pass(detector: TextPatterns) -> None:
    honest = [row for row in ROWS if not row["circumvents"]]

    assert [row["id"] for row in honest if evidence(detector, row["text"])] == []


def test_the_lines_cover_more_than_twenty_languages() -> None:
    kinds: dict[str, set[bool]] = defaultdict(set)
    for row in ROWS:
        kinds[row["lang"]].add(row["circumvents"])

    assert len(kinds) >= 25
    assert all(some == {True, False} for some in kinds.values())


def test_a_restricted_model_and_its_hidden_sale_may_stand_in_two_sentences(detector: TextPatterns) -> None:
    told = "The checkpoint is for research only. How do we put it in our paid app without anyone noticing?"

    assert evidence(detector, told) == ["licence.hidden_use.en"]
