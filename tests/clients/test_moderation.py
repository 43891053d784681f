"""Moderation endpoints in both shapes, and Mistral's guardrails."""

from __future__ import annotations

import json

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from model_answers import chat, chat_stream

from model_server import ModelServer

BAD = "I will find you and beat you up, you are worthless and I will make you bleed."
GOOD = "Dogs like to play in the garden."
HELLO = [{"role": "user", "content": "Please say something nice."}]
V2 = {
    "sexual", "hate_and_discrimination", "violence_and_threats", "dangerous", "criminal", "selfharm", "health",
    "financial", "law", "pii", "jailbreaking",
}  # fmt: skip


def block(**thresholds: float) -> list[dict[str, object]]:
    moderation = {
        "model_name": "mistral-moderation-2603", "custom_category_thresholds": thresholds,
        "ignore_other_categories": bool(thresholds), "action": "block",
    }  # fmt: skip
    return [{"block_on_error": True, "moderation_llm_v2": moderation}]


def test_openais_shape(gpt: openai.OpenAI) -> None:
    result = gpt.moderations.create(model="omni-moderation-latest", input=[GOOD, BAD])
    good, bad = result.results

    assert (good.flagged, bad.flagged) == (False, True)
    assert bad.categories.harassment or bad.categories.violence
    assert max(bad.category_scores.harassment, bad.category_scores.violence) > 0.5
    assert good.category_scores.violence < 0.3


def test_openais_shape_for_parts(gpt: openai.OpenAI) -> None:
    result = gpt.moderations.create(
        model="omni-moderation-latest", input=[{"type": "text", "text": GOOD}, {"type": "text", "text": BAD}]
    )

    assert [r.flagged for r in result.results] == [True]


def test_mistrals_shape(mistral: Mistral) -> None:
    result = mistral.classifiers.moderate(model="mistral-moderation-2603", inputs=[GOOD, BAD])
    good, bad = result.results

    assert set(bad.categories or {}) == set(bad.category_scores or {}) == V2
    assert (any((good.categories or {}).values()), any((bad.categories or {}).values())) == (False, True)


def test_mistrals_shape_for_a_conversation_scores_the_last_turn(mistral: Mistral) -> None:
    turns = [{"role": "user", "content": BAD}, {"role": "assistant", "content": GOOD}]
    result = mistral.classifiers.moderate_chat(model="mistral-moderation-2603", inputs=turns)
    both = mistral.classifiers.moderate_chat(model="mistral-moderation-2603", inputs=[turns, turns[:1]])

    assert [any((r.categories or {}).values()) for r in result.results] == [False]
    assert [any((r.categories or {}).values()) for r in both.results] == [False, True]


def test_the_first_version_of_mistrals_categories(mistral: Mistral) -> None:
    result = mistral.classifiers.moderate(model="mistral-moderation-2411", inputs=GOOD)

    assert "dangerous_and_criminal_content" in (result.results[0].categories or {})


def test_a_guardrail_that_is_passed_says_so(models: ModelServer, gpt: openai.OpenAI, mistral: Mistral) -> None:
    models.says("mistral-g1", chat(GOOD))
    models.says("vllm-g1", chat(GOOD))
    reply = mistral.chat.complete(model="mistral-g1", messages=HELLO, guardrails=block())
    other = gpt.chat.completions.create(model="vllm-g1", messages=HELLO, extra_body={"guardrails": block()})  # type: ignore[arg-type]

    assert reply.choices[0].message.content == GOOD
    (passed,) = (other.model_extra or {})["guardrails"]
    assert passed["moderation_llm_v2"]["action"] == "none"
    assert set(passed["moderation_llm_v2"]["categories"]) == V2
    assert not any(c["violated"] for c in passed["moderation_llm_v2"]["categories"].values())
    assert "guardrails" not in models.asked("vllm-g1")[0].body


def test_a_guardrail_blocks_with_403_and_its_reasons(models: ModelServer, mistral: Mistral) -> None:
    models.says("mistral-g2", chat(GOOD))
    with pytest.raises(SDKError) as error:
        mistral.chat.complete(model="mistral-g2", messages=HELLO, guardrails=block(sexual=0.0))

    told = json.loads(error.value.body)
    assert error.value.status_code == 403
    assert told["error"]["message"] == "Content blocked by guardrail"
    result = told["guardrails"]["results"]["moderation_llm_v2"]
    assert (result["violated"], result["action"]) == (True, "block")
    assert set(result["decisions"]) == {"sexual"}
    assert result["decisions"]["sexual"]["threshold"] == 0.0
    assert told["leeward"]["decision_id"]
    assert models.asked("mistral-g2") == []


def test_a_threshold_of_one_switches_a_category_off(models: ModelServer, mistral: Mistral) -> None:
    models.says("mistral-g3", chat(GOOD))
    reply = mistral.chat.complete(model="mistral-g3", messages=HELLO, guardrails=block(sexual=1.0))

    assert reply.choices[0].message.content == GOOD


def test_a_guardrail_holds_replies_too(models: ModelServer, mistral: Mistral) -> None:
    models.says("mistral-g4", chat("Send money to DE89 3704 0044 0532 0130 00 or call +49 30 901820."))
    calm = block(pii=0.000001)
    with pytest.raises(SDKError) as error:
        mistral.chat.complete(model="mistral-g4", messages=HELLO, guardrails=calm)

    assert error.value.status_code == 403
    assert len(models.asked("mistral-g4")) == 1


def test_a_streamed_reply_is_held_to_its_guardrails_before_anything_leaves(
    models: ModelServer, mistral: Mistral
) -> None:
    text = "Send money to DE89 3704 0044 0532 0130 00 or call +49 30 901820. " * 20
    models.says("mistral-g5", chat_stream(*text))
    with mistral.chat.stream(model="mistral-g5", messages=HELLO, guardrails=block(pii=0.000001)) as stream:
        chunks = [e.data for e in stream]
    shown = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)

    assert "DE89" not in shown
    assert chunks[-1].choices[0].finish_reason == "content_filter"


def test_a_streamed_reply_that_passes_its_guardrails_says_so(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("vllm-g6", chat_stream(*GOOD))
    with gpt.chat.completions.create(
        model="vllm-g6",
        messages=HELLO,
        stream=True,
        extra_body={"guardrails": block()},  # type: ignore[arg-type]
    ) as stream:
        chunks = list(stream)

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == GOOD
    (passed,) = (chunks[-1].model_extra or {})["guardrails"]
    assert passed["moderation_llm_v2"]["action"] == "none"


def test_a_guardrail_that_is_misspelt_is_refused(gpt: openai.OpenAI) -> None:
    wrong = [{"moderation_llm_v2": {"action": "stop"}}]
    with pytest.raises(openai.UnprocessableEntityError):
        gpt.chat.completions.create(model="gpt-g7", messages=HELLO, extra_body={"guardrails": wrong})  # type: ignore[arg-type]
