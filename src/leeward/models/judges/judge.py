"""A guard model as the last tier: asked where the classifier is unsure, within a budget, with a stated way to fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from leeward.domain.view import Stage
from leeward.errors import DetectorError, UpstreamError
from leeward.models.judges.budget import Budget
from leeward.models.judges.client import JudgeClient
from leeward.models.judges.family import Family, Judgement, Question, merged

# For a finding's evidence: who had the last word.
JUDGED: Final = "a judge was asked and this is its score"
UNJUDGED: Final = "unsure, and no judge could be asked: the score is the classifier's own"
OnFailure = Literal["keep", "fail"]


@dataclass(slots=True)
class Counts:
    """What became of the asking so far.

    Attributes:
        answered: Times that it gave a score.
        unclear: Times that its answer told nothing: refused, malformed, cut short.
        failed: Times that it did not answer: unreachable, too slow, an error status.
        over_budget: Times that it was not asked, for want of budget or while it rests after failures.
        too_long: Times that it was not asked because the text was longer than it may be sent.
    """

    answered: int = 0
    unclear: int = 0
    failed: int = 0
    over_budget: int = 0
    too_long: int = 0


class GuardJudge:
    """Asks one guard model; safe to share between threads.

    Args:
        model: Name that the server knows the model by; empty takes the one it is published under.
        clock: Seconds, monotonic.
        timeout_seconds: For one text, however many requests the family needs for it.
        band: A score of the classifier within these bounds, both included, is unsure.
        on_failure: `keep` answers None, so that the classifier's score stands; `fail` raises.
        max_chars: Longest text with its context that is sent.
    """

    def __init__(
        self,
        family: Family,
        client: JudgeClient,
        budget: Budget,
        *,
        clock: Callable[[], float],
        model: str = "",
        timeout_seconds: float = 2.0,
        band: tuple[float, float] = (0.3, 0.7),
        on_failure: OnFailure = "keep",
        max_chars: int = 20_000,
    ) -> None:
        self.family = family
        self.timeout_seconds = timeout_seconds
        self.counts = Counts()
        self._lock = threading.Lock()
        self._model = model or family.default_model
        self._client = client
        self._budget = budget
        self._clock = clock
        self._band = band
        self._on_failure = on_failure
        self._max_chars = max_chars

    @property
    def hazards(self) -> frozenset[str]:
        """Hazards that the judge can tell of."""
        return self.family.hazards

    def is_unsure(self, score: float) -> bool:
        """Whether a score of the classifier lies in the band."""
        return self._band[0] <= score <= self._band[1]

    def ask(self, text: str, context: str, stage: Stage, hazards: Collection[str] = ()) -> Mapping[str, float] | None:
        """Return the probability of each hazard that the judge told of.

        Args:
            text: The text in question.
            context: The prompt that a reply answers, or what the caller wrote before; may be empty.
            stage: Where the text comes from.
            hazards: Hazards that are unsure; empty asks about all that it knows. A family that is asked one thing at a
                time sends one request for each, and each takes from the budget.

        Returns:
            Probabilities in [0, 1], of no other hazards than those asked for; empty when the judge knows none of them;
            None when it could not be asked or could not tell, under `keep`.

        Raises:
            DetectorError: If it could not be asked or could not tell, under `fail`: this is "could not look".
        """
        wanted = self.hazards.intersection(hazards) if hazards else self.hazards
        if not wanted:
            return {}
        judgement = self.judge(text, context, stage, wanted)
        if judgement is not None:
            return {hazard: score for hazard, score in judgement.hazards.items() if hazard in wanted}
        if self._on_failure == "fail":
            raise DetectorError(
                f"the judge ({self.family.name}) could not be asked or could not tell",
                meaning="The text was not looked at as the settings ask for.",
                remedy='Check the judge, widen its budget, or set on_failure = "keep" in [judge].',
            )
        return None

    def judge(self, text: str, context: str, stage: Stage, hazards: Collection[str] = ()) -> Judgement | None:
        """Return the whole judgement, also of harm in general; None when it could not be told. Never raises."""
        if len(text) + len(context) > self._max_chars:
            self._count("too_long")
            return None
        questions = self.family.questions(text, context, stage, model=self._model, hazards=hazards)
        if not questions:
            return Judgement(0.0)
        if not self._budget.take(len(questions)):
            self._count("over_budget")
            return None
        return self._asked(questions)

    def close(self) -> None:
        """Close connections."""
        self._client.close()

    def _asked(self, questions: tuple[Question, ...]) -> Judgement | None:
        deadline = self._clock() + self.timeout_seconds
        judgements = []
        for question in questions:
            try:
                answer = self._client.post(question.path, msgspec.json.encode(question.body), deadline=deadline)
            except (UpstreamError, UnicodeEncodeError):
                self._budget.failed()
                self._count("failed")
                return None
            judgement = self.family.scores_from(question, answer)
            if judgement is None:
                self._count("unclear")
                return None
            judgements.append(judgement)
        self._budget.went_well()
        self._count("answered")
        return merged(judgements)

    def _count(self, what: str) -> None:
        with self._lock:
            setattr(self.counts, what, getattr(self.counts, what) + 1)
