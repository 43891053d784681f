"""Innocent texts to tune and to measure on: nothing else is ever read here."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FRONT = Path(__file__).parents[1] / "front"
LINES = Path(__file__).parents[2] / "tests/fixtures/innocent_minors.jsonl"
sys.path.insert(0, str(FRONT))

from data import read_rows  # noqa: E402


@dataclass(frozen=True, slots=True)
class Innocent:
    """One innocent text.

    Attributes:
        kind: `everyday` or `benign` rows of the data folder, `post` for rows that swear or insult but hold nothing
            of this rule, `written` for the lines about minors of tests/fixtures/innocent_minors.jsonl.
        is_held_out: Whether it only measures.
    """

    text: str
    language: str
    kind: str
    is_held_out: bool


def innocent(folder: Path) -> Iterator[Innocent]:
    """Yield the rows of the data folder that say nothing of RULE-MIST-005, then the written lines."""
    for row in read_rows(folder):
        if row.hazards.get("child-exploitation") == 1.0 or row.hazards.get("sexual") == 1.0:
            continue
        is_harmless = all(value == 0.0 for value in row.hazards.values())
        kind = "everyday" if row.everyday else "benign" if is_harmless else "post"
        yield Innocent(row.text, row.lang.partition("-")[0], kind, row.fold == "dev")
    yield from written()


def written() -> Iterator[Innocent]:
    """Yield the lines about minors; every third one only measures."""
    for number, line in enumerate(LINES.read_text(encoding="utf-8").splitlines()):
        row = json.loads(line)
        yield Innocent(row["text"], row["lang"], "written", number % 3 == 0)
