"""Real gateways in processes of their own, between real clients and a scripted model server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import openai
import pytest
from mistralai.client import Mistral
from served_gateway import Gateway, start_with, stop

from model_server import ModelServer


@pytest.fixture(scope="session")
def models() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture(scope="session")
def gateway(models: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway with the protocol's rules and one of the house; any caller is let in."""
    running = start_with(tmp_path_factory.mktemp("gateway"), models.url, '[server]\npublic_url = "https://ai.example"')
    yield running
    stop(running)


@pytest.fixture(scope="session")
def strict_gateway(models: ModelServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that refuses with errors and asks for keys."""
    settings = """
keys = "required"
[answers]
refusal = "error"
[[tenant]]
id = "acme"
models = ["gpt-*"]
[[tenant]]
id = "lab"
"""
    folder = tmp_path_factory.mktemp("strict")
    running = start_with(folder, models.url, settings)
    yield running
    stop(running)


@pytest.fixture
def gpt(gateway: Gateway) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
async def agpt(gateway: Gateway) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{gateway.url}/v1", api_key="unused", max_retries=0) as client:
        yield client


@pytest.fixture
def mistral(gateway: Gateway) -> Iterator[Mistral]:
    with Mistral(server_url=gateway.url, api_key="unused") as client:
        yield client


@pytest.fixture
async def amistral(gateway: Gateway) -> AsyncIterator[Mistral]:
    async with Mistral(server_url=gateway.url, api_key="unused") as client:
        yield client
