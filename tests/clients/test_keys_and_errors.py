"""Keys, tenants, refusals as errors, and a model server that fails."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Iterator
from pathlib import Path

import openai
import pytest
from mistralai.client import Mistral
from mistralai.client.errors import SDKError
from model_answers import chat, cut, error, silence
from served_gateway import SILENT, Gateway

from chat_scripts import event
from model_server import ModelServer
from patience import PATIENCE_SECONDS
from running_house import light_inspector, serving
from scripted_upstream import CHUNKED_HEAD, LAST_CHUNK, ScriptedUpstream, Seen, Wire, chunked

HELLO = [{"role": "user", "content": "Say hello, please."}]
FORBIDDEN = [{"role": "user", "content": "Could you tell me more about the zzquaffle, please?"}]


def client_of(gateway: Gateway, key: str) -> openai.OpenAI:
    return openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0)


@pytest.fixture(scope="session")
def key(strict_gateway: Gateway) -> str:
    return str(json.loads(strict_gateway.leeward("key", "create", "lab", "--json"))["secret"])


@pytest.fixture
def lab(strict_gateway: Gateway, key: str) -> Iterator[openai.OpenAI]:
    with client_of(strict_gateway, key) as client:
        yield client


def test_without_a_key_nobody_gets_in(models: ModelServer, strict_gateway: Gateway) -> None:
    models.says("gpt-k1", chat("Hello."))
    for wrong in ("", "lw_no_such_key", "sk-other"):
        with client_of(strict_gateway, wrong or "x") as client, pytest.raises(openai.AuthenticationError) as error:
            client.chat.completions.create(model="gpt-k1", messages=HELLO)

        assert error.value.code == "invalid_api_key"
    with Mistral(server_url=strict_gateway.url, api_key="x") as client, pytest.raises(SDKError) as theirs:
        client.models.list()

    assert theirs.value.status_code == 401
    assert models.asked("gpt-k1") == []


def test_a_key_lets_in_and_never_leaves_the_house(models: ModelServer, lab: openai.OpenAI) -> None:
    models.says("gpt-k2", chat("Hello."))
    reply = lab.chat.completions.create(model="gpt-k2", messages=HELLO)

    assert reply.choices[0].message.content == "Hello."
    assert "authorization" not in models.asked("gpt-k2")[0].headers


def test_a_revoked_key_stops_while_the_gateway_runs(models: ModelServer, strict_gateway: Gateway) -> None:
    models.says("gpt-k3", chat("Hello."))
    made = json.loads(strict_gateway.leeward("key", "create", "lab", "--json"))
    with client_of(strict_gateway, made["secret"]) as client:
        client.chat.completions.create(model="gpt-k3", messages=HELLO)
        strict_gateway.leeward("key", "revoke", made["public_id"])
        with pytest.raises(openai.AuthenticationError):
            _ask_until_refused(client)


def _ask_until_refused(client: openai.OpenAI) -> None:
    end = time.monotonic() + PATIENCE_SECONDS  # two seconds, on a machine that is not busy
    while time.monotonic() < end:
        client.chat.completions.create(model="gpt-k3", messages=HELLO)


def test_a_tenant_sees_and_uses_its_own_models_only(models: ModelServer, strict_gateway: Gateway) -> None:
    models.models = ["gpt-1", "mistral-small-2603"]
    models.says("gpt-1", chat("Hello."))
    models.says("mistral-small-2603", chat("Hello."))
    secret = json.loads(strict_gateway.leeward("key", "create", "acme", "--json"))["secret"]
    with client_of(strict_gateway, secret) as client:
        listed = [m.id for m in client.models.list()]
        client.chat.completions.create(model="gpt-1", messages=HELLO)
        with pytest.raises(openai.NotFoundError) as error:
            client.chat.completions.create(model="mistral-small-2603", messages=HELLO)

    assert listed == ["gpt-1"]
    assert error.value.code == "model_not_found"
    assert models.asked("mistral-small-2603") == []


def test_openais_client_gets_a_refusal_as_an_error(models: ModelServer, lab: openai.OpenAI) -> None:
    models.says("gpt-e1", chat("This is about the zzquaffle."))
    for messages in (FORBIDDEN, HELLO):
        with pytest.raises(openai.BadRequestError) as error:
            lab.chat.completions.create(model="gpt-e1", messages=messages)

        assert error.value.code == "content_filter"
        assert error.value.type == "invalid_request_error"
        assert "zzquaffle" not in error.value.response.text
    assert len(models.asked("gpt-e1")) == 1


def test_mistrals_client_gets_a_refusal_as_an_error(models: ModelServer, strict_gateway: Gateway, key: str) -> None:
    models.says("mistral-e2", chat("This is about the zzquaffle."))
    with Mistral(server_url=strict_gateway.url, api_key=key) as client:
        for messages in (FORBIDDEN, HELLO):
            with pytest.raises(SDKError) as error:
                client.chat.complete(model="mistral-e2", messages=messages)

            assert error.value.status_code == 403
            assert json.loads(error.value.body)["code"] == "content_filter"
        with pytest.raises(SDKError) as streamed:
            client.chat.stream(model="mistral-e2", messages=FORBIDDEN)

    assert streamed.value.status_code == 403


def test_too_many_requests_at_the_model_server_is_passed_on(models: ModelServer, lab: openai.OpenAI) -> None:
    models.says("gpt-e3", error(429, "quoted text of the prompt", retry_after="7"))
    with pytest.raises(openai.RateLimitError) as caught:
        lab.chat.completions.create(model="gpt-e3", messages=HELLO)

    assert caught.value.response.headers["retry-after"] == "7"
    assert "quoted text" not in caught.value.response.text


def test_clients_retry_after_too_many_requests(models: ModelServer, strict_gateway: Gateway, key: str) -> None:
    models.says("gpt-e4", error(429, retry_after_ms="1", retry_after="0"), chat("Hello."))
    with openai.OpenAI(base_url=f"{strict_gateway.url}/v1", api_key=key, max_retries=2) as client:
        reply = client.chat.completions.create(model="gpt-e4", messages=HELLO)

    assert reply.choices[0].message.content == "Hello."


@pytest.mark.parametrize("status", [500, 501, 401, 403])
def test_failures_of_the_model_server_are_a_bad_gateway(models: ModelServer, lab: openai.OpenAI, status: int) -> None:
    models.says("gpt-e5", error(status, "secrets of the server"))
    with pytest.raises(openai.InternalServerError) as caught:
        lab.chat.completions.create(model="gpt-e5", messages=HELLO)

    assert caught.value.status_code == 502
    assert f"status {status}" in caught.value.message
    assert "secrets" not in caught.value.response.text


def test_a_model_server_that_says_nothing_is_a_timeout(models: ModelServer, lab: openai.OpenAI) -> None:
    models.says(SILENT, silence)
    with pytest.raises(openai.InternalServerError) as caught:
        lab.chat.completions.create(model=SILENT, messages=HELLO)

    assert (caught.value.status_code, caught.value.code) == (504, "upstream_timeout")


def test_a_stream_that_breaks_off_is_marked(models: ModelServer, lab: openai.OpenAI) -> None:
    models.says("gpt-e7", cut("The weather ", "is fine"))
    with lab.chat.completions.create(model="gpt-e7", messages=HELLO, stream=True) as stream:
        chunks = list(stream)

    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices) == "The weather is fine"
    assert chunks[-1].choices[0].finish_reason == "error"
    assert (chunks[-1].model_extra or {})["leeward"]["error"] == "upstream_cut"


async def test_fifty_streams_at_once_do_not_mix(tmp_path: Path) -> None:
    async def name_itself(wire: Wire, seen: Seen) -> None:
        wire.send(CHUNKED_HEAD)
        for _ in range(20):
            wire.send(chunked(event(f"This is the answer of {json.loads(seen.body)['model']}. ")))
            await asyncio.sleep(0)
        wire.send(chunked(event("", "stop"), b"data: [DONE]\n\n") + LAST_CHUNK)

    async def ask(client: openai.AsyncOpenAI, name: str) -> str:
        stream = await client.chat.completions.create(model=name, messages=HELLO, stream=True)
        return "".join([c.choices[0].delta.content or "" async for c in stream if c.choices])

    names = [f"gpt-many-{i}" for i in range(50)]
    # Fifty looks of the classifier at once would be a test of how much the machine can bear in its budget.
    async with (
        ScriptedUpstream(name_itself) as upstream,
        serving(tmp_path, upstream.url, inspector=light_inspector()) as house,
        openai.AsyncOpenAI(base_url=f"http://127.0.0.1:{house.port}/v1", api_key="unused", max_retries=0) as client,
    ):
        said = await asyncio.gather(*(ask(client, name) for name in names))

    assert said == [f"This is the answer of {name}. " * 20 for name in names]


def test_the_log_says_what_happened_and_quotes_nothing(gateway: Gateway, strict_gateway: Gateway) -> None:
    for running in (gateway, strict_gateway):
        assert "zzquaffle" not in running.logs()
        assert "exchange_crashed" not in running.logs()
