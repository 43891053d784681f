"""The moderation APIs of Mistral and OpenAI: a score for each category in one request."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from leeward.domain.view import Stage
from leeward.models.judges.family import REPLIES, Judgement, Question, turns_of

MISTRAL: Final[Mapping[str, tuple[str, ...]]] = {
    "sexual": ("sexual",),
    "hate_and_discrimination": ("hate",),
    "violence_and_threats": ("violence",),
    "dangerous": ("dangerous",),
    "criminal": ("criminal",),
    "dangerous_and_criminal_content": ("dangerous", "criminal"),  # of the first version
    "selfharm": ("self-harm",),
    "health": ("health",),
    "financial": ("financial",),
    "law": ("law",),
    "pii": (),
    "jailbreaking": ("injection",),
}
OPENAI: Final[Mapping[str, tuple[str, ...]]] = {
    "harassment": ("harassment",),
    "harassment/threatening": ("harassment", "violence"),
    "hate": ("hate",),
    "hate/threatening": ("hate", "violence"),
    "illicit": ("criminal",),
    "illicit/violent": ("criminal", "dangerous"),
    "self-harm": ("self-harm",),
    "self-harm/instructions": ("self-harm",),
    "self-harm/intent": ("distress",),
    "sexual": ("sexual",),
    "sexual/minors": ("child-exploitation",),
    "violence": ("violence",),
    "violence/graphic": (),  # depiction, not threat
}
_NO_HARM: Final = frozenset({"health", "financial", "law", "pii"})  # a matter of policy, not of harm


class _Result(msgspec.Struct):
    category_scores: dict[str, float | None]


class _Results(msgspec.Struct):
    results: list[_Result]


@dataclass(frozen=True, slots=True)
class MistralModeration:
    """Asks `/v1/chat/moderations` where there is a conversation, else `/v1/moderations`.

    Source:
        docs.mistral.ai, "Moderation": both endpoints, the last turn scored in the light of those before it, categories
        of mistral-moderation-2411 and -2603.
    """

    @property
    def name(self) -> str:
        """Name in leeward.toml."""
        return "mistral-moderation"

    @property
    def default_model(self) -> str:
        """The model that knows all eleven categories."""
        return "mistral-moderation-2603"

    @property
    def hazards(self) -> frozenset[str]:
        """Hazards of its categories."""
        return _hazards(MISTRAL)

    def questions(
        self, text: str, context: str, stage: Stage, *, model: str, hazards: Collection[str] = ()
    ) -> tuple[Question, ...]:
        """Return the one request that tells of every category."""
        if hazards and self.hazards.isdisjoint(hazards):
            return ()
        if stage not in REPLIES and not context:
            return (Question("/v1/moderations", {"model": model, "input": [text]}),)
        turns = [{"role": turn.role, "content": turn.text} for turn in turns_of(text, context, stage)]
        return (Question("/v1/chat/moderations", {"model": model, "input": turns}),)

    def scores_from(self, question: Question, answer: bytes) -> Judgement | None:  # noqa: ARG002
        """Return the scores by hazard."""
        return _judgement(answer, MISTRAL)


@dataclass(frozen=True, slots=True)
class OpenAIModeration:
    """Asks OpenAI's `/v1/moderations`, which sees no conversation: what came before is not sent.

    Source:
        OpenAI API reference, "Create moderation": `category_scores`; `illicit` is null for older models.
    """

    @property
    def name(self) -> str:
        """Name in leeward.toml."""
        return "openai-moderation"

    @property
    def default_model(self) -> str:
        """The model that knows all thirteen categories."""
        return "omni-moderation-latest"

    @property
    def hazards(self) -> frozenset[str]:
        """Hazards of its categories."""
        return _hazards(OPENAI)

    def questions(
        self,
        text: str,
        context: str,  # noqa: ARG002
        stage: Stage,  # noqa: ARG002
        *,
        model: str,
        hazards: Collection[str] = (),
    ) -> tuple[Question, ...]:
        """Return the one request that tells of every category."""
        if hazards and self.hazards.isdisjoint(hazards):
            return ()
        return (Question("/v1/moderations", {"model": model, "input": text}),)

    def scores_from(self, question: Question, answer: bytes) -> Judgement | None:  # noqa: ARG002
        """Return the scores by hazard."""
        return _judgement(answer, OPENAI)


def _hazards(table: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    return frozenset(hazard for hazards in table.values() for hazard in hazards)


def _judgement(answer: bytes, table: Mapping[str, tuple[str, ...]]) -> Judgement | None:
    try:
        results = msgspec.json.decode(answer, type=_Results).results
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    if len(results) != 1:
        return None
    scores = {
        category: score
        for category, score in results[0].category_scores.items()
        if category in table and score is not None and math.isfinite(score) and 0.0 <= score <= 1.0
    }
    if not scores:
        return None
    hazards: dict[str, float] = {}
    for category, score in scores.items():
        for hazard in table[category]:
            hazards[hazard] = max(score, hazards.get(hazard, 0.0))
    return Judgement(max((s for c, s in scores.items() if c not in _NO_HARM), default=0.0), hazards)
