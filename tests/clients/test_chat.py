"""Chat with both clients, whole and streamed."""

from __future__ import annotations

import openai
import pytest
from mistralai.client import Mistral
from model_answers import chat, chat_stream

from model_server import ModelServer

HELLO = [{"role": "user", "content": "Say hello, please."}]
WORDS = "Hello there, this is a longer answer that comes in many small pieces."


def test_openai_gets_the_answer_and_what_was_decided(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("gpt-1", chat(WORDS))
    raw = gpt.chat.completions.with_raw_response.create(model="gpt-1", messages=HELLO, seed=7, user="someone")
    reply = raw.parse()

    assert reply.choices[0].message.content == WORDS
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage is not None
    assert reply.usage.total_tokens == 15
    told = (reply.model_extra or {})["leeward"]
    assert told["disposition"] == "pass"
    assert told["unchecked"] == []
    assert {"RULE-MIST-001", "RULE-MIST-005", "HOUSE-001"} <= set(told["checked"])
    assert told["decision_id"] == raw.headers["x-leeward-decision-id"]
    assert raw.headers["mistral-correlation-id"] == "corr-7"
    (asked,) = models.asked("gpt-1")
    assert asked.body == {"model": "gpt-1", "messages": HELLO, "seed": 7, "user": "someone"}
    assert "authorization" not in asked.headers


def test_mistral_gets_the_answer(models: ModelServer, mistral: Mistral) -> None:
    models.says("mistral-1", chat(WORDS))
    reply = mistral.chat.complete(model="mistral-1", messages=HELLO, random_seed=7)

    assert reply.choices[0].message.content == WORDS
    assert reply.choices[0].finish_reason == "stop"
    assert reply.usage.total_tokens == 15
    (asked,) = models.asked("mistral-1")
    assert asked.body["random_seed"] == 7
    assert asked.body["messages"] == HELLO


def test_openai_streams(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("gpt-2", chat_stream(*WORDS))
    with gpt.chat.completions.create(
        model="gpt-2", messages=HELLO, stream=True, stream_options={"include_usage": True}
    ) as stream:
        chunks = list(stream)

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == WORDS
    assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
    last = chunks[-1]
    assert last.usage is not None
    assert last.usage.total_tokens == 15
    assert (last.model_extra or {})["leeward"]["disposition"] == "pass"
    assert {c.id for c in chunks} == {"cmpl-7"}


def test_mistral_streams_and_usage_comes_unasked(models: ModelServer, mistral: Mistral) -> None:
    for model in ("mistral-2", "vllm-2"):
        models.says(model, chat_stream(*WORDS))
        with mistral.chat.stream(model=model, messages=HELLO) as stream:
            chunks = [event.data for event in stream]

        assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == WORDS
        assert [c.choices[0].finish_reason for c in chunks if c.choices][-1] == "stop"
        assert [c.usage.total_tokens for c in chunks if c.usage] == [15]
    assert "stream_options" not in models.asked("mistral-2")[0].body
    assert models.asked("vllm-2")[0].body["stream_options"] == {"include_usage": True}


async def test_openai_async_streams(models: ModelServer, agpt: openai.AsyncOpenAI) -> None:
    models.says("gpt-3", chat_stream(*WORDS), chat(WORDS))
    stream = await agpt.chat.completions.create(model="gpt-3", messages=HELLO, stream=True)
    text = "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])
    whole = await agpt.chat.completions.create(model="gpt-3", messages=HELLO)

    assert text == whole.choices[0].message.content == WORDS


async def test_mistral_async_streams(models: ModelServer, amistral: Mistral) -> None:
    models.says("mistral-3", chat_stream(*WORDS), chat(WORDS))
    async with await amistral.chat.stream_async(model="mistral-3", messages=HELLO) as stream:
        text = "".join([e.data.choices[0].delta.content or "" async for e in stream if e.data.choices])
    whole = await amistral.chat.complete_async(model="mistral-3", messages=HELLO)

    assert text == whole.choices[0].message.content == WORDS


def test_many_turns_reach_the_model_as_they_are(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("gpt-4", chat("Four."), chat("Eight."))
    turns: list[object] = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "What is 2 + 2?"}]
    first = gpt.chat.completions.create(model="gpt-4", messages=turns)  # type: ignore[arg-type]
    turns += [first.choices[0].message, {"role": "user", "content": "And twice that?"}]
    second = gpt.chat.completions.create(model="gpt-4", messages=turns)  # type: ignore[arg-type]

    assert second.choices[0].message.content == "Eight."
    said = [m["content"] for m in models.asked("gpt-4")[1].body["messages"]]
    assert said == ["Be brief.", "What is 2 + 2?", "Four.", "And twice that?"]


@pytest.mark.parametrize("is_stream", [False, True])
def test_two_choices_come_side_by_side(models: ModelServer, gpt: openai.OpenAI, is_stream: bool) -> None:
    models.says("gpt-5", chat_stream(*WORDS) if is_stream else chat(WORDS))
    said = {0: "", 1: ""}
    if is_stream:
        with gpt.chat.completions.create(model="gpt-5", messages=HELLO, n=2, stream=True) as stream:
            for chunk in stream:
                for choice in chunk.choices:
                    said[choice.index] += choice.delta.content or ""
    else:
        reply = gpt.chat.completions.create(model="gpt-5", messages=HELLO, n=2)
        said = {choice.index: choice.message.content or "" for choice in reply.choices}

    assert said == {0: WORDS, 1: WORDS}
    assert models.asked("gpt-5")[0].body["n"] == 2


def test_reasoning_is_passed_on_in_the_clients_own_shape(
    models: ModelServer, gpt: openai.OpenAI, mistral: Mistral
) -> None:
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "They greet me."}]}
    models.says("mistral-4", chat([thought, {"type": "text", "text": WORDS}]))
    models.says("vllm-4", chat(WORDS, reasoning_content="They greet me."))
    theirs = mistral.chat.complete(model="mistral-4", messages=HELLO)
    ours = gpt.chat.completions.create(model="vllm-4", messages=HELLO)

    thinking, text = theirs.choices[0].message.content
    assert (thinking.thinking[0].text, text.text) == ("They greet me.", WORDS)
    assert (ours.choices[0].message.model_extra or {})["reasoning_content"] == "They greet me."


def test_streamed_reasoning_stays_apart_from_the_answer(models: ModelServer, mistral: Mistral) -> None:
    thought = {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "They greet me."}]}]}
    models.says("mistral-5", chat_stream(thought, *WORDS))
    thoughts, text = "", ""
    with mistral.chat.stream(model="mistral-5", messages=HELLO) as stream:
        for event in stream:
            content = event.data.choices[0].delta.content or ""
            if isinstance(content, str):
                text += content
            else:
                thoughts += "".join(piece.text for part in content for piece in part.thinking)

    assert (thoughts, text) == ("They greet me.", WORDS)


def test_safe_prompt_becomes_words_where_the_server_does_not_know_it(models: ModelServer, mistral: Mistral) -> None:
    models.says("mistral-6", chat(WORDS))
    models.says("vllm-6", chat(WORDS))
    for model in ("mistral-6", "vllm-6"):
        mistral.chat.complete(model=model, messages=HELLO, safe_prompt=True)

    assert models.asked("mistral-6")[0].body["safe_prompt"] is True
    asked = models.asked("vllm-6")[0].body
    assert "safe_prompt" not in asked
    assert [m["role"] for m in asked["messages"]] == ["system", "user"]
    assert asked["messages"][0]["content"].startswith("Answer with care")
