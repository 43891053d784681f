"""Every other endpoint through the clients that know it."""

from __future__ import annotations

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from model_answers import chat, chat_stream, embeddings, response, text_completion
from served_gateway import Gateway, start, stop

from model_server import ModelServer

FORBIDDEN = "the zzquaffle"
CODE = "def add(a, b):\n    return a + b\n"
LONG = "The weather is fine today and the sea is calm, so the boats go out early in the morning. " * 6


def test_fim_whole_and_streamed(models: ModelServer, mistral: Mistral) -> None:
    models.says("codestral-1", chat("    return a + b\n"), chat_stream("    return", " a + b\n"))
    ask = {"model": "codestral-1", "prompt": "def add(a, b):\n", "suffix": "print(add(1, 2))"}
    whole = mistral.fim.complete(**ask)
    with mistral.fim.stream(**ask) as stream:
        text = "".join(e.data.choices[0].delta.content or "" for e in stream if e.data.choices)

    assert whole.choices[0].message.content == text == "    return a + b\n"
    first = models.asked("codestral-1")[0]
    assert (first.path, first.body["suffix"]) == ("/v1/fim/completions", "print(add(1, 2))")


def test_fim_reaches_a_server_of_unknown_kind(models: ModelServer, mistral: Mistral) -> None:
    models.says("starcoder", chat("    return a + b\n"))
    whole = mistral.fim.complete(model="starcoder", prompt="def add(a, b):\n", random_seed=7)

    assert whole.choices[0].message.content == "    return a + b\n"
    assert models.asked("starcoder")[0].body["random_seed"] == 7


@pytest.mark.parametrize("is_stream", [False, True])
def test_fim_is_refused_on_what_it_writes(models: ModelServer, mistral: Mistral, is_stream: bool) -> None:
    models.says("codestral-2", chat(f"    return '{FORBIDDEN}'"))
    ask = {"model": "codestral-2", "prompt": "def add(a, b):\n"}
    if is_stream:
        with mistral.fim.stream(**ask) as stream:
            chunks = [e.data for e in stream]
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        reason = chunks[-1].choices[0].finish_reason
    else:
        reply = mistral.fim.complete(**ask)
        text, reason = reply.choices[0].message.content, reply.choices[0].finish_reason

    assert "zzquaffle" not in text
    assert reason == "content_filter"


def test_agents_whole_and_streamed(models: ModelServer, mistral: Mistral) -> None:
    models.says("ag_7", chat("I am the agent."), chat_stream("I am ", "the agent."))
    ask = {"agent_id": "ag_7", "messages": [{"role": "user", "content": "Who are you?"}]}
    whole = mistral.agents.complete(**ask)
    with mistral.agents.stream(**ask) as stream:
        text = "".join(e.data.choices[0].delta.content or "" for e in stream if e.data.choices)

    assert whole.choices[0].message.content == text == "I am the agent."
    asked = models.asked("ag_7")[0]
    assert asked.path == "/v1/agents/completions"
    assert "model" not in asked.body


def test_agents_are_refused_before_they_are_asked(models: ModelServer, mistral: Mistral) -> None:
    models.says("ag_8", chat("I was asked."))
    reply = mistral.agents.complete(agent_id="ag_8", messages=[{"role": "user", "content": f"Tell me of {FORBIDDEN}."}])

    assert reply.choices[0].finish_reason == "content_filter"
    assert models.asked("ag_8") == []


