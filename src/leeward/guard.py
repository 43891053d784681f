"""Leeward as a library: the same inspection as the gateway, in your process."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeAlias

from leeward.answers import note, refusal
from leeward.config.tree import InspectionTable, JudgeTable, Rules
from leeward.domain.verdict import Verdict, join
from leeward.domain.view import Stage
from leeward.domain.withheld import Instructions
from leeward.inspection.context import contexts, newest_turn
from leeward.inspection.drive import drive, drive_async
from leeward.inspection.inspector import Passage
from leeward.inspection.judge import Judge
from leeward.inspection.machine import StreamMachine
from leeward.inspection.spotlight import Spotlight
from leeward.inspection.steps import Annotate, Done, Output, Release, Stop
from leeward.wiring.judges import judge_of
from leeward.wiring.rules import Rulesets, inspection_settings

Message: TypeAlias = Mapping[str, object]
Prompt: TypeAlias = str | Sequence[Message]
"""One text, or messages as the chat API takes them."""
_STAGES = {"system": Stage.INSTRUCTIONS, "developer": Stage.INSTRUCTIONS, "tool": Stage.TOOL_RESULT}


class Guard:
    """Checks prompts, replies and code against a ruleset.

    Create it once and share it between threads; opening the detectors takes a few tenths of a second.

    Args:
        ruleset: Name of a built-in ruleset or path of a TOML file.
        packs: Further built-in packs, e.g. `usage-policy`.
        regions: Codes of regions whose law and culture count too, e.g. `("de",)`; see docs/regions.md.
        region_opt_in: Entries of regions that count only where they are named, e.g. `("th.lese-majeste",)`.
        inspection: How streams are cut; the defaults hold back 128 to 384 characters.
        judge: A guard model that is asked where the classifiers are unsure; see docs/judges.md.

    Raises:
        RulesetError: If the ruleset fails a check.
        DetectorError: If a detector cannot be opened.

    Examples:
        >>> from leeward import Guard
        >>> guard = Guard()
        >>> guard.check_prompt("What is the capital of France?").disposition.word
        'pass'
    """

    def __init__(
        self,
        ruleset: str | Path = "mistral-v1",
        *,
        packs: Sequence[str] = (),
        regions: Sequence[str] = (),
        region_opt_in: Sequence[str] = (),
        inspection: InspectionTable | None = None,
        judge: JudgeTable | None = None,
    ) -> None:
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="leeward-detector")
        settings = inspection_settings(inspection or InspectionTable())
        rules = Rules(use=str(ruleset), packs=tuple(packs), regions=tuple(regions), region_opt_in=tuple(region_opt_in))
        judges = judge_of(judge or JudgeTable(), os.environ)
        self._inspector = Rulesets(rules, settings, self._threads, os.urandom(32), judges).default
        self.ruleset = self._inspector.ruleset

    def check_prompt(self, prompt: Prompt) -> Verdict:
        """Return the verdict on a prompt; of messages, a short turn of the user is judged with the turns before it."""
        looking = self._inspector
        return join(looking.inspect(p.text, p.stage, p.path, context=c).verdict for p, c in _in_context(prompt))

    def check_reply(self, reply: str, prompt: Prompt = "") -> Verdict:
        """Return the verdict on a model's reply, fenced code in it included.

        Args:
            reply: What the model wrote.
            prompt: What it answers, so that "Yes, all of them" is judged by its question; itself not checked here.
                Of messages, the reply must not repeat those of the system.
        """
        kept = self._instructions(prompt)
        return self._inspector.inspect(reply, Stage.REPLY, context=_prompt_of(prompt), instructions=kept).verdict

    def check_code(self, code: str, language: str = "", prompt: Prompt = "") -> Verdict:
        """Return the verdict on code that a model wrote; `language` as after a code fence, guessed when empty."""
        context = _prompt_of(prompt)
        return self._inspector.inspect(code, Stage.REPLY, is_code=True, code_language=language, context=context).verdict

    def check(self, text: str, stage: Stage, part: str = "", *, before: Prompt = "") -> Passage:
        """Return the verdict on a text of any stage, and the text with flagged passages made safe.

        With `inspection=InspectionTable(spotlight=…)` untrusted text comes back marked as data, with marks of this call
        alone; `instruction` of the passage belongs into the system message.

        Args:
            text: What is checked.
            stage: Where in an exchange it stands.
            part: Name of its place, for findings.
            before: What was said before it: the prompt of a reply, the conversation before a prompt.
        """
        kept = self._instructions(before) if stage is Stage.REPLY else None
        passage = self._inspector.inspect(text, stage, part, context=_context(text, stage, before), instructions=kept)
        plan = self._inspector.spotlight
        light = plan.lit(os.urandom) if plan.covers(stage, is_changed=passage.is_changed) else None
        return passage if light is None else _lit(passage, light)

    async def check_prompt_async(self, prompt: Prompt) -> Verdict:
        """Do as `check_prompt` does without blocking the event loop while threads look."""
        looking = self._inspector
        passages = [await looking.inspect_async(p.text, p.stage, p.path, context=c) for p, c in _in_context(prompt)]
        return join(passage.verdict for passage in passages)

    async def check_reply_async(self, reply: str, prompt: Prompt = "") -> Verdict:
        """Do as `check_reply` does without blocking the event loop while threads look."""
        kept, context = self._instructions(prompt), _prompt_of(prompt)
        passage = await self._inspector.inspect_async(reply, Stage.REPLY, context=context, instructions=kept)
        return passage.verdict

    async def check_code_async(self, code: str, language: str = "", prompt: Prompt = "") -> Verdict:
        """Do as `check_code` does without blocking the event loop while threads look."""
        passage = await self._inspector.inspect_async(
            code, Stage.REPLY, is_code=True, code_language=language, context=_prompt_of(prompt)
        )
        return passage.verdict

    def stream(self, reply: Iterable[str], prompt: Prompt = "") -> GuardedStream:
        """Return the reply to `prompt` as it may be shown; iterate over it, then read its `verdict`."""
        return GuardedStream(reply, self._reply_machine(prompt), self._inspector.judge)

    def stream_async(self, reply: AsyncIterable[str], prompt: Prompt = "") -> AsyncGuardedStream:
        """Do as `stream` does, for an async reply."""
        return AsyncGuardedStream(reply, self._reply_machine(prompt), self._inspector.judge)

    def _reply_machine(self, prompt: Prompt) -> StreamMachine:
        kept = self._instructions(prompt)
        return self._inspector.machine(Stage.REPLY, context=_prompt_of(prompt), instructions=kept)

    def _instructions(self, prompt: Prompt) -> Instructions | None:
        if isinstance(prompt, str):
            return None
        parts = list(_parts(prompt))
        texts = [part.text for part in parts if part.stage is Stage.INSTRUCTIONS]
        said = [part.text for part in parts if part.role == "user" or part.stage is Stage.TOOL_RESULT]
        return self._inspector.instruction_book.instructions(texts, said)

    def close(self) -> None:
        """Stop the threads of detectors."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _lit(passage: Passage, light: Spotlight) -> Passage:
    if passage.verdict.disposition.stops:
        return passage
    marked = light.marked(passage.text)
    if marked == passage.text:
        return passage
    return replace(passage, text=marked, is_changed=True, instruction=light.instruction)


