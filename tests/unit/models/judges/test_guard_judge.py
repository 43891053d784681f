"""A judge as the last tier, against a scripted server."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from judge_answers import chat, moderation
from leeward.domain.ports import Judges
from leeward.domain.view import Stage
from leeward.errors import DetectorError
from leeward.models.judges.budget import FAILURES, Budget
from leeward.models.judges.client import JudgeClient
from leeward.models.judges.families import FAMILIES
from leeward.models.judges.judge import GuardJudge
from patience import PATIENCE_SECONDS
from scripted_upstream import Script, ScriptedUpstream, Seen, Wire, reply, stall, whole

UNSAFE = chat("unsafe\nS10", [("unsafe", {"unsafe": 0.8, "safe": 0.2})])


@asynccontextmanager
async def a_judge(
    *scripts: Script,
    family: str = "llama-guard-3",
    per_minute: float = 0,
    clock: Callable[[], float] = time.monotonic,
    **options: Any,
) -> AsyncIterator[tuple[GuardJudge, ScriptedUpstream]]:
    async with ScriptedUpstream(*scripts) as server:
        judge = GuardJudge(
            FAMILIES[family],
            JudgeClient(f"{server.url}/v1", clock=clock),
            Budget(per_minute, lambda: 0.0),
            clock=clock,
            **{"timeout_seconds": PATIENCE_SECONDS, **options},
        )
        yield judge, server
        judge.close()


async def ask(judge: Judges, *hazards: str, text: str = "Hello.", context: str = "") -> Mapping[str, float] | None:
    return await asyncio.to_thread(judge.ask, text, context, Stage.PROMPT, hazards)


async def test_the_judge_answers_for_the_hazards_asked_about_and_no_others() -> None:
    async with a_judge(reply(200, UNSAFE)) as (judge, server):
        told = await ask(judge, "hate", "violence")

    assert told == {"hate": pytest.approx(0.8), "violence": 0.0}
    assert json.loads(server.seen[0].body)["model"] == "meta-llama/Llama-Guard-3-8B"
    assert judge.counts.answered == 1


async def test_without_hazards_it_answers_for_all_that_it_knows() -> None:
    async with a_judge(reply(200, UNSAFE), model="my-guard") as (judge, server):
        told = await ask(judge)

    assert told is not None
    assert set(told) == judge.hazards
    assert json.loads(server.seen[0].body)["model"] == "my-guard"


async def test_hazards_that_it_knows_nothing_of_cost_no_request() -> None:
    async with a_judge(reply(200, UNSAFE)) as (judge, server):
        told = await ask(judge, "stereotype", "licence.circumvention")

    assert (told, server.seen) == ({}, [])


async def test_a_family_that_is_asked_one_thing_at_a_time_is_asked_once_for_each_hazard() -> None:
    def said(yes: float) -> Script:
        return reply(200, chat("yes", [("yes", {"yes": yes, "no": 1 - yes})]))

    async with a_judge(said(0.9), said(0.4), family="shieldstral") as (judge, server):
        told = await ask(judge, "malware", "hate")

    assert told == {"hate": pytest.approx(0.9), "malware": pytest.approx(0.4)}
    assert len(server.seen) == 2


async def test_a_moderation_api_answers_with_scores_of_its_own() -> None:
    script = reply(200, moderation({"hate_and_discrimination": 0.61, "sexual": 0.02}))
    async with a_judge(script, family="mistral-moderation") as (judge, server):
        told = await ask(judge, "hate", context="Before.")

    assert told == {"hate": 0.61}
    assert server.seen[0].target == "/v1/chat/moderations"


FAILING: dict[str, Script] = {
    "an error": reply(500, b'{"error": "out of memory"}'),
    "no answer in time": stall,
    "no JSON": reply(200, b"<html>"),
    "a refusal": reply(200, chat("I can't help with that.")),
}


@pytest.mark.parametrize("what", FAILING)
async def test_under_keep_a_judge_that_tells_nothing_leaves_the_score_alone(what: str) -> None:
    async with a_judge(FAILING[what], timeout_seconds=0.2) as (judge, _):
        told = await ask(judge, "hate")

    assert told is None
    assert judge.counts.answered == 0
    assert judge.counts.failed + judge.counts.unclear == 1


@pytest.mark.parametrize("what", FAILING)
async def test_under_fail_a_judge_that_tells_nothing_could_not_look(what: str) -> None:
    async with a_judge(FAILING[what], timeout_seconds=0.2, on_failure="fail") as (judge, _):
        with pytest.raises(DetectorError, match="llama-guard-3") as failed:
            await ask(judge, "hate", text="a text that no message may quote")

    assert "no message may quote" not in failed.value.diagnostics()
    assert "on_failure" in failed.value.remedy


async def test_one_question_without_an_answer_leaves_none_of_them_answered() -> None:
    async with a_judge(reply(200, chat("yes")), reply(503), family="shieldstral") as (judge, _):
        told = await ask(judge, "hate", "malware")

    assert told is None


async def test_a_spent_budget_asks_nobody() -> None:
    async with a_judge(reply(200, UNSAFE), per_minute=2) as (judge, server):
        told = [await ask(judge, "hate") for _ in range(3)]

    assert [one is None for one in told] == [False, False, True]
    assert (len(server.seen), judge.counts.over_budget) == (2, 1)


async def test_a_judge_that_keeps_failing_is_left_alone_for_a_while() -> None:
    async with a_judge(reply(500)) as (judge, server):
        told = [await ask(judge, "hate") for _ in range(FAILURES + 2)]

    assert told == [None] * (FAILURES + 2)
    assert (len(server.seen), judge.counts.over_budget) == (FAILURES, 2)


async def test_a_text_that_is_too_long_is_not_sent() -> None:
    async with a_judge(reply(200, UNSAFE), max_chars=10) as (judge, server):
        told = await ask(judge, "hate", text="Hello.", context="Hello.")

    assert (told, server.seen, judge.counts.too_long) == (None, [], 1)


async def test_a_lone_surrogate_does_not_break_the_asking() -> None:
    async with a_judge(reply(200, UNSAFE)) as (judge, _):
        told = await ask(judge, "hate", text="broken \ud83d here")

    assert told is None or math.isclose(told["hate"], 0.8)


async def test_the_timeout_binds_all_questions_of_a_text_together() -> None:
    now = 0.0

    async def answer_at_the_last_moment(wire: Wire, seen: Seen) -> None:
        nonlocal now
        now = PATIENCE_SECONDS - 0.05
        wire.send(whole(200, chat("yes")))

    scripts = (answer_at_the_last_moment, stall)
    async with a_judge(*scripts, family="shieldstral", clock=lambda: now) as (judge, server):
        told = await ask(judge, "hate", "malware", "sexual")

    assert told is None
    assert len(server.seen) == 2


async def test_threads_share_a_judge() -> None:
    async with a_judge(reply(200, UNSAFE)) as (judge, _):
        told = await asyncio.gather(*(ask(judge, "hate") for _ in range(20)))

    assert [one and one["hate"] for one in told] == [pytest.approx(0.8)] * 20
    assert judge.counts.answered == 20


@pytest.mark.parametrize(("score", "is_unsure"), [(0.29, False), (0.3, True), (0.5, True), (0.7, True), (0.71, False)])
async def test_the_band_holds_both_its_ends(score: float, is_unsure: bool) -> None:
    async with a_judge(reply(200), band=(0.3, 0.7)) as (judge, _):
        assert judge.is_unsure(score) is is_unsure
