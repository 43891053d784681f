"""What a family of guard models is: questions to send, and how to read the answers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, Protocol, TypeAlias

from leeward.domain.view import Stage

Json: TypeAlias = "str | int | float | bool | Sequence[Json] | Mapping[str, Json] | None"
Form: TypeAlias = Literal["chat", "completion"]
REPLIES: Final = frozenset({Stage.REPLY, Stage.CODE})
# What a reply's prompt is said to be when it is not known: templates ask for a user's turn before an assistant's.
UNKNOWN_PROMPT: Final = "(not shown)"
# A verdict in words says only on which side of one half the guard is, so no threshold of certainty is met by it.
SAID_UNSAFE: Final = 0.9
SAID_UNSURE: Final = 0.5
SAID_SAFE: Final = 0.1


@dataclass(frozen=True, slots=True)
class Turn:
    """One turn of the conversation that is judged; the last one is the text in question."""

    role: Literal["user", "assistant"]
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """One request to a guard.

    Attributes:
        path: Request path, e.g. `/v1/chat/completions`; a `/v1` that the base address ends in is not doubled.
        body: The JSON body.
        hazards: Hazards that the answer is about; empty when it is about harm in general.
    """

    path: str
    body: Mapping[str, Json]
    hazards: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a guard said.

    Attributes:
        unsafe: Probability in [0, 1] that the text is harmful at all.
        hazards: Probability in [0, 1] of each hazard that the answer tells of.
        is_graded: Whether the numbers are the guard's own; else they stand for a verdict in words.
    """

    unsafe: float
    hazards: Mapping[str, float] = field(default_factory=dict)
    is_graded: bool = True


class Family(Protocol):
    """A family of guard models; everything here is pure."""

    @property
    def name(self) -> str:
        """Name in leeward.toml, e.g. `llama-guard-3`."""

    @property
    def default_model(self) -> str:
        """The name under which its maker publishes it."""

    @property
    def hazards(self) -> frozenset[str]:
        """Hazards that it can tell of."""

    def questions(
        self, text: str, context: str, stage: Stage, *, model: str, hazards: Collection[str] = ()
    ) -> tuple[Question, ...]:
        """Return what to send.

        Args:
            text: The text in question; control tokens of the family in it are broken up.
            context: The prompt that a reply answers, or what the caller wrote before; may be empty.
            stage: Where the text comes from.
            model: Name that the server knows the model by.
            hazards: Hazards of interest; empty asks only whether the text is harmful at all.

        Returns:
            The requests, in the order in which they are best sent; none when the family can tell of no such hazard.
        """

    def scores_from(self, question: Question, answer: bytes) -> Judgement | None:
        """Return what `answer`, a JSON body, says to `question`; None when that could not be told."""


def turns_of(text: str, context: str, stage: Stage) -> tuple[Turn, ...]:
    """Return the conversation to judge; what a caller wrote before is part of the caller's turn."""
    if stage in REPLIES:
        return Turn("user", context or UNKNOWN_PROMPT), Turn("assistant", text)
    return (Turn("user", f"{context}\n\n{text}" if context else text),)


def merged(judgements: Sequence[Judgement]) -> Judgement | None:
    """Return the judgements of several questions as one: the highest of each; None when there are none."""
    if not judgements:
        return None
    hazards: dict[str, float] = {}
    for judgement in judgements:
        for hazard, score in judgement.hazards.items():
            hazards[hazard] = max(score, hazards.get(hazard, 0.0))
    return Judgement(
        max(judgement.unsafe for judgement in judgements),
        hazards,
        all(judgement.is_graded for judgement in judgements),
    )


def of_verdict(
    chance: float, named: Sequence[str], table: Mapping[str, tuple[str, ...]], *, is_graded: bool
) -> Judgement:
    """Return the judgement of a guard that gives one verdict and, with an unsafe one, names categories.

    A named category's hazards get the chance of the verdict. A hazard that the guard could have named and did not is 0
    when it named others, and at most the chance of the verdict when it named none.

    Args:
        chance: Probability in [0, 1] that the text is unsafe.
        named: Categories that it named; unknown ones count as named, and mean no hazard.
        table: Hazards of each category.
    """
    rest = 0.0 if named else chance
    hazards = {hazard: rest for meant in table.values() for hazard in meant}
    for category in named:
        hazards.update(dict.fromkeys(table.get(category, ()), chance))
    return Judgement(chance, hazards, is_graded)
