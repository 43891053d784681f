"""Mistral's `guardrails` block, honoured with the local detectors."""

from __future__ import annotations

from dataclasses import dataclass

from leeward.domain.view import Stage
from leeward.gateway.said import contexts_of
from leeward.gateway.wire.guardrails import Outcome, evaluate
from leeward.gateway.wire.moderation import v1_scores, v2_scores
from leeward.gateway.wire.request import Request
from leeward.inspection.inspector import Inspector


@dataclass(frozen=True, slots=True)
class Guarded:
    """What the guardrails of a request came to.

    Attributes:
        outcomes: One for each moderation asked for.
        is_blocked: Whether the text must not go on.
        has_failed: Whether a detector could not look and the caller asked to block then.
    """

    outcomes: tuple[Outcome, ...] = ()
    is_blocked: bool = False
    has_failed: bool = False


_NONE = Guarded()


async def check_guardrails(request: Request, moderation: Inspector) -> Guarded:
    """Return what the guardrails say of the newest turn of a request; nothing when it has none."""
    if not request.guardrails:
        return _NONE
    said = zip(request.parts, contexts_of(request.parts), strict=True)
    newest = [(p.text, c) for p, c in said if p.stage is Stage.PROMPT and not p.is_history and p.text]
    context = newest[0][1] if newest else ""
    return await check_text(request, "\n".join(text for text, _ in newest), Stage.PROMPT, moderation, context=context)


async def check_text(request: Request, text: str, stage: Stage, moderation: Inspector, *, context: str = "") -> Guarded:
    """Return what the guardrails of `request` say of a text; replies are held to them as well.

    Args:
        context: What was said before the text.
    """
    looked = await moderation.hazards(text, stage, context=context)
    outcomes = evaluate(request.guardrails, v2_scores(looked.scores), v1_scores(looked.scores))
    has_failed = bool(looked.failed) and any(g.block_on_error for g in request.guardrails)
    return Guarded(outcomes, has_failed or any(o.is_blocked for o in outcomes), has_failed)
