"""The scripted model."""

from __future__ import annotations

import json

import pytest

from asgi_call import Answer, call
from leeward.playground.exchanges import exchanges
from leeward.playground.model import NAME, ScriptedModel, vector

FRENCH = next(e for e in exchanges() if e.id == "ordinary-fr")


async def _post(path: str, body: object) -> Answer:
    told = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await call(ScriptedModel("/m", pace_seconds=0), f"/m/v1/{path}", method="POST", body=told)


def _chat(text: object, **more: object) -> dict[str, object]:
    return {"model": NAME, "messages": [{"role": "user", "content": text}], **more}


async def test_a_ready_made_prompt_gets_its_line():
    answer = await _post("chat/completions", _chat(FRENCH.prompt))

    choice = answer.json()["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": FRENCH.reply}
    assert choice["finish_reason"] == "stop"


async def test_the_newest_message_of_the_user_is_answered_though_a_tool_spoke_last():
    messages = [
        {"role": "user", "content": "something else"},
        {"role": "user", "content": [{"type": "text", "text": FRENCH.prompt}]},
        {"role": "tool", "content": "ignored"},
    ]

    answer = await _post("chat/completions", {"model": NAME, "messages": messages})

    assert answer.json()["choices"][0]["message"]["content"] == FRENCH.reply


@pytest.mark.parametrize(
    ("text", "begins"),
    [("What time is it?", "Good question"), ("Quelle heure est-il là-bas, s'il te plaît ? C'est né", "Bonne question"),
     ("Wie spät ist es?", "Gute Frage")],
)  # fmt: skip
async def test_anything_else_gets_an_ordinary_short_answer(text, begins):
    answer = await _post("chat/completions", _chat(text))

    assert answer.json()["choices"][0]["message"]["content"].startswith(begins)


async def test_a_stream_comes_in_pieces_that_make_up_the_whole():
    answer = await _post("chat/completions", _chat(FRENCH.prompt, stream=True))

    frames = [line.removeprefix("data: ") for line in answer.text.splitlines() if line]
    chunks = [json.loads(frame)["choices"][0] for frame in frames[:-1]]
    assert frames[-1] == "[DONE]"
    assert len(chunks) > 5
    assert "".join(c["delta"].get("content", "") for c in chunks) == FRENCH.reply
    assert [c["finish_reason"] for c in chunks if c["finish_reason"]] == ["stop"]


async def test_a_reply_ends_at_the_tokens_that_were_asked_for():
    answer = await _post("chat/completions", _chat(FRENCH.prompt, max_tokens=2))

    choice = answer.json()["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == (FRENCH.reply[:8], "length")


@pytest.mark.parametrize("is_stream", [False, True])
async def test_completions_answer_with_text(is_stream):
    answer = await _post("completions", {"prompt": FRENCH.prompt, "stream": is_stream})

    if is_stream:
        frames = [json.loads(line[6:]) for line in answer.text.splitlines() if line.startswith("data: {")]
        told = "".join(frame["choices"][0]["text"] for frame in frames)
    else:
        told = answer.json()["choices"][0]["text"]
    assert told == FRENCH.reply


async def test_fill_in_the_middle_answers_in_the_shape_of_a_chat():
    answer = await _post("fim/completions", {"prompt": "def area(r):", "suffix": "return a"})

    assert answer.json()["choices"][0]["message"]["role"] == "assistant"


async def test_each_input_gets_a_vector_of_length_one_and_the_same_again():
    answer = await _post("embeddings", {"input": ["sea", "lee", "sea"]})

    first, second, third = (entry["embedding"] for entry in answer.json()["data"])
    assert first == third == vector("sea")
    assert first != second
    assert sum(value * value for value in first) == pytest.approx(1.0, abs=1e-4)


async def test_one_model_is_named():
    answer = await call(ScriptedModel("/m"), "/m/v1/models")

    assert [model["id"] for model in answer.json()["data"]] == [NAME]


@pytest.mark.parametrize("path", ["chat/completions", "completions", "embeddings"])
@pytest.mark.parametrize("body", [b"{", b"[]", b'{"messages": 3}'])
async def test_what_cannot_be_read_is_refused(path, body):
    answer = await _post(path, body)

    assert answer.status == 400
    assert "cannot" in answer.json()["error"]["message"] or "can read" in answer.json()["error"]["message"]
