"""Tells a sentence of instructions from a fact, in 28 languages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

SPOKEN_TO: Final = 1.0  # opens by speaking to a model, or says what is secret
ORDERED: Final = 0.4  # opens with an order, or names those whom a model serves; manuals hold such sentences too
TOLD: Final = 0.0  # facts, prices and policies are there to be told


@dataclass(frozen=True, slots=True)
class _Patterns:
    secrecy: re.Pattern[str]
    spoken_to: re.Pattern[str]
    opens: re.Pattern[str]
    ordered: re.Pattern[str]


@cache
def _patterns() -> _Patterns:
    words = _words()
    return _Patterns(
        secrecy=re.compile(rf"\b(?:{words['secrecy']})\b|{words['secrecy_anywhere']}"),
        spoken_to=re.compile(rf"\b(?:{words['spoken_to']})\b|{words['spoken_to_anywhere']}"),
        opens=re.compile(rf"\W*(?:\w+\W+)?(?:{words['orders']})\b"),
        ordered=re.compile(words["orders_anywhere"]),
    )


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
    known = _patterns()
    spoken_to = known.spoken_to.search(sentence)
    if known.secrecy.search(sentence) is not None:
        return SPOKEN_TO
    if spoken_to is not None and not any(char.isalnum() for char in sentence[: spoken_to.start()]):
        return SPOKEN_TO
    if spoken_to is not None or known.opens.match(sentence) is not None or known.ordered.search(sentence) is not None:
        return ORDERED
    return TOLD
