"""Reads the answers of guards that are asked one thing at a time and say yes or no."""

from __future__ import annotations

import re
from typing import Final

from leeward.models.judges.answers import read_answer
from leeward.models.judges.family import SAID_SAFE, SAID_UNSAFE, Judgement, Question

FIRST: Final = re.compile(r"^\s*$")
_WORDS: Final = {"yes": ("yes",), "no": ("no",)}
_SAID: Final = re.compile(r"[\s\"'*]*(yes|no)\b", re.IGNORECASE)


def judged(question: Question, answer: bytes, *, after: re.Pattern[str] = FIRST) -> Judgement | None:
    """Return P(yes) as the probability of the hazards that `question` is about.

    Args:
        after: What is said before the word; matched at its end.

    Returns:
        None when there is neither a yes nor a no where one must be.
    """
    said = read_answer(answer)
    if said is None:
        return None
    chances = said.chances(_WORDS, after)
    if chances is not None:
        return Judgement(chances["yes"], dict.fromkeys(question.hazards, chances["yes"]))
    word = _word(said.text, after)
    if word is None:
        return None
    chance = SAID_UNSAFE if word == "yes" else SAID_SAFE
    return Judgement(chance, dict.fromkeys(question.hazards, chance), is_graded=False)


def _word(text: str, after: re.Pattern[str]) -> str | None:
    starts = [0] if after is FIRST else [found.end() for found in re.finditer(r"<score>", text)]
    for start in starts:
        found = _SAID.match(text, start)
        if found is not None:
            return found[1].lower()
    return None