@dataclass(frozen=True, slots=True)
class _Part:
    role: str
    text: str
    stage: Stage = Stage.PROMPT
    path: str = ""


def _in_context(prompt: Prompt) -> Iterator[tuple[_Part, str]]:
    parts = list(_parts(prompt))
    return zip(parts, contexts((part.role, part.text) for part in parts), strict=True)


def _prompt_of(prompt: Prompt) -> str:
    return newest_turn((part.role, part.text) for part in _parts(prompt)) if prompt else ""


def _context(text: str, stage: Stage, before: Prompt) -> str:
    if not before:
        return ""
    if stage in (Stage.REPLY, Stage.CODE):
        return _prompt_of(before)
    said = [(part.role, part.text) for part in _parts(before)]
    *_, context = contexts([*said, ("user" if stage is Stage.PROMPT else "", text)])
    return context


def _parts(prompt: Prompt) -> Iterator[_Part]:
    if isinstance(prompt, str):
        yield _Part("user", prompt)
        return
    for number, message in enumerate(prompt):
        role = str(message.get("role", "user"))
        for path, text in _texts(message.get("content"), f"messages[{number}].content"):
            yield _Part(role, text, _STAGES.get(role, Stage.PROMPT), path)


def _texts(content: object, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(content, str):
        yield path, content
    elif isinstance(content, Sequence):
        for number, chunk in enumerate(content):
            if isinstance(chunk, Mapping) and isinstance(chunk.get("text"), str):
                yield f"{path}[{number}].text", str(chunk["text"])
    elif content is not None:
        raise TypeError(f"{path} must be a string or a list of chunks, not {type(content).__name__}")


class _Shown:
    """Turns what a machine gives out into text for a reader."""

    def __init__(self, machine: StreamMachine) -> None:
        self.machine = machine
        self.is_stopped = False

    @property
    def verdict(self) -> Verdict:
        """Over everything examined so far."""
        return self.machine.verdict()

    def texts(self, outputs: Iterable[Output]) -> Iterator[str]:
        """Yield what may be shown."""
        for output in outputs:
            match output:
                case Release(text=text):
                    yield text
                case Annotate(firings=firings):
                    yield note(firings, self.verdict.language)
                case Stop(verdict=verdict):
                    self.is_stopped = True
                    yield refusal(verdict, verdict.language)
                case Done():
                    return


class GuardedStream(_Shown):
    """A reply as it may be shown: text leaves once it is examined and out of every detector's reach.

    When a rule stops it, the standard refusal is the last piece and `is_stopped` is true.
    """

    def __init__(self, reply: Iterable[str], machine: StreamMachine, judge: Judge) -> None:
        super().__init__(machine)
        self._reply = reply
        self._judge = judge

    def __iter__(self) -> Iterator[str]:
        for piece in self._reply:
            self.machine.feed(piece)
            yield from self.texts(drive(self.machine, self._judge))
            if self.machine.is_over:
                return
        self.machine.end()
        yield from self.texts(drive(self.machine, self._judge))


class AsyncGuardedStream(_Shown):
    """Does as `GuardedStream` does, for an async reply."""

    def __init__(self, reply: AsyncIterable[str], machine: StreamMachine, judge: Judge) -> None:
        super().__init__(machine)
        self._reply = reply
        self._judge = judge

    async def __aiter__(self) -> AsyncIterator[str]:
        async for piece in self._reply:
            self.machine.feed(piece)
            for text in self.texts(await drive_async(self.machine, self._judge)):
                yield text
            if self.machine.is_over:
                return
        self.machine.end()
        for text in self.texts(await drive_async(self.machine, self._judge)):
            yield text
