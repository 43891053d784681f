from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from leeward.domain.caller import Caller
from leeward.domain.disposition import Disposition
from leeward.domain.finding import Finding, Reading
from leeward.domain.rule import Rule
from leeward.domain.view import Stage, View
from leeward.errors import WireError
from leeward.extraction_watch.exchange import bias_of
from leeward.gateway.prompt import Inspected, Traffic, inspect_request
from leeward.gateway.settings import OpaqueParts
from leeward.gateway.wire.request import Request, parse
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from leeward.inspection.spotlight import Scheme, Spotlight, SpotlightPlan
from tiny_rules import Spotter, by_id, rule, ruleset, threads

STOP = rule("STOP", {"stop": 0.5})
CUT = rule("CUT", {"cut": 0.5}, disposition=Disposition.SANITIZE)
DISTRESS = rule("CARE", {"sad": 0.5}, counts=False)
TRAFFIC = Traffic(12.0, "served-name", is_hosted_api=True)


class Noting(Spotter):
    """Keeps the views it is shown, besides what it finds."""

    def __init__(self) -> None:
        super().__init__(words={"stop": 1.0, "cut": 1.0, "sad": 1.0})
        self.views: list[View] = []

    def examine(self, view: View) -> Reading:
        self.views.append(view)
        if view.image:
            return Reading((Finding(hazard="stop", confidence=1.0),))
        return super().examine(view)


def request(*messages: dict[str, Any], **more: Any) -> Request:
    body = {"model": "m", "messages": list(messages), **more}
    return parse("chat.completions", json.dumps(body).encode())


def user(content: Any) -> dict[str, Any]:
    return {"role": "user", "content": content}


async def inspect(
    asked: Request,
    *rules: Rule,
    spotter: Spotter | None = None,
    opaque: OpaqueParts | None = None,
    plan: SpotlightPlan | None = None,
) -> Inspected:
    judge = Judge(ruleset(*rules), by_id(spotter or Noting()), threads())
    caller = Caller(tenant="acme", key="k", use={"purpose": "research"})
    looking = Inspector(judge, InspectionSettings(spotlight=plan or SpotlightPlan()), bytes(32))
    return await inspect_request(
        asked, caller, looking, TRAFFIC, opaque or OpaqueParts(), looking.spotlight.lit(lambda count: b"\x07" * count)
    )


async def test_a_harmless_request_passes_and_tells_what_was_looked_for() -> None:
    inspected = await inspect(request(user("hello there")), STOP, CUT)

    assert inspected.verdict.disposition is Disposition.PASS
    assert inspected.verdict.checked == {"STOP", "CUT"}
    assert (inspected.changes, inspected.chars) == ([], 11)


async def test_every_message_counts() -> None:
    asked = request(user("please stop"), {"role": "assistant", "content": "no"}, user("go on"))

    assert (await inspect(asked, STOP)).verdict.disposition is Disposition.BLOCK


async def test_flagged_passages_are_written_back_sanitised_and_told_without_quoting() -> None:
    asked = request(user("please cut this"))
    inspected = await inspect(asked, CUT)

    assert asked.body["messages"] == [user("please - this")]
    assert inspected.changes == ["messages[0].content: flagged passages were removed or defused"]
    assert inspected.edits == [{"part": "messages[0].content", "span": [7, 10], "kind": "replaced"}]
    assert inspected.spotlit == []


DATA = "data-" + "07" * 8
RESULT = {"role": "tool", "tool_call_id": "c1", "content": "please cut this"}
CALL = {"role": "assistant", "tool_calls": [{"id": "c1", "function": {"name": "f", "arguments": "{}"}}]}


async def test_what_is_left_of_a_flagged_tool_result_is_marked_and_the_model_is_told() -> None:
    asked = request(user("please cut this"), CALL, RESULT, {**RESULT, "content": "all is fine"})
    inspected = await inspect(asked, CUT, plan=SpotlightPlan(Scheme.DELIMITING))
    system, *rest = asked.body["messages"]  # type: ignore[misc]

    assert inspected.spotlit == ["messages[2].content"]
    assert [m["content"] for m in rest if "content" in m] == [  # type: ignore[union-attr,call-overload,index,operator]
        "please - this", f"<{DATA}>\nplease - this\n</{DATA}>", "all is fine",
    ]  # fmt: skip
    assert system["role"] == "system"  # type: ignore[call-overload,index]
    assert DATA in system["content"]  # type: ignore[call-overload,index,operator]


async def test_every_text_of_the_stages_can_be_marked_names_and_definitions_never() -> None:
    tool = {"type": "function", "function": {"name": "f", "description": "Finds a thing"}}
    asked = request(
        {"role": "system", "content": "be brief"}, user("hi there"), CALL, RESULT | {"content": "a b"},
        tools=[tool], documents=[{"id": "d1", "text": "c d"}],
    )  # fmt: skip
    plan = SpotlightPlan(Scheme.DATAMARKING, frozenset({Stage.PROMPT, Stage.TOOL_RESULT, Stage.DOCUMENT}), False)
    inspected = await inspect(asked, CUT, plan=plan)
    mark = Spotlight(Scheme.DATAMARKING, "07" * 8).mark
    messages: Any = asked.body["messages"]

    assert asked.body["tools"] == [tool]
    assert asked.body["documents"] == [{"id": "d1", "text": f"{mark}c{mark}d"}]
    assert messages[0]["content"].endswith("\n\nbe brief")
    assert [messages[n]["content"] for n in (1, 3)] == [f"{mark}hi{mark}there", f"{mark}a{mark}b"]
    assert messages[2] == CALL
    assert set(inspected.spotlit) == {"documents[0]", "messages[1].content", "messages[3].content"}


