"""Reads chat and text completions: the words, and the probabilities of the first that counts."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec

FLOOR: Final = -10.0  # log-probability of a word that is not among those listed; Shieldstral's card takes the same


_SEEN_CHARS: Final = 64  # of what was said before; no pattern needs more


class _Candidate(msgspec.Struct):
    token: str
    logprob: float


class _Position(msgspec.Struct):
    token: str
    logprob: float
    top_logprobs: list[_Candidate] = []


class _Logprobs(msgspec.Struct):
    """Chat servers fill `content`; text completions fill the other two."""

    content: list[_Position] | None = None
    tokens: list[str] | None = None
    top_logprobs: list[dict[str, float] | None] | None = None


class _Message(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None


class _Choice(msgspec.Struct):
    message: _Message | None = None
    text: str | None = None
    logprobs: _Logprobs | None = None
    finish_reason: str | None = None


class _Completion(msgspec.Struct):
    choices: list[_Choice]


@dataclass(frozen=True, slots=True)
class Answer:
    """A completion.

    Attributes:
        text: What was said.
        positions: For each token said, itself and the log-probabilities of the candidates for its place; empty when the
            server gives none.
    """

    text: str
    positions: tuple[tuple[str, Mapping[str, float]], ...] = ()

    def chances(self, words: Mapping[str, Sequence[str]], after: re.Pattern[str]) -> dict[str, float] | None:
        """Return how the probability is shared out among `words` at the first token behind `after`.

        Args:
            words: For each word its spellings and first pieces in lower case; compared without spaces and quotes.
            after: Must match the end of what was said before; white space in front of the word is skipped.

        Returns:
            Probabilities in [0, 1] that sum to 1; None when the server gave none, or none of the words was a candidate.
        """
        said = ""
        for token, candidates in self.positions:
            if token.strip() and after.search(said):
                return _shares(candidates, words)
            said = (said + token)[-_SEEN_CHARS:]
        return None


def read_answer(body: bytes) -> Answer | None:
    """Return the completion in `body`; None when there is none, or the server refused or withheld it."""
    try:
        completion = msgspec.json.decode(body, type=_Completion)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if not completion.choices:
        return None
    choice = completion.choices[0]
    text = choice.message.content if choice.message is not None else choice.text
    if text is None or choice.finish_reason == "content_filter" or (choice.message and choice.message.refusal):
        return None
    return Answer(text, tuple(_positions(choice.logprobs)) if choice.logprobs is not None else ())


def _positions(given: _Logprobs) -> Sequence[tuple[str, Mapping[str, float]]]:
    if given.content is not None:
        return [(p.token, _ranked([(p.token, p.logprob), *((c.token, c.logprob) for c in p.top_logprobs)]))
                for p in given.content]  # fmt: skip
    tokens, tops = given.tokens or [], given.top_logprobs or []
    return [(token, _ranked(list((top or {}).items()))) for token, top in zip(tokens, tops, strict=False)]


def _ranked(candidates: Sequence[tuple[str, float]]) -> Mapping[str, float]:
    return {token: logprob for token, logprob in candidates if math.isfinite(logprob) and logprob <= 1e-3}


def _shares(candidates: Mapping[str, float], words: Mapping[str, Sequence[str]]) -> dict[str, float] | None:
    mass = dict.fromkeys(words, 0.0)
    for token, logprob in candidates.items():
        said = token.strip(" \t\n\"'.*▁Ġ").lower()
        for word, spellings in words.items():
            if said in spellings:
                mass[word] += math.exp(logprob)
    if not any(mass.values()):
        return None
    floor = math.exp(min(FLOOR, *candidates.values()))
    mass = {word: max(share, floor) for word, share in mass.items()}
    total = sum(mass.values())
    return {word: share / total for word, share in mass.items()}


def asked_for(model: str, max_tokens: int, **more: Any) -> dict[str, Any]:
    """Return the parameters that every completion is asked with: no chance, and the probabilities of each token."""
    return {"model": model, "max_tokens": max_tokens, "temperature": 0, "logprobs": True, "top_logprobs": 20, **more}


def written_out(model: str, prompt: str, max_tokens: int) -> dict[str, Any]:
    """Return the body of a text completion over a prompt that holds its control tokens already."""
    return {"model": model, "prompt": prompt, "max_tokens": max_tokens, "temperature": 0, "logprobs": 20}
