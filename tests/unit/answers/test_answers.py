"""Refusals, notes and resources."""

from __future__ import annotations

from datetime import date
from string import Formatter

import msgspec
import pytest

from leeward.answers import LANGUAGES, Resources, Texts, note, refusal, texts_in, throttled
from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Finding
from leeward.domain.verdict import Cause, Firing, Verdict


def firing(**changes: object) -> Firing:
    values: dict[str, object] = {
        "rule": "RULE-MIST-001",
        "name": "Harmful Content",
        "disposition": Disposition.BLOCK,
        "duties": frozenset({Duty.LOG}),
        "level": 1,
        "cause": Cause.FINDING,
        "detector": "front-text",
        "finding": Finding(hazard="hate", confidence=0.9),
    }
    return Firing(**(values | changes))  # type: ignore[arg-type]


def verdict(*firings: Firing) -> Verdict:
    return Verdict(disposition=max(f.disposition for f in firings), firings=firings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_text_with_the_same_blanks(language: str) -> None:
    english, own = msgspec.structs.asdict(texts_in("en")), msgspec.structs.asdict(texts_in(language))

    def blanks(text: str) -> set[str | None]:
        return {name for _, name, _, _ in Formatter().parse(text) if name}

    assert {k: blanks(v) for k, v in english.items()} == {k: blanks(v) for k, v in own.items()}
    assert all(own.values())
    assert language == "en" or not set(english.values()) & set(own.values())


def test_at_least_24_languages_are_spoken() -> None:
    assert len(LANGUAGES) >= 24
    assert len({texts_in(language).refusal for language in LANGUAGES}) == len(LANGUAGES)


def test_an_unknown_language_is_answered_in_english_and_a_near_one_in_its_neighbour() -> None:
    assert texts_in("xx") is texts_in("en")
    assert texts_in("nb") is texts_in("da")


def test_a_person_at_risk_is_answered_with_care_and_help_lines() -> None:
    at_risk = firing(duties=frozenset({Duty.RESOURCES}), counts=False)

    text = refusal(verdict(at_risk, firing()), "fr", Resources("FR", "corroborated"))

    assert texts_in("fr").care in text
    assert "3114" in text
    assert "findahelpline" in text


def test_a_line_that_nobody_confirmed_is_not_shown_by_default() -> None:
    text = Resources("FR", today=date(2026, 11, 24)).text("fr")

    assert "3114" not in text
    assert "112" in text


def test_a_check_that_could_not_be_made_is_said_so() -> None:
    failed = firing(cause=Cause.UNCHECKED, finding=None, failure="timeout")

    stopped = Verdict(Disposition.BLOCK, firings=(failed,), unchecked=frozenset({failed.rule}))

    assert refusal(stopped, "de") == texts_in("de").unchecked


def test_a_reply_cut_half_way_says_that_it_was() -> None:
    assert refusal(verdict(firing()), "en", is_cut=True) == texts_in("en").stopped


def test_a_note_on_code_names_the_weakness_and_shows_the_alternative() -> None:
    finding = Finding(hazard="CWE-89", confidence=0.9, message="Query built from input.", safe_alternative="a\n```\nb")
    weak = firing(disposition=Disposition.ANNOTATE, duties=frozenset({Duty.SAFE_ALTERNATIVE}), finding=finding)

    text = note([weak, weak], "en")

    assert text.count("CWE-89") == 1
    assert "Query built from input." in text
    assert "````\na\n```\nb\n````" in text


def test_waiting_time_is_told() -> None:
    assert "30" in throttled("ja", 30)


def test_texts_have_no_keys_that_nothing_reads() -> None:
    assert set(Texts.__struct_fields__) == set(msgspec.structs.asdict(texts_in("en")))
