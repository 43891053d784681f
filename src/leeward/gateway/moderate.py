"""The moderation endpoints, served from the local detectors."""

from __future__ import annotations

from leeward.domain.view import Stage
from leeward.errors import WireError
from leeward.gateway.asgi import JSON, ClientGone, Receive, Scope, Send, Sender, read_body
from leeward.gateway.doorkeeper import header
from leeward.gateway.equipment import Equipment
from leeward.gateway.said import contexts_of, prompt_in
from leeward.gateway.wire.errors import error_body
from leeward.gateway.wire.moderation import mistral_moderation, openai_moderation
from leeward.gateway.wire.request import Part, Request, parse
from leeward.inspection.inspector import Inspector

_IMAGE_HAZARD = "image.known"


async def serve_moderation(
    equipment: Equipment, endpoint: str, mount: str, scope: Scope, receive: Receive, send: Send
) -> None:
    """Score every input of a request.

    Args:
        endpoint: `moderations` or `chat.moderations`.
        mount: `openai` or `mistral` when the path says which shape is wanted; else the model id decides.
    """
    sender = Sender(send)
    limits = equipment.settings.limits
    headers = scope["headers"]
    try:
        equipment.doorkeeper.caller_of(header(headers, b"authorization"))
        raw = await read_body(receive, limit=limits.body_bytes, seconds=limits.body_seconds)
        agent = (header(headers, b"user-agent") or b"").decode("latin-1")
        request = parse(endpoint, raw, limits.wire(), user_agent=agent)
        results = await _score(request, equipment.inspectors.moderation)
    except WireError as error:
        equipment.metrics.turned_away(error.code)
        body = error_body(error.message, status=error.status, code=error.code, param=error.param)
        await sender.whole(error.status, [JSON], body)
        return
    except ClientGone:
        return
    decision_id = equipment.ids.new()
    if _wants_openai(request, endpoint, mount):
        has_images = any(part.stage is Stage.IMAGE for part in request.parts)
        body = openai_moderation(results, id=f"modr-{decision_id}", model=request.model, with_images=has_images)
    else:
        body = mistral_moderation(results, id=decision_id.lower(), model=request.model)
    await sender.whole(200, [JSON, (b"x-leeward-decision-id", decision_id.encode())], body)


def _wants_openai(request: Request, endpoint: str, mount: str) -> bool:
    if mount or endpoint == "chat.moderations":
        return mount == "openai"
    if request.model:
        return not request.model.startswith("mistral-")
    return request.client == "openai"


async def _score(request: Request, moderation: Inspector) -> list[dict[str, float]]:
    results: list[dict[str, float]] = [{} for _ in range(request.items)]
    for part, context in zip(request.parts, contexts_of(request.parts), strict=True):
        if part.is_history:
            continue  # the chat form scores the last turn
        is_reply = part.role == "assistant"
        before = prompt_in(p for p in request.parts if p.item == part.item) if is_reply else context
        scores = await _scores_of(part, before, moderation)
        mine = results[part.item]
        for hazard, score in scores.items():
            mine[hazard] = max(score, mine.get(hazard, 0.0))
    return results


async def _scores_of(part: Part, context: str, moderation: Inspector) -> dict[str, float]:
    if part.stage is Stage.IMAGE:
        verdict = await moderation.judge_image(part.image, part.path)
        return {_IMAGE_HAZARD: max(verdict.scores.values(), default=0.0)}
    stage = Stage.REPLY if part.role == "assistant" else part.stage
    looked = await moderation.hazards(part.text, stage, context=context)
    if looked.failed:
        blind = ", ".join(sorted(looked.failed))
        raise WireError(
            f"These detectors could not look: {blind}. No score is given rather than a wrong one.",
            status=503,
            code="moderation_incomplete",
        )
    return looked.scores
