"""LiteLLM's generic guardrail endpoint: LiteLLM sends texts, Leeward says block, change or pass.

Source:
    LiteLLM documentation, "Generic Guardrail API": POST /beta/litellm_basic_guardrail_api.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import msgspec

from leeward.answers import note, refusal
from leeward.domain.caller import Caller
from leeward.domain.disposition import Disposition
from leeward.domain.record import Opened, Outcome
from leeward.domain.verdict import Verdict
from leeward.domain.view import Stage
from leeward.errors import StorageError, WireError
from leeward.gateway.account import Account
from leeward.gateway.asgi import JSON, ClientGone, Receive, Scope, Send, Sender, read_body
from leeward.gateway.doorkeeper import header
from leeward.gateway.equipment import Equipment
from leeward.gateway.explain import explain
from leeward.gateway.wire.errors import error_body
from leeward.inspection.context import contexts, newest_turn
from leeward.inspection.drive import drive_async
from leeward.inspection.inspector import Inspector, Passage
from leeward.inspection.steps import Annotate, Release

_ROLES = {"system": Stage.INSTRUCTIONS, "developer": Stage.INSTRUCTIONS, "tool": Stage.TOOL_RESULT}


class _Message(msgspec.Struct):
    role: str = "user"
    content: object = None


class _Asked(msgspec.Struct):
    """What LiteLLM sends; members that are not named here do not concern the check."""

    texts: list[str] | None = None
    images: list[str] | None = None
    tools: list[object] | None = None
    tool_calls: list[object] | None = None
    input_type: Literal["request", "response"] = "request"
    structured_messages: list[_Message] | None = None
    model: str | None = None
    litellm_call_id: str | None = None


@dataclass(slots=True)
class _Answer:
    verdict: Verdict
    texts: list[str]
    is_changed: bool
    edits: list[dict[str, object]] = field(default_factory=list)


Said: TypeAlias = Sequence[tuple[str, str]]
"""Role and text of each message."""


async def serve_litellm(equipment: Equipment, scope: Scope, receive: Receive, send: Send) -> None:
    """Check the texts that LiteLLM sends and leave a record of the decision."""
    sender = Sender(send)
    headers, limits = scope["headers"], equipment.settings.limits
    try:
        caller = equipment.doorkeeper.caller_of(_key_of(headers))
        raw = await read_body(receive, limit=limits.body_bytes, seconds=limits.body_seconds)
        asked = msgspec.json.decode(raw, type=_Asked)
        body = await _check(equipment, asked, caller)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        equipment.metrics.turned_away("invalid_json")
        await sender.whole(422, [JSON], error_body(str(error)[:200], status=422, code="invalid_json"))
    except WireError as error:
        equipment.metrics.turned_away(error.code)
        told = error_body(error.message, status=error.status, code=error.code, param=error.param)
        await sender.whole(error.status, [JSON], told)
    except StorageError:
        equipment.metrics.store_failed()
        told = error_body("The decision cannot be recorded.", status=503, code="store_unavailable")
        await sender.whole(503, [JSON], told)
    except ClientGone:
        return
    else:
        await sender.whole(200, [JSON], body)


def _key_of(headers: list[tuple[bytes, bytes]]) -> bytes | None:
    # LiteLLM sends its `api_key` as x-api-key.
    key = header(headers, b"x-api-key")
    return b"Bearer " + key if key is not None else header(headers, b"authorization")


async def _check(equipment: Equipment, asked: _Asked, caller: Caller) -> bytes:
    account = Account(equipment.ids.new())
    model = asked.model or ""
    inspector = equipment.inspectors.inspector_for(caller.tenant, model, f"litellm.{asked.input_type}")
    equipment.metrics.opened()
    opened = Opened(
        id=account.id,
        at=equipment.clock.now(),
        endpoint=f"litellm.{asked.input_type}",
        model=model,
        tenant=caller.tenant,
        key=caller.key,
        end_user=caller.end_user,
        ruleset_name=inspector.ruleset.name,
        ruleset=inspector.ruleset.digest,
        is_stream=False,
    )
    try:
        await equipment.store.open_record(opened)
        answer = await _answer(equipment, asked, inspector, account)
        return _body(equipment, answer, inspector, account)
    finally:
        at = equipment.clock.now()
        closed = account.closed(at, equipment.salts(16))
        equipment.metrics.closed(closed, opened.endpoint)
        equipment.store.close_record(closed, account.evidence(at, equipment.evidence))


async def _answer(equipment: Equipment, asked: _Asked, inspector: Inspector, account: Account) -> _Answer:
    for number, image in enumerate(asked.images or ()):
        account.add(await inspector.judge_image(_image(image, number), f"images[{number}]"))
    said = [(m.role, m.content) for m in asked.structured_messages or () if isinstance(m.content, str)]
    roles = {text: role for role, text in said}
    texts: list[str] = []
    edits: list[dict[str, object]] = []
    before = contexts((roles.get(text, "user"), text) for text in asked.texts or ())
    for number, (text, context) in enumerate(zip(asked.texts or (), before, strict=True)):
        part = f"texts[{number}]"
        if asked.input_type == "response":
            account.heard(part, text)
            texts.append(await _reply(equipment, text, said, part, inspector, account))
        else:
            account.prompt[part] = text
            stage = _ROLES.get(roles.get(text, "user"), Stage.PROMPT)
            passage = await inspector.inspect_async(text, stage, part, context=context)
            account.add(passage.verdict)
            account.prompt_chars += len(text)
            texts.append(passage.text)
            edits.extend({"part": part, **edit.to_dict()} for edit in passage.edits)
    for name, values, stage in (("tools", asked.tools, Stage.DOCUMENT), ("tool_calls", asked.tool_calls, Stage.REPLY)):
        for number, value in enumerate(values or ()):
            passage = await inspector.inspect_async(_spelled(value), stage, f"{name}[{number}]")
            account.add(_stopping(passage))
    return _Answer(account.verdict(), texts, texts != (asked.texts or []), edits)


def _spelled(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _stopping(passage: Passage) -> Verdict:
    """Only texts can be sent back changed, so what would be cut from anything else stops it."""
    verdict = passage.verdict
    return replace(verdict, disposition=Disposition.BLOCK) if passage.is_changed else verdict


async def _reply(equipment: Equipment, text: str, said: Said, part: str, inspector: Inspector, account: Account) -> str:
    told = [text for role, text in said if _ROLES.get(role) is Stage.INSTRUCTIONS]
    heard = [text for role, text in said if role in ("user", "tool")]
    kept = inspector.instruction_book.instructions(told, heard)
    machine = inspector.machine(Stage.REPLY, part, context=newest_turn(said), instructions=kept)
    machine.feed(text)
    machine.end()
    pieces: list[str] = []
    for output in await drive_async(machine, inspector.judge):
        if isinstance(output, Release):
            pieces.append(output.text)
        elif isinstance(output, Annotate) and equipment.settings.answers.notes == "visible":
            pieces.append(note(output.firings, machine.verdict().language))
    account.add(machine.verdict())
    return "".join(pieces)


def _image(image: str, number: int) -> bytes:
    head, comma, payload = image.partition(",")
    try:
        if image.startswith("data:") and comma and head.endswith(";base64"):
            return base64.b64decode(payload, validate=True)
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError) as error:
        raise WireError(
            "An image given by address cannot be inspected here; send it as base64.",
            code="uninspectable_content",
            param=f"images[{number}]",
        ) from error


def _body(equipment: Equipment, answer: _Answer, inspector: Inspector, account: Account) -> bytes:
    verdict = answer.verdict
    told: dict[str, object] = {"action": "NONE"}
    account.outcome = Outcome.ANSWERED
    if verdict.disposition.stops:
        is_prompt = bool(account.prompt)
        account.outcome = Outcome.REFUSED_PROMPT if is_prompt else Outcome.REFUSED_REPLY
        language = equipment.settings.answers.language if verdict.language == "und" else verdict.language
        words = refusal(verdict, language, equipment.help_lines.today())
        told = {"action": "BLOCKED", "blocked_reason": words}
    elif answer.is_changed and verdict.disposition > Disposition.PASS:
        told = {"action": "GUARDRAIL_INTERVENED", "texts": answer.texts}
    told["leeward"] = explain(
        account.id, inspector.ruleset, verdict, appeal=equipment.settings.public_url, edits=answer.edits
    )
    return msgspec.json.encode(told)
