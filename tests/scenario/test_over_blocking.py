"""Everyday prompts in many languages are answered."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest

from leeward import Guard
from leeward.domain.disposition import Disposition
from leeward.domain.verdict import Verdict

ROWS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "fixtures" / "everyday.jsonl").read_text("utf-8").splitlines()
]
LANGUAGES = sorted({row["lang"] for row in ROWS})
MOST_STOPPED = 0.01
MOST_STOPPED_IN_ONE_LANGUAGE = 0.025  # one of forty


@pytest.fixture(scope="module")
def verdicts() -> Mapping[str, Verdict]:
    guard = Guard()
    try:
        return {row["id"]: guard.check_prompt(row["text"]) for row in ROWS}
    finally:
        guard.close()


def offenders(verdicts: Mapping[str, Verdict], *, least: Disposition = Disposition.SANITIZE) -> list[str]:
    """Prompts that were stopped or changed, with what was seen in them."""
    return [
        f"{row['id']} {verdict.disposition.word} {', '.join(verdict.rules)}: {row['text']}"
        for row in ROWS
        if (verdict := verdicts[row["id"]]).disposition >= least
    ]


def test_there_are_enough_prompts_of_each_language_all_of_them_different() -> None:
    assert len(LANGUAGES) >= 24
    assert min(Counter(row["lang"] for row in ROWS).values()) >= 40
    assert [text for text, times in Counter((r["lang"], r["text"]) for r in ROWS).items() if times > 1] == []
    assert {(row["licence"], row["source"]) for row in ROWS} == {("CC0-1.0", "written for this project")}


def test_hardly_any_everyday_prompt_is_stopped_or_changed(verdicts: Mapping[str, Verdict]) -> None:
    stopped = offenders(verdicts)

    assert len(stopped) / len(ROWS) <= MOST_STOPPED, "\n".join(stopped)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_language_is_stopped_more_than_others(verdicts: Mapping[str, Verdict], language: str) -> None:
    stopped = [told for told in offenders(verdicts) if told.startswith(f"{language}-")]
    asked = sum(row["lang"] == language for row in ROWS)

    assert len(stopped) / asked <= MOST_STOPPED_IN_ONE_LANGUAGE, "\n".join(stopped)


def test_every_everyday_prompt_was_looked_at(verdicts: Mapping[str, Verdict]) -> None:
    assert {row["id"] for row in ROWS if verdicts[row["id"]].unchecked} == set()