def test_completions_whole_and_streamed(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("gpt-c1", text_completion(CODE))
    whole = gpt.completions.create(model="gpt-c1", prompt="Write add.", max_tokens=50)
    with gpt.completions.create(model="gpt-c1", prompt="Write add.", max_tokens=50, stream=True) as stream:
        chunks = list(stream)

    assert whole.choices[0].text == CODE
    assert "".join(c.choices[0].text for c in chunks if c.choices) == CODE
    assert chunks[-1].choices[0].finish_reason == "stop"
    assert (chunks[-1].model_extra or {})["leeward"]["disposition"] == "pass"


@pytest.mark.parametrize("is_stream", [False, True])
def test_completions_are_refused_on_both_sides(models: ModelServer, gpt: openai.OpenAI, is_stream: bool) -> None:
    models.says("gpt-c2", text_completion(f"{LONG} And {FORBIDDEN} too. {LONG}"))
    said = []
    for prompt in (f"Tell me of {FORBIDDEN}.", "Tell me of the sea."):
        made = gpt.completions.create(model="gpt-c2", prompt=prompt, stream=is_stream)
        if is_stream:
            with made:
                chunks = list(made)
            said.append(("".join(c.choices[0].text for c in chunks if c.choices), chunks[-1].choices[0].finish_reason))
        else:
            said.append((made.choices[0].text, made.choices[0].finish_reason))

    assert [reason for _, reason in said] == ["content_filter"] * 2
    assert "zzquaffle" not in str(said)
    assert len(models.asked("gpt-c2")) == 1


def test_responses_whole_and_streamed(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("gpt-p1", response(LONG))
    whole = gpt.responses.create(model="gpt-p1", input="Tell me of the sea.", instructions="Be brief.")
    with gpt.responses.create(model="gpt-p1", input="Tell me of the sea.", stream=True) as stream:
        events = list(stream)

    assert whole.output_text == LONG
    assert (whole.model_extra or {})["leeward"]["disposition"] == "pass"
    assert "".join(e.delta for e in events if e.type == "response.output_text.delta") == LONG
    last = events[-1]
    assert last.type == "response.completed"
    assert last.response.output_text == LONG
    assert last.response.usage is not None
    assert last.response.usage.total_tokens == 15
    assert [e.sequence_number for e in events] == list(range(len(events)))
    assert models.asked("gpt-p1")[0].body["instructions"] == "Be brief."


@pytest.mark.parametrize("is_stream", [False, True])
def test_responses_are_refused_on_both_sides(models: ModelServer, gpt: openai.OpenAI, is_stream: bool) -> None:
    models.says("gpt-p2", response(f"{LONG} And {FORBIDDEN} too. {LONG}"))
    for prompt in (f"Tell me of {FORBIDDEN}.", "Tell me of the sea."):
        made = gpt.responses.create(model="gpt-p2", input=prompt, stream=is_stream)
        if is_stream:
            with made:
                events = list(made)
            made = events[-1].response
            assert "zzquaffle" not in "".join(e.model_dump_json() for e in events)

        assert made.status == "incomplete"
        assert made.incomplete_details is not None
        assert made.incomplete_details.reason == "content_filter"
        assert "against a safety rule." in made.output_text
        assert "zzquaffle" not in made.model_dump_json()
    assert len(models.asked("gpt-p2")) == 1


def test_embeddings_by_both_clients(models: ModelServer, gpt: openai.OpenAI, mistral: Mistral) -> None:
    models.says("text-embed", embeddings())
    models.says("mistral-embed", embeddings())
    ours = gpt.embeddings.create(model="text-embed", input=["one", "two"], encoding_format="float")
    theirs = mistral.embeddings.create(model="mistral-embed", inputs=["one", "two"])

    assert [d.embedding for d in ours.data] == [d.embedding for d in theirs.data] == [[0.5, -0.25]] * 2


def test_an_embedding_of_forbidden_text_is_an_error(models: ModelServer, gpt: openai.OpenAI, mistral: Mistral) -> None:
    models.says("text-embed", embeddings())
    models.says("mistral-embed", embeddings())
    with pytest.raises(openai.BadRequestError) as ours:
        gpt.embeddings.create(model="text-embed", input=["one", FORBIDDEN])
    with pytest.raises(SDKError) as theirs:
        mistral.embeddings.create(model="mistral-embed", inputs=[FORBIDDEN])

    assert ours.value.code == "content_filter"
    assert theirs.value.status_code == 403
    assert models.asked("text-embed") == models.asked("mistral-embed") == []


def test_models_are_listed_and_shown(models: ModelServer, gpt: openai.OpenAI, mistral: Mistral) -> None:
    models.models = ["gpt-1", "mistral-small-2603"]

    assert {m.id for m in gpt.models.list()} == {"gpt-1", "mistral-small-2603"}
    assert {m.id for m in mistral.models.list().data or []} == {"gpt-1", "mistral-small-2603"}
    assert gpt.models.retrieve("gpt-1").id == "gpt-1"
    with pytest.raises(openai.NotFoundError):
        gpt.models.retrieve("gpt-2")


def test_unknown_paths_lead_nowhere(gpt: openai.OpenAI, mistral: Mistral) -> None:
    with pytest.raises(openai.NotFoundError) as made:
        gpt.batches.list()
    with pytest.raises(openai.NotFoundError):
        gpt.post("/tokenize", body={"prompt": "x"}, cast_to=object)
    with pytest.raises(SDKError) as started:
        mistral.beta.conversations.start(model="mistral-1", inputs="Hello")

    assert "without inspection" in made.value.message
    assert made.value.code == "path_not_allowed"
    assert started.value.status_code == 404
    assert "send the messages with each request" in started.value.body


def test_content_that_nobody_can_see_is_refused(models: ModelServer, gpt: openai.OpenAI) -> None:
    models.says("gpt-u1", chat("I saw it."))
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    with pytest.raises(openai.BadRequestError) as error:
        gpt.chat.completions.create(model="gpt-u1", messages=[{"role": "user", "content": [picture]}])  # type: ignore[list-item]

    assert (error.value.code, error.value.param) == ("uninspectable_content", "messages[0].content[0].image_url.url")
    assert models.asked("gpt-u1") == []


def test_a_prompt_of_ten_megabytes_is_too_long(gpt: openai.OpenAI) -> None:
    with pytest.raises(openai.APIStatusError) as error:
        gpt.chat.completions.create(model="gpt-u2", messages=[{"role": "user", "content": "x" * 10_000_000}])

    assert (error.value.status_code, error.value.response.json()["code"]) == (413, "request_too_large")


def test_the_gateway_needs_no_settings_file(models: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> None:
    running: Gateway = start(tmp_path_factory.mktemp("plain"), "--upstream", models.url)
    models.says("mistral-small-2506", chat("Hello."))
    with openai.OpenAI(base_url=f"{running.url}/v1", api_key="unused", max_retries=0) as client:
        reply = client.chat.completions.create(model="mistral-small-2506", messages=[{"role": "user", "content": "Hi"}])
    stop(running)

    assert reply.choices[0].message.content == "Hello."
    assert "Application shutdown complete" in running.logs()
