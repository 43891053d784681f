"""Inspects what a request brings: facts about it, and every part that the model will read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from leeward.domain.caller import Caller
from leeward.domain.disposition import Disposition
from leeward.domain.verdict import Cause, Verdict
from leeward.domain.view import Fact, Stage
from leeward.domain.withheld import Instructions
from leeward.errors import WireError
from leeward.extraction_watch.exchange import bias_of
from leeward.gateway.calls import Sorted
from leeward.gateway.licensing import licence_facts
from leeward.gateway.said import contexts_of
from leeward.gateway.settings import OpaqueParts
from leeward.gateway.wire.body import Object
from leeward.gateway.wire.instruction import add_instruction
from leeward.gateway.wire.request import Opaque, Part, Request
from leeward.inspection.inspector import Inspector
from leeward.inspection.spotlight import Spotlight
from leeward.inspection.tally import Tally

# A long history must not keep other exchanges waiting.
_PARTS_BETWEEN_BREAKS = 32
_OPAQUE_KINDS = {
    "image_url": "image_url",
    "document_url": "document",
    "file": "document",
    "audio": "audio",
    "input_audio": "audio",
    "agent_id": "agent",
}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Facts for rules that watch what a caller sends."""

    t: float
    upstream_model: str
    is_hosted_api: bool


@dataclass(slots=True)
class Inspected:
    """A request that was looked at; its body now holds what may be passed on.

    Attributes:
        verdict: Over facts and parts.
        language: Language of the newest turn of the user, `und` when unknown.
        changes: What was altered, in words, without quoting.
        chars: Characters examined.
        edits: What was done to which part, as JSON values: part, span in characters of what came, kind.
        spotlit: Paths of the parts that were marked as data.
        notices: What the tenant should know beside this exchange, e.g. that its contract ends soon.
        texts: What the model was given, sorted by whether it was flagged; tool calls are compared with it.
        instructions: What no reply may repeat; None when nobody instructed the model.
        canary: The word that goes into the instructions; empty when none does.
        held_calls: Tool calls that were taken out of the reply.
    """

    verdict: Verdict
    language: str
    changes: list[str]
    chars: int
    edits: list[dict[str, object]] = field(default_factory=list)
    spotlit: list[str] = field(default_factory=list)
    notices: tuple[str, ...] = ()
    texts: Sorted = field(default_factory=Sorted)
    instructions: Instructions | None = None
    canary: str = ""
    held_calls: list[Object] = field(default_factory=list)


async def inspect_request(
    request: Request,
    caller: Caller,
    inspector: Inspector,
    traffic: Traffic,
    opaque: OpaqueParts,
    light: Spotlight | None = None,
) -> Inspected:
    """Return the verdict on a request, after writing sanitised parts back into it.

    Args:
        light: Marks of this exchange; the inspector's plan says which parts get them. None marks nothing.

    Raises:
        WireError: When it holds content that nobody can see here and that the operator did not allow.
    """
    tally = Tally()
    _add_facts(tally, request, caller, inspector, traffic)
    for hidden in request.opaque:
        _check_allowed(hidden, opaque)
        tally.add(_unseen(inspector))
    inspected = Inspected(tally.verdict(), "und", [], 0)
    # Told before the first part is looked at: what is sanitised on the way must not change what others are judged by.
    contexts = list(contexts_of(request.parts))
    for number, (part, context) in enumerate(zip(request.parts, contexts, strict=True), start=1):
        verdict = await _inspect_part(part, context, inspector, inspected, light)
        tally.add(verdict)
        if part.role == "user" and verdict.language != "und":
            inspected.language = verdict.language
        if number % _PARTS_BETWEEN_BREAKS == 0:
            await asyncio.sleep(0)
    if light is not None and inspected.spotlit:
        add_instruction(request.endpoint, request.body, light.instruction)
        inspected.changes.append(f"marked {len(inspected.spotlit)} part(s) as data and told the model how")
    inspected.verdict = tally.verdict()
    if inspected.language == "und":
        inspected.language = inspected.verdict.language
    return inspected