async def test_a_person_who_spoke_of_distress_earlier_may_go_on_talking() -> None:
    talk = (user("i am sad"), {"role": "assistant", "content": "I am here."}, user("thanks"))
    now = await inspect(request(talk[0]), DISTRESS)
    later = await inspect(request(*talk), DISTRESS)

    assert now.verdict.disposition is Disposition.BLOCK
    assert later.verdict.disposition is Disposition.PASS
    assert later.verdict.rules == ("CARE",)


@pytest.mark.parametrize("said", ["i am sad, stop", "boom"])
async def test_a_violation_or_a_failure_in_the_history_still_stops(said: str) -> None:
    asked = request(user(said), {"role": "assistant", "content": "well"}, user("go on"))

    assert (await inspect(asked, DISTRESS, STOP)).verdict.disposition is Disposition.BLOCK


async def test_the_language_is_that_of_the_newest_turn_of_the_user() -> None:
    asked = request(
        user("What is the weather like in the north of the country today?"),
        {"role": "assistant", "content": "It is fine."},
        user("Et quel temps fera-t-il demain dans le sud du pays ?"),
    )

    assert (await inspect(asked, STOP)).language == "fr"


async def test_without_a_user_turn_the_language_is_that_of_the_rest() -> None:
    asked = request({"role": "system", "content": "Antworte bitte immer in ganzen Sätzen und sei freundlich."})
    instructed = rule("STOP", {"stop": 0.5}, stages=(Stage.INSTRUCTIONS,))

    assert (await inspect(asked, instructed)).language == "de"


async def test_an_image_is_judged_as_it_came() -> None:
    data = base64.b64encode(b"a picture").decode()
    shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
    noting = Noting()
    inspected = await inspect(
        request(user([shown])), rule("STOP", {"stop": 0.5}, stages=(Stage.IMAGE,)), spotter=noting
    )

    assert inspected.verdict.disposition is Disposition.BLOCK
    assert [(v.image, v.part) for v in noting.views] == [(b"a picture", "messages[0].content[0].image_url.url")]


@pytest.mark.parametrize(
    ("chunk", "setting"),
    [
        ({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}, "image_url"),
        ({"type": "document_url", "document_url": "https://example.org/a.pdf"}, "document"),
        ({"type": "input_audio", "input_audio": {"data": "AAAA", "format": "wav"}}, "audio"),
    ],
)
async def test_what_nobody_can_see_is_refused_unless_the_operator_allows_it(
    chunk: dict[str, Any], setting: str
) -> None:
    asked = request(user([chunk]))
    with pytest.raises(WireError, match=f"`{setting}` in \\[opaque\\]") as refused:
        await inspect(asked, STOP)
    allowed = await inspect(asked, STOP, opaque=OpaqueParts(**{setting: "allow"}))  # type: ignore[arg-type]

    assert refused.value.code == "uninspectable_content"
    assert str(refused.value.param).startswith("messages[0].content[0]")
    assert allowed.verdict.unchecked == {"STOP"}


async def test_what_no_setting_allows_is_refused_without_advice() -> None:
    with pytest.raises(WireError, match="cannot be inspected here") as refused:
        await inspect(request(user("hi"), chat_template="{{ x }}"), STOP)

    assert "[opaque]" not in refused.value.message


async def test_rules_about_licences_are_told_the_model_and_the_declared_use() -> None:
    noting = Noting()
    await inspect(request(user("hi")), rule("L", {"stop": 0.5}, stages=(Stage.EXCHANGE,)), spotter=noting)

    (view,) = noting.views
    assert dict(view.facts) == {
        "model": "served-name", "requested_model": "m", "tenant": "acme", "is_hosted_api": True, "purpose": "research",
        "today": "1970-01-01", "t": 12.0, "end_user": "", "instructions": [],
    }  # fmt: skip


async def test_rules_about_traffic_are_told_how_and_what_was_asked() -> None:
    noting = Noting()
    asked = request(
        {"role": "system", "content": "be brief"}, user("one"), {"role": "assistant", "content": "1"}, user("two"),
        temperature=0.5, top_p=0.9, logprobs=True, top_logprobs=5, logit_bias={"7": 1}, n=2, max_tokens=9,
    )  # fmt: skip
    await inspect(asked, rule("T", {"stop": 0.5}, stages=(Stage.TRAFFIC,)), spotter=noting)

    (view,) = noting.views
    assert view.facts.items() >= {
        "t": 12.0, "tenant": "acme", "key": "k", "model": "m", "texts": ["two"], "temperature": 0.5, "top_p": 0.9,
        "logprobs": True, "top_logprobs": 5, "logit_bias": bias_of({"7": 1}), "n": 2, "max_tokens": 9,
        "prompt_empty": False,
    }.items()  # fmt: skip


@pytest.mark.parametrize("content", ["", "  \n"])
async def test_an_empty_prompt_is_told_as_one(content: str) -> None:
    noting = Noting()
    await inspect(request(user(content)), rule("T", {"stop": 0.5}, stages=(Stage.TRAFFIC,)), spotter=noting)

    assert noting.views[0].facts["prompt_empty"] is True


async def test_a_long_history_is_looked_at_to_its_end() -> None:
    talk = [user(f"message number {n}") for n in range(100)]

    assert (await inspect(request(*talk, user("now stop")), STOP)).verdict.disposition is Disposition.BLOCK
