"""The contrast corpus is whole, and an entry lies in one fold in every language."""

from __future__ import annotations

import re
from collections import Counter, defaultdict

import pytest

from grown import FOLDER, LABELS, Text, entries_of, fold_at, grown

FILES = sorted(path.stem for path in FOLDER.glob("*.txt"))
PARTS = {
    "groups": 1, "frames": 2, "hate": 2, "request": 2, "selfharm": 3, "malware": 2, "exchange": 2,
    "ordinary": 1, "replies": 1, "refusals": 2,
    "frames2": 2, "hate2": 2, "stereotype": 2, "request2": 2, "selfharm2": 3, "malware2": 2, "ordinary2": 1,
    "hate3": 2, "ordinary3": 1, "replies3": 1,
}  # fmt: skip
WHOLE = {
    "groups": 10, "frames": 24, "hate": 24, "request": 56, "selfharm": 12, "malware": 12, "exchange": 14,
    "ordinary": 120, "replies": 40, "refusals": 10,
    "frames2": 24, "hate2": 16, "stereotype": 12, "request2": 40, "selfharm2": 10, "malware2": 8, "ordinary2": 40,
    "hate3": 50, "ordinary3": 30, "replies3": 20,
}  # fmt: skip
VARIETIES = {"aae", "ary", "gsw"}  # frames and everyday texts alone


@pytest.fixture(scope="module")
def texts() -> list[Text]:
    return list(grown())


def entries_in(name: str) -> list[tuple[str, int, str]]:
    return entries_of(FOLDER / f"{name}.txt")


def test_the_corpus_has_28_languages_and_four_varieties() -> None:
    assert len(FILES) == 32
    assert VARIETIES | {"hi-Latn"} < set(FILES)


@pytest.mark.parametrize("name", FILES)
def test_every_entry_has_all_its_sides(name: str) -> None:
    wrong = [
        (section, place) for section, place, line in entries_in(name)
        if [bool(part.strip()) for part in line.split("||")] != [True] * PARTS[section]
    ]  # fmt: skip

    assert wrong == []


@pytest.mark.parametrize("name", FILES)
def test_every_side_of_a_frame_has_one_place_for_a_group(name: str) -> None:
    sides = [side for section, _, line in entries_in(name) if section.startswith("frames") for side in line.split("||")]

    assert [side for side in sides if side.count("{g}") != 1] == []


@pytest.mark.parametrize("name", FILES)
def test_every_side_of_an_exchange_has_two_turns(name: str) -> None:
    sides = [side for section, _, line in entries_in(name) if section == "exchange" for side in line.split("||")]

    assert [side for side in sides if side.count(">>") != 1] == []


@pytest.mark.parametrize("name", FILES)
def test_no_entry_stands_twice(name: str) -> None:
    sides = Counter(
        re.sub(r"[\W_]+", " ", side.lower()).strip()
        for section, _, line in entries_in(name) if section not in ("groups", "exchange") for side in line.split("||")
    )  # fmt: skip

    assert [side for side, times in sides.items() if times > 1] == []


@pytest.mark.parametrize("name", [name for name in FILES if name not in VARIETIES])
def test_a_language_has_as_many_entries_as_any_other(name: str) -> None:
    """The theme of a request is known by its place: one line too many would shift the labels behind it."""
    counted = Counter(section for section, _, _ in entries_in(name))

    assert {section: counted[section] - WHOLE[section] for section in WHOLE} == {
        section: int(section == "request" and name in ("en", "de", "fr")) for section in WHOLE
    }


def test_an_entry_lies_in_one_fold_in_every_language(texts: list[Text]) -> None:
    folds = defaultdict(set)
    for text in texts:
        folds[text.row.group].add(text.row.fold)

    assert [group for group, found in folds.items() if len(found) > 1] == []


@pytest.mark.parametrize("section", [section for section in PARTS if section != "groups"])
def test_every_section_has_entries_in_every_fold(section: str) -> None:
    assert {fold_at(section, place) for place in range(WHOLE[section])} == {"train", "cal", "dev"}


def test_ids_are_unique(texts: list[Text]) -> None:
    assert [name for name, times in Counter(text.row.id for text in texts).items() if times > 1] == []


def test_labels_are_known_names_and_zero_or_one(texts: list[Text]) -> None:
    said = {(hazard, value) for text in texts for hazard, value in text.row.hazards.items()}

    assert {hazard for hazard, _ in said} <= set(LABELS)
    assert {value for _, value in said} == {0.0, 1.0}


def test_a_pair_holds_a_harmful_and_a_harmless_text(texts: list[Text]) -> None:
    sides = defaultdict(set)
    for text in texts:
        if text.pair and "refusals" not in text.pair:
            sides[text.pair].add(text.row.hazards.get("harm", 1.0))

    assert {pair for pair, found in sides.items() if found != {0.0, 1.0}} == set()


def test_a_frame_is_filled_with_every_group(texts: list[Text]) -> None:
    filled = [text for text in texts if text.row.id.startswith("grown-frames-0-en-1-")]

    assert len(filled) == 10
    assert all("{g}" not in text.row.text for text in filled)


def test_what_was_said_before_is_no_part_of_the_judged_text(texts: list[Text]) -> None:
    exchanges = [text for text in texts if "-exchange-" in text.row.id]

    assert exchanges
    assert all(text.context and ">>" not in text.row.text + text.context for text in exchanges)


def test_a_person_at_risk_is_not_labelled_as_promoting_self_harm(texts: list[Text]) -> None:
    at_risk = [text.row.hazards for text in texts if text.row.hazards.get("distress") == 1.0]

    assert at_risk
    assert {said["self-harm"] for said in at_risk} == {0.0}
