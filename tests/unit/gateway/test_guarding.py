from __future__ import annotations

import json
from typing import Any

from leeward.domain.view import Stage
from leeward.gateway.guarding import Guarded, check_guardrails, check_text
from leeward.gateway.wire.request import Request, parse
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from tiny_rules import Spotter, by_id, rule, ruleset, threads


def moderation() -> Inspector:
    spotter = Spotter(words={"hate": 0.9, "health": 0.6})
    return Inspector(
        Judge(ruleset(rule("R", {"hate": 0.5})), by_id(spotter), threads()), InspectionSettings(), bytes(32)
    )


def request(text: str, *guardrails: dict[str, Any]) -> Request:
    messages = [
        {"role": "user", "content": "I hate rain"},
        {"role": "assistant", "content": "So do I."},
        {"role": "user", "content": text},
    ]
    return parse(
        "chat.completions", json.dumps({"model": "m", "messages": messages, "guardrails": guardrails}).encode()
    )


def guard(action: str = "block", *, on_error: bool = False, **thresholds: float) -> dict[str, Any]:
    asked = {"custom_category_thresholds": thresholds, "action": action}
    return {"block_on_error": on_error, "moderation_llm_v2": asked}


async def test_a_request_without_guardrails_is_not_held_to_any() -> None:
    assert await check_guardrails(request("I hate it"), moderation()) == Guarded()


async def test_the_newest_turn_alone_is_held_to_them() -> None:
    calm = await check_guardrails(request("fine", guard()), moderation())
    not_calm = await check_guardrails(request("I hate it", guard()), moderation())

    assert (calm.is_blocked, not_calm.is_blocked) == (False, True)
    assert [o.violated for o in not_calm.outcomes] == [True]


async def test_the_thresholds_of_the_caller_decide() -> None:
    health = "my health"
    strict = await check_guardrails(request(health, guard(health=0.5)), moderation())
    lax = await check_guardrails(request(health, guard(health=0.7)), moderation())
    off = await check_guardrails(request("I hate it", guard(hate_and_discrimination=1.0)), moderation())

    assert (strict.is_blocked, lax.is_blocked, off.is_blocked) == (True, False, False)


async def test_one_that_only_reports_blocks_nothing() -> None:
    told = await check_guardrails(request("I hate it", guard("none")), moderation())

    assert (told.is_blocked, [o.violated for o in told.outcomes]) == (False, [True])


async def test_a_look_that_failed_blocks_only_where_the_caller_wants_it() -> None:
    strict = await check_guardrails(request("boom", guard(on_error=True)), moderation())
    lax = await check_guardrails(request("boom", guard()), moderation())

    assert (strict.is_blocked, strict.has_failed) == (True, True)
    assert (lax.is_blocked, lax.has_failed) == (False, False)


async def test_replies_are_held_to_them_too() -> None:
    asked = request("fine", guard())

    assert (await check_text(asked, "I hate it too", Stage.REPLY, moderation())).is_blocked
    assert not (await check_text(asked, "fine", Stage.REPLY, moderation())).is_blocked
