"""Shieldstral: a policy as a yes-or-no question, answered with one word."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from leeward.domain.view import Stage
from leeward.models.judges.answers import asked_for
from leeward.models.judges.breaking import breaker
from leeward.models.judges.family import REPLIES, Judgement, Question, turns_of
from leeward.models.judges.wording import DOES, question
from leeward.models.judges.yes_or_no import judged

# The model was trained on this very sentence.
SYSTEM: Final = (
    "Judge whether the Document meets the requirements based on the Query and the Instruction provided. Note that the "
    'answer can only be "yes" or "no".'
)
INSTRUCT: Final = (
    "You are a safety moderator reviewing what people send to an AI assistant and what it answers, across violence, "
    "hate speech, harassment, sexual content, self-harm, criminal activity and attacks on computers. Apply a moderate "
    "tolerance threshold."
)
_broken = breaker(
    (
        r"</?(?:Instruct|Query|Document)>",
        r"\[/?(?:User|Assistant|INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|THINK|IMG)\]",
        r"</?s>",
    )
)


@dataclass(frozen=True, slots=True)
class Shieldstral:
    """Asks Shieldstral one question for each hazard, or one broad one.

    The template that the server applies is the general one of Mistral's models; the three labels are plain text, with
    nothing that guards the border between policy and document, so they are broken up in the document.

    Source:
        Model card of mistralai/Shieldstral-1.0-3B (Apache-2.0): the fixed system message, the three labels,
        `max_tokens` 1 with 20 log-probabilities, softmax over yes and no with -10 for a missing one.
    """

    @property
    def name(self) -> str:
        """Name in leeward.toml."""
        return "shieldstral"

    @property
    def default_model(self) -> str:
        """The published name."""
        return "mistralai/Shieldstral-1.0-3B"

    @property
    def hazards(self) -> frozenset[str]:
        """Hazards that it can be asked about."""
        return frozenset(DOES)

    def questions(
        self, text: str, context: str, stage: Stage, *, model: str, hazards: Collection[str] = ()
    ) -> tuple[Question, ...]:
        """Return one question for each of `hazards`; without hazards, whether the text is unsafe."""
        broad = f"Is this {'response' if stage in REPLIES else 'prompt'} unsafe?"
        asked = [(question(hazard), (hazard,)) for hazard in DOES if hazard in hazards] if hazards else [(broad, ())]
        labels = {"user": "[User]", "assistant": "[Assistant]"}
        turns = turns_of(text, context, stage)
        document = "\n\n".join(f"{labels[turn.role]}\n{_broken(turn.text)}" for turn in turns)
        return tuple(_question(model, query, document, meant) for query, meant in asked)

    def scores_from(self, question: Question, answer: bytes) -> Judgement | None:
        """Return P(yes)."""
        return judged(question, answer)


def _question(model: str, query: str, document: str, hazards: tuple[str, ...]) -> Question:
    content = f"<Instruct>: {INSTRUCT}\n\n<Query>: {query}\n\n<Document>: {document}"
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}]
    return Question("/v1/chat/completions", asked_for(model, 1, messages=messages), hazards)
