"""Inspects a whole reply: a stream of one delta for each strand of its text."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from leeward.answers import Resources, held_note, note, refusal
from leeward.domain.verdict import CLEAR, Verdict
from leeward.domain.view import Stage
from leeward.gateway.account import Account
from leeward.gateway.calls import CallGuard, held, is_held
from leeward.gateway.guarding import Guarded, check_text
from leeward.gateway.prompt import Inspected
from leeward.gateway.said import prompt_of
from leeward.gateway.streamed import machine_for, may_write
from leeward.gateway.wire.body import Object
from leeward.gateway.wire.channels import Channel, Kind
from leeward.gateway.wire.reply import Reply
from leeward.gateway.wire.request import Request
from leeward.gateway.wire.upstream_event import small_index
from leeward.inspection.drive import drive_async
from leeward.inspection.inspector import Inspector
from leeward.inspection.steps import Annotate, Done, Output, Release, Stop


@dataclass(frozen=True, slots=True)
class Whole:
    """A reply that was looked at and may be sent as it now stands.

    Attributes:
        stopped: Verdict of the first choice that was refused, None when all may pass.
        guarded: What the request's own guardrails say of the reply.
    """

    reply: Reply
    stopped: Verdict | None
    guarded: Guarded


@dataclass(frozen=True, slots=True)
class Voice:
    """How a reply is spoken to.

    Attributes:
        language: Of refusals and notes.
        resources: Help lines.
        writes_notes: Whether notes are written into the text.
    """

    language: str
    resources: Resources
    writes_notes: bool


async def inspect_whole(
    request: Request,
    reply: Reply,
    inspector: Inspector,
    moderation: Inspector,
    account: Account,
    voice: Voice,
    inspected: Inspected,
) -> Whole:
    """Return the reply with every strand examined, refused choices replaced and calls held that need confirmation."""
    stopped: dict[int, Verdict] = {}
    if "instructions" in reply.body:  # the caller's own, without what was put into them on the way
        reply.body["instructions"] = request.body.get("instructions")
    for channel in reply.channels:
        account.heard(f"{channel.choice}.{channel.kind}.{channel.index}", channel.text)
        if channel.choice in stopped or not inspector.watches(Stage.REPLY):
            continue
        machine = machine_for(request, inspector, channel.kind, channel.path, channel.choice, inspected.instructions)
        machine.feed(channel.text)
        machine.end()
        outputs = await drive_async(machine, inspector.judge)
        account.add(machine.verdict())
        last = outputs[-1]
        if isinstance(last, Stop):
            stopped[channel.choice] = last.verdict
            continue
        shown = _shown(outputs, voice, may_note=may_write(request, channel.kind))
        if shown != channel.text:
            reply.replace(channel, shown)
    guard = CallGuard(inspector, inspected.texts.compared())
    if not guard.is_idle:
        await _look_at_calls(reply, guard, account, inspected, stopped)
        _tell_of_held(request, reply, inspected, voice)
    for choice, verdict in stopped.items():
        reply.refuse(choice, refusal(verdict, voice.language, voice.resources))
    account.released_chars = sum(len(c.text) for c in reply.channels if c.choice not in stopped)
    guarded = await _guard(request, reply.channels, moderation)
    return Whole(reply, next(iter(stopped.values()), CLEAR if guarded.is_blocked else None), guarded)


async def _look_at_calls(
    reply: Reply, guard: CallGuard, account: Account, inspected: Inspected, stopped: dict[int, Verdict]
) -> None:
    """Take out the calls that are to be held; add the verdicts of choices that a call stops to `stopped`."""
    taken: list[tuple[int, Object]] = []
    for channel in [c for c in reply.channels if c.kind is Kind.TOOL_ARGUMENTS]:
        if channel.choice in stopped:
            continue
        verdict = await guard.verdict(channel.text, channel.path)
        account.add(verdict)
        if verdict.disposition.stops:
            stopped[channel.choice] = verdict
        elif is_held(verdict):
            taken.append((channel.choice, held(reply.take_call(channel), channel.choice, verdict)))
    # Of a choice that is refused nothing is given out, its calls neither.
    inspected.held_calls.extend(call for choice, call in taken if choice not in stopped)


def _tell_of_held(request: Request, reply: Reply, inspected: Inspected, voice: Voice) -> None:
    for choice in dict.fromkeys(small_index(call, "choice", 0) for call in inspected.held_calls):
        if not reply.has_calls(choice) and reply.finish_reason(choice) in ("tool_calls", "function_call"):
            reply.set_finish(choice, "stop")
        if may_write(request, Kind.CONTENT):
            reply.say(choice, held_note(voice.language))


def _shown(outputs: Iterable[Output], voice: Voice, *, may_note: bool) -> str:
    pieces: list[str] = []
    for output in outputs:
        match output:
            case Release(text=text):
                pieces.append(text)
            case Annotate(firings=firings) if may_note and voice.writes_notes:
                pieces.append(note(firings, voice.language))
            case Annotate() | Stop() | Done():
                pass
    return "".join(pieces)


async def _guard(request: Request, channels: Iterable[Channel], moderation: Inspector) -> Guarded:
    if not request.guardrails:
        return Guarded()
    text = "\n".join(c.text for c in channels if c.kind is not Kind.TOOL_NAME)
    return await check_text(request, text, Stage.REPLY, moderation, context=prompt_of(request))
