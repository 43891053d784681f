"""Relays a stream: what the model server sends is examined, and only then sent on."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from time import perf_counter

from leeward.answers import held_note, note, refusal
from leeward.domain.record import Outcome
from leeward.domain.verdict import CLEAR, Verdict
from leeward.domain.view import Stage
from leeward.domain.withheld import Instructions
from leeward.errors import UpstreamError
from leeward.gateway.account import Account
from leeward.gateway.asgi import EVENT_STREAM, Headers, Sender
from leeward.gateway.calls import CallGuard, held, is_held
from leeward.gateway.equipment import Equipment
from leeward.gateway.equipment import Reply as Response
from leeward.gateway.explain import explain
from leeward.gateway.guarding import check_text
from leeward.gateway.prompt import Inspected
from leeward.gateway.said import prompt_of
from leeward.gateway.wire.body import Json, Object
from leeward.gateway.wire.channels import Delta, Kind
from leeward.gateway.wire.guardrails import blocked_results, passed_results
from leeward.gateway.wire.request import Request
from leeward.gateway.wire.sse import Event, SseReader
from leeward.gateway.wire.stream import StreamCodec, stream_codec
from leeward.inspection.drive import drive_async
from leeward.inspection.inspector import Inspector
from leeward.inspection.machine import StreamMachine
from leeward.inspection.steps import Annotate, Done, Output, Release, Stop

_Key = tuple[int, Kind, int]
# Where nothing may be written into the reply: half a tool call or a comment inside code would break it.
_NO_NOTES = frozenset({Kind.TOOL_NAME, Kind.TOOL_ARGUMENTS, Kind.REASONING, Kind.REFUSAL})
_NO_NOTES_IN = frozenset({"completions", "fim.completions"})
_SHOWN_FIRST = (Kind.CONTENT, Kind.TEXT)


def may_write(request: Request, kind: Kind) -> bool:
    """Whether a note may stand in this strand of the reply."""
    return not (request.is_json_mode or request.endpoint in _NO_NOTES_IN or kind in _NO_NOTES)


def machine_for(
    request: Request, inspector: Inspector, kind: Kind, part: str, choice: int, instructions: Instructions | None
) -> StreamMachine:
    """Return the machine that inspects one strand of a reply; it is judged with the prompt that it answers."""
    return inspector.machine(
        Stage.REPLY,
        part,
        is_code=request.endpoint == "fim.completions" and kind is Kind.CONTENT,
        # Guardrails judge a reply as a whole, so one that may block lets nothing out before the end.
        holds_to_end=any(g.blocks for g in request.guardrails),
        context=prompt_of(request, choice),
        instructions=instructions,
    )


class StreamRelay:
    """The stream of one exchange.

    Args:
        equipment: What it needs of the house.
        inspector: Of the ruleset that judges the exchange.
        request: What was asked.
        account: Where what happens is noted.
        sender: Where frames go.
        inspected: What the request came to.
    """

    def __init__(
        self,
        equipment: Equipment,
        inspector: Inspector,
        request: Request,
        account: Account,
        sender: Sender,
        inspected: Inspected,
    ) -> None:
        self._equipment = equipment
        self._inspector = inspector
        self._request = request
        self._account = account
        self._sender = sender
        self._inspected = inspected
        self._loop = asyncio.get_running_loop()
        created = int(equipment.clock.now())
        self._codec: StreamCodec = stream_codec(request, id=f"chatcmpl-{account.id}", created=created)
        self._machines: dict[_Key, StreamMachine] = {}
        self._finished: set[int] = set()
        self._stopped: dict[int, Verdict] = {}
        self._frames: list[bytes] = []
        self._is_opened = False
        self._sent_at = self._loop.time()
        self._guardrails: Json = None

    async def run(self, response: Response, headers: Headers) -> None:
        """Relay the stream to its end."""
        await self._sender.begin(200, [EVENT_STREAM, (b"cache-control", b"no-cache"), *headers])
        reader = SseReader()
        try:
            async for data in response:
                await self._take(reader.feed(data))
                if self._is_complete():
                    break
            else:
                await self._take(reader.end())
            await self._end_upstream()
        except UpstreamError as error:
            await self._cut(error)
        await self._close()

    async def refuse(self, verdict: Verdict, headers: Headers) -> None:
        """Answer a stream request with a refusal, without asking a model."""
        await self._sender.begin(200, [EVENT_STREAM, (b"cache-control", b"no-cache"), *headers])
        for choice in range(self._request.choice_count):
            self._refuse(choice, verdict)
        await self._close()

    # Events -----------------------------------------------------------------------------------------------------

    async def _take(self, events: Sequence[Event]) -> None:
        began = perf_counter()
        for event in events:
            for delta in self._codec.on_event(event):
                await self._delta(delta)
        self._account.inspection_seconds += perf_counter() - began
        if not self._frames and not self._is_opened and events:
            # The reader sees that an answer is coming while its text is still held back.
            self._frames.append(self._codec.opening())
        if self._frames:
            self._is_opened = True
            await self._flush()
        elif self._loop.time() - self._sent_at >= self._equipment.settings.keepalive_seconds:
            # Text is being held back; the connection must not look dead.
            self._frames.append(self._codec.keepalive())
            await self._flush()

    async def _delta(self, delta: Delta) -> None:
        if delta.choice in self._stopped:
            return
        if delta.text:
            key = (delta.choice, delta.kind, delta.index)
            machine = self._machines.get(key) or self._open(key)
            self._account.heard(f"{delta.choice}.{delta.kind}.{delta.index}", delta.text)
            machine.feed(delta.text)
            if machine.is_ready():
                self._show(key, await drive_async(machine, self._inspector.judge))
        if delta.finish_reason is not None:
            await self._finish(delta.choice, delta.finish_reason)

    def _open(self, key: _Key) -> StreamMachine:
        choice, kind, index = key
        part, instructions = f"choices[{choice}].{kind}[{index}]", self._inspected.instructions
        machine = machine_for(self._request, self._inspector, kind, part, choice, instructions)
        self._machines[key] = machine
        return machine

    def _show(self, key: _Key, outputs: Iterable[Output]) -> None:
        choice, kind, index = key
        for output in outputs:
            match output:
                case Release(text=text):
                    self._account.released_chars += len(text)
                    self._frames.append(self._codec.chunk(choice, kind, index, text))
                case Annotate(firings=firings):
                    if self._equipment.settings.answers.notes == "visible" and may_write(self._request, kind):
                        self._frames.append(self._codec.chunk(choice, kind, index, note(firings, self._language())))
                case Stop(verdict=verdict):
                    self._refuse(choice, verdict)
                    return
                case Done():
                    return

    async def _finish(self, choice: int, reason: str) -> None:
        """End every strand of a choice: what was held back is examined and released."""
        if choice in self._finished or await self._is_guarded(choice):
            return
        for key, machine in [(k, m) for k, m in self._machines.items() if k[0] == choice]:
            if choice in self._stopped:
                return
            machine.end()
            self._show(key, await drive_async(machine, self._inspector.judge))
        if choice not in self._stopped:
            reason = await self._hold_calls(choice, reason)
        if choice not in self._stopped:
            self._finished.add(choice)
            self._frames.append(self._codec.finish(choice, reason))

    async def _hold_calls(self, choice: int, reason: str) -> str:
        """Take out the calls of a choice that are to be held; return why the choice ends now."""
        guard = CallGuard(self._inspector, self._inspected.texts.compared())
        taken: list[Object] = []
        for index, arguments in [] if guard.is_idle else self._codec.calls(choice):
            verdict = await guard.verdict(arguments, f"choices[{choice}].{Kind.TOOL_ARGUMENTS}[{index}]")
            self._account.add(verdict)
            if verdict.disposition.stops:
                self._refuse(choice, verdict)
                return reason
            if is_held(verdict):
                taken.append(held(self._codec.take_call(choice, index), choice, verdict))
        self._inspected.held_calls.extend(taken)
        return self._told_of_held(choice, reason) if taken else reason

    def _told_of_held(self, choice: int, reason: str) -> str:
        if may_write(self._request, Kind.CONTENT):
            words = held_note(self._language())
            is_begun = any(
                m.released_chars for (c, k, _), m in self._machines.items() if (c, k) == (choice, Kind.CONTENT)
            )
            self._frames.append(self._codec.chunk(choice, Kind.CONTENT, 0, f"\n\n{words}" if is_begun else words))
        return "stop" if reason in ("tool_calls", "function_call") and not self._codec.calls(choice) else reason

    # Endings ----------------------------------------------------------------------------------------------------

    def _refuse(self, choice: int, verdict: Verdict) -> None:
        self._stopped[choice] = verdict
        self._finished.add(choice)
        self._account.add(verdict)
        language = self._language()
        kind = Kind.TEXT if self._request.endpoint == "completions" else Kind.CONTENT
        is_cut = any(m.released_chars for (c, k, _), m in self._machines.items() if c == choice and k in _SHOWN_FIRST)
        words = refusal(verdict, language, self._equipment.help_lines.today(), is_cut=is_cut)
        self._codec.drop_tools(choice)
        self._frames.append(self._codec.chunk(choice, kind, 0, f"\n\n{words}" if is_cut else words))
        self._frames.append(self._codec.finish(choice, "content_filter"))

    def _is_complete(self) -> bool:
        """Whether nothing more may come: upstream is done, or every choice was stopped."""
        return self._codec.is_done or (bool(self._stopped) and len(self._stopped) >= self._request.choice_count)

    async def _end_upstream(self) -> None:
        for delta in self._codec.end():
            await self._delta(delta)
        open_choices = sorted({choice for choice, _, _ in self._machines} - self._finished)
        if not self._codec.is_done and (open_choices or not self._finished):
            raise UpstreamError("The model server ended the stream before it was complete.", kind="cut")
        for choice in open_choices:
            await self._finish(choice, "stop")
        self._account.outcome = Outcome.REFUSED_REPLY if self._stopped else Outcome.ANSWERED

    async def _cut(self, error: UpstreamError) -> None:
        """The head is out, so the failure is told in the stream: what came is examined, released and marked."""
        self._account.outcome = Outcome.UPSTREAM_FAILED
        self._account.error = f"upstream_{error.kind}"
        for choice in sorted({choice for choice, _, _ in self._machines} - self._finished) or [0]:
            await self._finish(choice, "error")

    async def _close(self) -> None:
        for machine in self._machines.values():
            self._account.add(machine.verdict())
        told = explain(
            self._account.id,
            self._inspector.ruleset,
            self._account.verdict(),
            appeal=self._equipment.settings.public_url,
            changes=self._inspected.changes,
            edits=self._inspected.edits,
            spotlit=self._inspected.spotlit,
            notices=self._inspected.notices,
            held_calls=self._inspected.held_calls,
            dropped=self._codec.dropped,
        )
        if self._account.error:
            told["error"] = self._account.error
        self._frames.append(self._codec.closing(told, self._guardrails))
        self._frames.append(self._codec.done())
        await self._flush()
        await self._sender.end()

    async def _is_guarded(self, choice: int) -> bool:
        """Hold the reply to the request's own guardrails too; refuse it when they block."""
        if not self._request.guardrails:
            return False
        prefix = f"{choice}."
        text = "".join(t for k, pieces in self._account.reply.items() if k.startswith(prefix) for t in pieces)
        moderation, context = self._equipment.inspectors.moderation, prompt_of(self._request, choice)
        guarded = await check_text(self._request, text, Stage.REPLY, moderation, context=context)
        if guarded.is_blocked:
            self._guardrails = blocked_results(guarded.outcomes)
            self._refuse(choice, CLEAR)
        elif self._guardrails is None:
            self._guardrails = passed_results(guarded.outcomes)
        return guarded.is_blocked

    async def _flush(self) -> None:
        data = b"".join(self._frames)
        self._frames.clear()
        if data:
            self._sent_at = self._loop.time()
            await self._sender.chunk(data)

    def _language(self) -> str:
        language = self._inspected.language
        return self._equipment.settings.answers.language if language == "und" else language