async def _inspect_part(
    part: Part, context: str, inspector: Inspector, inspected: Inspected, light: Spotlight | None
) -> Verdict:
    if part.stage is Stage.IMAGE:
        return await inspector.judge_image(part.image, part.path)
    passage = await inspector.inspect_async(part.text, part.stage, part.path, context=context)
    inspected.chars += len(part.text)
    inspected.texts.add(part.text, part.stage, passage)
    if passage.is_changed:
        part.replace(passage.text)
        inspected.changes.append(f"{part.path}: flagged passages were removed or defused")
        inspected.edits.extend({"part": part.path, **edit.to_dict()} for edit in passage.edits)
    covered = light is not None and inspector.spotlight.covers(part.stage, is_changed=passage.is_changed)
    if light is not None and covered and part.mark(light.marked):
        inspected.spotlit.append(part.path)
    return _in_history(passage.verdict) if part.is_history else passage.verdict


def _in_history(verdict: Verdict) -> Verdict:
    """Let a person who spoke of distress earlier go on talking: only the newest turn is answered with care."""
    if not verdict.disposition.stops or any(
        f.disposition.stops and (f.counts or f.cause is Cause.UNCHECKED) for f in verdict.firings
    ):
        return verdict
    firings = tuple(replace(f, disposition=Disposition.PASS) if f.disposition.stops else f for f in verdict.firings)
    return replace(verdict, firings=firings, disposition=max(f.disposition for f in firings))


def _add_facts(tally: Tally, request: Request, caller: Caller, inspector: Inspector, traffic: Traffic) -> None:
    plans = inspector.ruleset.plans
    if plans[Stage.EXCHANGE].asked:
        facts = licence_facts(
            caller, traffic.upstream_model, request.model, is_hosted_api=traffic.is_hosted_api, t=traffic.t
        )
        instructions = [p.text for p in request.parts if p.stage is Stage.INSTRUCTIONS]
        facts |= {"t": traffic.t, "end_user": caller.end_user, "instructions": instructions}
        tally.add(inspector.judge_facts(Stage.EXCHANGE, facts))
    if plans[Stage.TRAFFIC].asked:
        tally.add(inspector.judge_facts(Stage.TRAFFIC, dict(_traffic_facts(request, caller, traffic))))


def _traffic_facts(request: Request, caller: Caller, traffic: Traffic) -> Iterator[tuple[str, Fact]]:
    sampling, biased = request.sampling, request.body.get("logit_bias")
    texts = [p.text for p in request.parts if p.stage is Stage.PROMPT and not p.is_history and p.text]
    yield "t", traffic.t
    yield "tenant", caller.tenant
    yield "key", caller.key or caller.end_user
    yield "model", request.model
    yield "texts", texts
    yield "temperature", sampling.temperature
    yield "top_p", sampling.top_p
    yield "logprobs", sampling.logprobs
    yield "top_logprobs", sampling.top_logprobs
    yield "logit_bias", bias_of(biased if isinstance(biased, dict) else bool(biased))
    yield "n", sampling.n
    yield "max_tokens", sampling.max_tokens
    yield "media", any(p.stage is Stage.IMAGE for p in request.parts) or bool(request.opaque)
    yield "prompt_empty", not any(text.strip() for text in texts)


def _check_allowed(hidden: Opaque, opaque: OpaqueParts) -> None:
    setting = _OPAQUE_KINDS.get(hidden.kind)
    if setting is not None and getattr(opaque, setting) == "allow":
        return
    hint = f" or ask the operator to set `{setting}` in [opaque]" if setting else ""
    raise WireError(
        f"`{hidden.path}` brings in content that cannot be inspected here ({hidden.kind}). "
        f"Send it as text or as a base64 `data:` image{hint}.",
        code="uninspectable_content",
        param=hidden.path,
    )


def _unseen(inspector: Inspector) -> Verdict:
    asked = inspector.ruleset.plans[Stage.IMAGE].asked + inspector.ruleset.plans[Stage.PROMPT].asked
    return Verdict(unchecked=frozenset(rule.id for rule, _ in asked))
