"""Tells a sentence of instructions from a fact, in 28 languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

SPOKEN_TO: Final = 1.0  # speaks to a model, of its task or of those it serves
ORDERED: Final = 0.5  # a bare order; facts hold such words too, but seldom in front
TOLD: Final = 0.0  # facts, prices and policies are there to be told


@cache
def _patterns() -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    words = _words()
    spoken_to = re.compile(rf"\b(?:{words['spoken_to']})\b|{words['spoken_to_anywhere']}")
    opens = re.compile(rf"\W*(?:\w+\W+)?(?:{words['orders']})\b")
    return spoken_to, opens, re.compile(words["orders_anywhere"])


def _words() -> Mapping[str, str]:
    """Return the words of each section of the list, as one pattern."""
    text = files("leeward.detectors").joinpath("instruction_words.txt").read_text("utf-8")
    sections: dict[str, list[str]] = {}
    name = ""
    for line in text.splitlines():
        if line.startswith("["):
            name = line.strip("[]")
        elif line and not line.startswith("#"):
            sections.setdefault(name, []).extend(word.strip() for word in line.split(" | "))
    return {name: "|".join(words) for name, words in sections.items()}


def weight_of(sentence: str) -> float:
    """Return how much a sentence (lower case) tells a model what to do: `SPOKEN_TO`, `ORDERED` or `TOLD`."""
    spoken_to, opens, ordered = _patterns()
    if spoken_to.search(sentence) is not None:
        return SPOKEN_TO
    if opens.match(sentence) is not None or ordered.search(sentence) is not None:
        return ORDERED
    return TOLD
