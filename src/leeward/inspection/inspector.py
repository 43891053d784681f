"""Inspects whole texts and opens machines for streams, for one ruleset."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum

from leeward.domain.verdict import CLEAR, Verdict
from leeward.domain.view import CONTEXT_CHARS, NO_FACTS, Fact, Stage, View
from leeward.domain.withheld import Flagged, Instructions
from leeward.inspection.drive import drive, drive_async
from leeward.inspection.edits import Edit
from leeward.inspection.hazards import HazardScores
from leeward.inspection.judge import Judge
from leeward.inspection.language import identify
from leeward.inspection.machine import PartPlan, StreamMachine
from leeward.inspection.normalise import layers_of
from leeward.inspection.rounds import Cleaning
from leeward.inspection.spotlight import NO_SPOTLIGHT, SpotlightPlan
from leeward.inspection.windows import PROMPT_WINDOWS, REPLY_WINDOWS, CodePlan, WindowPlan
from leeward.inspection.withheld import InstructionBook


class CallHandling(StrEnum):
    """What becomes of a tool call that carries what only a flagged passage brought in."""

    OFF = "off"  # nobody looks
    FLAG = "flag"  # recorded and told, nothing happens
    HOLD = "hold"  # taken out of the reply, given back in the `leeward` object
    REFUSE = "refuse"  # the reply is refused


@dataclass(frozen=True, slots=True, kw_only=True)
class InspectionSettings:
    """How texts are cut and remembered.

    Attributes:
        prompt_windows: Windows of everything that is there at once.
        reply_windows: Windows of replies; their stride and reach are what a stream holds back.
        code_stride_chars: An open code block is examined again after so many further characters.
        cache_entries: Messages whose verdict is remembered, so that repeated history costs nothing.
        spotlight: Which untrusted texts are marked as data, and how.
        has_canary: Whether a random word is put into the operator's instructions, by which a leak is known.
        tool_calls: What becomes of calls that carry what was flagged.
    """

    prompt_windows: WindowPlan = PROMPT_WINDOWS
    reply_windows: WindowPlan = REPLY_WINDOWS
    code_stride_chars: int = 2_000
    cache_entries: int = 8_192
    spotlight: SpotlightPlan = NO_SPOTLIGHT
    has_canary: bool = False
    tool_calls: CallHandling = CallHandling.HOLD


@dataclass(frozen=True, slots=True)
class Passage:
    """A whole text, inspected.

    Attributes:
        verdict: Over all of its views.
        text: What may be passed on; differs from the source only where it was sanitised.
        is_changed: Whether it differs.
        edits: What was done to the source, in order.
        instruction: What a model must be told of the marks in `text`; empty when it was not spotlighted.
    """

    verdict: Verdict
    text: str
    is_changed: bool = False
    edits: tuple[Edit, ...] = ()
    instruction: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return what was changed as JSON values; empty when nothing was."""
        if not self.is_changed:
            return {}
        told: dict[str, object] = {"sanitized": self.text}
        if self.edits:
            told["edits"] = [edit.to_dict() for edit in self.edits]
        if self.instruction:
            told["spotlight_instruction"] = self.instruction
        return told


