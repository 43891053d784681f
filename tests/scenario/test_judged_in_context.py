"""A reply is judged with its prompt, a short turn with its history, through every door of the gateway."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from chat_scripts import answer, stream
from leeward.domain.finding import Finding, Reading
from leeward.domain.ports import DetectorInfo, Placement
from leeward.domain.view import Stage, View
from leeward.inspection.inspector import Inspector
from patience import PATIENCE_SECONDS
from running_house import HOUSE_RULES, Reply, RunningHouse, inspector, serving
from scripted_upstream import Script, ScriptedUpstream

BAD, INNOCENT = "Are zebras thieves?", "Are zebras striped?"
YES = "Yes, all of them."
RULES = f"""{HOUSE_RULES}
[[rule]]
id = "TEST-001"
name = "Agreement"
trigger = "Somebody agrees with a slander."
stages = ["prompt", "reply"]
disposition = "block"
duties = ["log"]
on_failure = "block"
[[rule.when]]
detector = "agreement"
[rule.when.thresholds]
hate = 0.5
"""


class Agreement:
    """Finds a `yes` to a question about thieves; where nobody says yes it tells so at a glance."""

    info = DetectorInfo(
        id="agreement", hazards=("hate",), stages=(Stage.PROMPT, Stage.REPLY), reach_chars=8,
        budget_seconds=PATIENCE_SECONDS, placement=Placement.THREAD,
    )  # fmt: skip

    def __init__(self) -> None:
        self.glances: list[tuple[str, str]] = []
        self.looks: list[tuple[str, str]] = []

    def open(self) -> None:
        pass

    def glance(self, view: View) -> Reading | None:
        self.glances.append((view.text, view.context))
        return None if "yes" in view.text.lower() else Reading()

    def examine(self, view: View) -> Reading:
        self.looks.append((view.text, view.context))
        return Reading((Finding(hazard="hate", confidence=0.97),) if "thieves" in view.context else ())


def judged_with(agreement: Agreement) -> Inspector:
    return inspector(RULES, (agreement,))


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


async def asked(house: RunningHouse, *messages: dict[str, Any], **more: Any) -> Reply:
    return await house.ask({"model": "m", "messages": list(messages), **more})


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize(("prompt", "finish"), [(BAD, "content_filter"), (INNOCENT, "stop")])
async def test_a_reply_is_judged_with_the_prompt_that_it_answers(
    is_stream: bool, prompt: str, finish: str, tmp_path: Path
) -> None:
    agreement = Agreement()
    script: Script = stream(YES) if is_stream else answer(YES)
    async with (
        ScriptedUpstream(script) as upstream,
        serving(tmp_path, upstream.url, inspector=judged_with(agreement)) as house,
    ):
        got = await asked(house, user("Are horses thieves?"), assistant("No."), user(prompt), stream=is_stream)

    assert got.finish_reason == finish
    assert agreement.looks == [(YES, prompt)]


@pytest.mark.parametrize(("before", "finish"), [(BAD, "content_filter"), (INNOCENT, "stop")])
async def test_a_short_turn_is_judged_with_the_turns_before_it_and_only_once(
    before: str, finish: str, tmp_path: Path
) -> None:
    agreement = Agreement()
    talk = [user(before), assistant("Say more."), user(YES)]
    async with (
        ScriptedUpstream(answer("Well.")) as upstream,
        serving(tmp_path, upstream.url, inspector=judged_with(agreement)) as house,
    ):
        got = await asked(house, *talk)
        again = await asked(house, *talk, assistant("Well."), user("And now?"))

    assert (got.finish_reason, again.finish_reason) == (finish, finish)
    assert agreement.looks == [(YES, before)]
    assert ("And now?", f"{before}\n{YES}") in agreement.glances


async def test_guardrails_of_the_request_judge_in_context_too(tmp_path: Path) -> None:
    guardrail = {"moderation_llm_v2": {"custom_category_thresholds": {"hate_and_discrimination": 0.5}}}
    agreement = Agreement()
    lax = judged_with(agreement)
    async with (
        ScriptedUpstream(answer(YES), answer(YES)) as upstream,
        serving(tmp_path, upstream.url, inspector=lax) as house,
    ):
        await asked(house, user(INNOCENT), guardrails=[guardrail])
        await asked(house, user(INNOCENT), assistant("No."), user(YES), guardrails=[guardrail])

    assert agreement.looks.count((YES, INNOCENT)) == 4  # the prompt's turn once by rule, once by guardrail; a reply too
    assert agreement.looks.count((YES, YES)) == 2


@pytest.mark.parametrize(
    ("talk", "is_flagged"),
    [
        ([user(BAD), assistant(YES)], True),
        ([user(INNOCENT), assistant(YES)], False),
        ([user(BAD), assistant("Say more."), user(YES)], True),
        ([user(BAD), assistant("Say more."), user(f"{YES} {'I am sure of it. ' * 12}")], False),
    ],
)
async def test_the_last_turn_of_a_conversation_is_scored_in_context(
    talk: list[dict[str, Any]], is_flagged: bool, tmp_path: Path
) -> None:
    async with serving(tmp_path, "http://127.0.0.1:9/v1", inspector=judged_with(Agreement())) as house:
        for path, conversations in (("/v1/chat/moderations", [talk]), ("/v1/moderations", talk)):
            got = await house.ask({"model": "mistral-moderation-latest", "input": conversations}, path)
            (result,) = got.json()["results"]

            assert (result["category_scores"]["hate_and_discrimination"] > 0.9) == is_flagged


async def test_inputs_that_are_scored_together_are_no_conversation(tmp_path: Path) -> None:
    async with serving(tmp_path, "http://127.0.0.1:9/v1", inspector=judged_with(Agreement())) as house:
        got = await house.ask({"model": "omni-x", "input": [BAD, YES]}, "/v1/moderations")

    assert [result["category_scores"]["hate"] < 0.9 for result in got.json()["results"]] == [True, True]


@pytest.mark.parametrize(("prompt", "action"), [(BAD, "BLOCKED"), (INNOCENT, "NONE")])
async def test_litellm_may_send_the_conversation_along(prompt: str, action: str, tmp_path: Path) -> None:
    asked_of_reply = {"texts": [YES], "input_type": "response", "structured_messages": [user(prompt)]}
    asked_of_turn = {"texts": [prompt, YES], "input_type": "request"}
    async with serving(tmp_path, "http://127.0.0.1:9/v1", inspector=judged_with(Agreement())) as house:
        told = [
            (await house.ask(json.dumps({**body, "model": "m"}).encode(), "/beta/litellm_basic_guardrail_api")).json()
            for body in (asked_of_reply, asked_of_turn)
        ]

    assert [answer["action"] for answer in told] == [action, action]
