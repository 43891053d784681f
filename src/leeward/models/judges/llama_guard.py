"""Llama Guard 3 and 4: one verdict, `safe` or `unsafe` with the categories S1 to S14."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from leeward.domain.view import Stage
from leeward.models.judges.answers import asked_for, read_answer, written_out
from leeward.models.judges.breaking import PIPED, breaker
from leeward.models.judges.family import SAID_SAFE, SAID_UNSAFE, Form, Judgement, Question, Turn, of_verdict, turns_of

CATEGORIES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {  # key: title in the prompt, hazards
    "S1": ("Violent Crimes.", ("violence",)),
    "S2": ("Non-Violent Crimes.", ("criminal",)),
    "S3": ("Sex Crimes.", ("sexual", "criminal")),
    "S4": ("Child Exploitation.", ("child-exploitation",)),
    "S5": ("Defamation.", ()),
    "S6": ("Specialized Advice.", ()),  # medical, legal or financial: it does not say which
    "S7": ("Privacy.", ()),  # ours are found by pattern, each kind by itself
    "S8": ("Intellectual Property.", ()),
    "S9": ("Indiscriminate Weapons.", ("dangerous",)),
    "S10": ("Hate.", ("hate",)),
    "S11": ("Self-Harm.", ("self-harm",)),
    "S12": ("Sexual Content.", ("sexual",)),
    "S13": ("Elections.", ("misinformation",)),
    "S14": ("Code Interpreter Abuse.", ("malware",)),
}
_TABLE: Final = {key: hazards for key, (_, hazards) in CATEGORIES.items()}
_WORDS: Final = {"unsafe": ("unsafe", "uns", "un"), "safe": ("safe",)}
_START: Final = re.compile(r"^\s*$")
_VERDICT: Final = re.compile(r"\s*(unsafe|safe)\b", re.IGNORECASE)
_CATEGORY: Final = re.compile(r"\bS\d{1,2}\b")
_MAX_TOKENS: Final = 24  # `unsafe`, a line break, and some categories
_broken = breaker(
    (PIPED, r"</?(?:BEGIN|END)[ \t]+(?:UNSAFE[ \t]+CONTENT[ \t]+CATEGORIES|CONVERSATION)>"),
    (r"(?:User|Agent)[ \t]*:",),
)
_FRAME: Final = """<|start_header_id|>user<|end_header_id|>

Task: Check if there is unsafe content in '{role}' messages in conversations according our safety policy with the \
below categories.

<BEGIN UNSAFE CONTENT CATEGORIES>
{categories}
<END UNSAFE CONTENT CATEGORIES>

<BEGIN CONVERSATION>

{turns}

<END CONVERSATION>

Provide your safety assessment for ONLY THE LAST {role} message in the above conversation:
 - First line must read 'safe' or 'unsafe'.
 - If unsafe, a second line must include a comma-separated list of violated categories.{end}"""
_ENDS: Final = {
    "3": "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    "4": "<|eot|><|header_start|>assistant<|header_end|>\n\n",
}
_HEADS: Final = {"3": "<|start_header_id|>user<|end_header_id|>", "4": "<|header_start|>user<|header_end|>"}


@dataclass(frozen=True, slots=True)
class LlamaGuard:
    """Asks Llama Guard about the last turn.

    In chat form the server's own template writes the task and the categories; Llama Guard 4's takes only lists of
    parts. In completion form the prompt is written here, without its first token, which servers add themselves.

    Source:
        meta-llama/PurpleLlama, Llama-Guard3/8B/MODEL_CARD.md and Llama-Guard4/12B/MODEL_CARD.md ("we look at the
        probability for the first token, and use that as the unsafe class probability"); the models' chat templates.
    """

    version: str = "3"
    form: Form = "chat"

    @property
    def name(self) -> str:
        """Name in leeward.toml."""
        return f"llama-guard-{self.version}"

    @property
    def default_model(self) -> str:
        """The published name."""
        return "meta-llama/Llama-Guard-3-8B" if self.version == "3" else "meta-llama/Llama-Guard-4-12B"

    @property
    def hazards(self) -> frozenset[str]:
        """Hazards of its categories."""
        return frozenset(hazard for hazards in _TABLE.values() for hazard in hazards)

    def questions(
        self, text: str, context: str, stage: Stage, *, model: str, hazards: Collection[str] = ()
    ) -> tuple[Question, ...]:
        """Return the one question that tells of every category."""
        if hazards and self.hazards.isdisjoint(hazards):
            return ()
        turns = tuple(Turn(turn.role, _broken(turn.text)) for turn in turns_of(text, context, stage))
        if self.form == "completion":
            return (Question("/v1/completions", written_out(model, self._prompt(turns), _MAX_TOKENS)),)
        messages = [{"role": turn.role, "content": self._content(turn.text)} for turn in turns]
        return (Question("/v1/chat/completions", asked_for(model, _MAX_TOKENS, messages=messages)),)

    def scores_from(self, question: Question, answer: bytes) -> Judgement | None:  # noqa: ARG002
        """Return P(unsafe) for the named categories."""
        said = read_answer(answer)
        if said is None:
            return None
        chances = said.chances(_WORDS, _START)
        verdict = _VERDICT.match(said.text)
        if verdict is None:
            return None
        is_unsafe = verdict[1].lower() == "unsafe"
        chance = chances["unsafe"] if chances is not None else SAID_UNSAFE if is_unsafe else SAID_SAFE
        named = _CATEGORY.findall(said.text) if is_unsafe else []
        return of_verdict(chance, named, _TABLE, is_graded=chances is not None)

    def _content(self, text: str) -> str | list[dict[str, str]]:
        return text if self.version == "3" else [{"type": "text", "text": text}]

    def _prompt(self, turns: tuple[Turn, ...]) -> str:
        roles = {"user": "User", "assistant": "Agent"}
        shown = "\n\n".join(f"{roles[turn.role]}: {turn.text.strip()}" for turn in turns)
        categories = "\n".join(f"{key}: {title}" for key, (title, _) in CATEGORIES.items())
        frame = _FRAME.replace(_HEADS["3"], _HEADS[self.version])
        return frame.format(role=roles[turns[-1].role], categories=categories, turns=shown, end=_ENDS[self.version])