class Inspector:
    """Inspection as one ruleset wants it; gateway, library, scan and evaluation all use it.

    Args:
        judge: Runs detectors and decides.
        settings: How texts are cut and remembered.
        cache_key: Secret of this process; digests of remembered texts are keyed with it.
    """

    def __init__(self, judge: Judge, settings: InspectionSettings, cache_key: bytes) -> None:
        self.judge = judge
        self.ruleset = judge.ruleset
        self.spotlight = settings.spotlight
        self.has_canary = settings.has_canary
        self.tool_calls = settings.tool_calls
        self._settings = settings
        self._cache_key = cache_key
        self.instruction_book = InstructionBook(cache_key)
        self._cache: OrderedDict[bytes, Passage] = OrderedDict()
        # A rule whose detector needs to see more at once makes streams wait for more.
        self.reply_windows = settings.reply_windows.reaching(judge.reach_chars(Stage.REPLY))
        plan = judge.ruleset.plans[Stage.CODE]
        self._code = CodePlan(stride_chars=settings.code_stride_chars, holds=plan.may_stop) if plan.asked else None

    def watches(self, stage: Stage) -> bool:
        """Whether any rule asks about text of this stage."""
        return bool(self.ruleset.plans[stage].asked) or (stage is Stage.REPLY and self._code is not None)

    def machine(
        self,
        stage: Stage,
        part: str = "",
        *,
        is_code: bool = False,
        code_language: str = "",
        holds_to_end: bool = False,
        context: str = "",
        instructions: Instructions | None = None,
    ) -> StreamMachine:
        """Return a machine for one part that is to be streamed or inspected.

        Args:
            context: What was said before it.
            instructions: What a reply must not repeat; see `instruction_book`.
        """
        windows = self.reply_windows if stage is Stage.REPLY else self._settings.prompt_windows
        plan = PartPlan(
            stage=stage,
            part=part,
            windows=windows,
            code=self._code if stage is Stage.REPLY else None,
            is_code=is_code,
            code_language=code_language,
            is_watched=self.watches(stage),
            holds_to_end=holds_to_end or self.ruleset.plans[stage].holds_to_end,
            context=context[-CONTEXT_CHARS:],
            instructions=instructions,
        )
        return StreamMachine(plan, identify, layers_of)

    def inspect(
        self,
        text: str,
        stage: Stage,
        part: str = "",
        *,
        is_code: bool = False,
        code_language: str = "",
        context: str = "",
        instructions: Instructions | None = None,
    ) -> Passage:
        """Return the verdict on a whole text, and the text as it may be passed on.

        Args:
            context: What was said before the text; see `View`.
            instructions: What a reply must not repeat; see `instruction_book`.
        """
        looks = self._looks(text, stage, part, code_language if is_code else None, context, instructions)
        try:
            while True:
                drive(next(looks), self.judge)
        except StopIteration as end:
            passage: Passage = end.value
            return passage

    async def inspect_async(
        self,
        text: str,
        stage: Stage,
        part: str = "",
        *,
        is_code: bool = False,
        code_language: str = "",
        context: str = "",
        instructions: Instructions | None = None,
    ) -> Passage:
        """Do as `inspect` does, leaving the event loop free while threads look."""
        looks = self._looks(text, stage, part, code_language if is_code else None, context, instructions)
        try:
            while True:
                await drive_async(next(looks), self.judge)
        except StopIteration as end:
            passage: Passage = end.value
            return passage

    def _looks(
        self,
        text: str,
        stage: Stage,
        part: str,
        code_language: str | None,
        context: str,
        instructions: Instructions | None,
    ) -> Generator[StreamMachine, None, Passage]:
        """Yield machines that hold all of a text, to be driven, and return what came of it.

        What sanitising leaves is looked at again, so that what is passed on is what was examined.

        Args:
            code_language: None means prose.
        """
        if not self.watches(stage):
            return Passage(CLEAR, text)
        digest = self._digest(text, stage, code_language, context[-CONTEXT_CHARS:])
        # What is compared with instructions is judged anew: the same reply may repeat others.
        known = self._recall(digest, text, part) if instructions is None else None
        if known is not None:
            return known
        cleaning = Cleaning(text)
        while True:
            machine = self.machine(
                stage, part, is_code=code_language is not None, code_language=code_language or "",
                context=context, instructions=instructions,
            )  # fmt: skip
            machine.feed(cleaning.text)
            machine.end()
            yield machine
            cleaning.take(machine.verdict())
            if cleaning.is_over:
                break
        passage = Passage(cleaning.verdict, cleaning.text, cleaning.text != text, cleaning.edits)
        return passage if instructions is not None else self._remember(digest, passage)

    async def hazards(self, text: str, stage: Stage, *, context: str = "") -> HazardScores:
        """Return the highest score of every hazard in a whole text; `context` is what was said before."""
        looking = HazardScores(self.judge)
        machine = self.machine(stage, context=context)
        machine.feed(text)
        machine.end()
        await drive_async(machine, looking)
        return looking

    async def judge_image(self, image: bytes, part: str) -> Verdict:
        """Return the verdict on one encoded image; decoding it takes its time and leaves the event loop free."""
        return await self.judge.judge_async(View("", Stage.IMAGE, part, image=image))

    async def judge_call(self, arguments: str, part: str, flagged: Flagged) -> Verdict:
        """Return the verdict on the arguments of one tool call, escapes undone, in view of what was flagged."""
        return await self.judge.judge_async(View(arguments, Stage.TOOL_CALL, part, flagged=flagged))

    def judge_facts(self, stage: Stage, facts: Mapping[str, Fact] = NO_FACTS) -> Verdict:
        """Return the verdict on facts about an exchange or about a caller's traffic."""
        return self.judge.judge(View("", stage, stage.value, facts=facts))

    # Memory ---------------------------------------------------------------------------------------------------

    def _digest(self, text: str, stage: Stage, code_language: str | None, context: str) -> bytes:
        tag = stage.encode() if code_language is None else f"+{code_language}".encode("utf-8", "replace")
        # The same words may mean something else after other words.
        salt = self._hash(context) if context else b""
        return self._hash(text, person=tag[:16], salt=salt)

    def _hash(self, text: str, *, person: bytes = b"", salt: bytes = b"") -> bytes:
        data = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(data, key=self._cache_key, person=person, salt=salt, digest_size=16).digest()

    def _recall(self, digest: bytes, text: str, part: str) -> Passage | None:
        passage = self._cache.get(digest)
        if passage is None:
            return None
        with suppress(KeyError):  # another thread may have crowded it out this moment
            self._cache.move_to_end(digest)
        if not passage.is_changed:
            passage = replace(passage, text=text)
        if not passage.verdict.firings:
            return passage
        firings = tuple(replace(firing, part=part) for firing in passage.verdict.firings)
        return replace(passage, verdict=replace(passage.verdict, firings=firings))

    def _remember(self, digest: bytes, passage: Passage) -> Passage:
        # A look that failed may succeed the next time, so it is not remembered.
        if not passage.verdict.unchecked:
            # A text that stayed as it was comes with the next question too, and need not be kept.
            self._cache[digest] = passage if passage.is_changed else replace(passage, text="")
            if len(self._cache) > self._settings.cache_entries:
                with suppress(KeyError):
                    self._cache.popitem(last=False)
        return passage
