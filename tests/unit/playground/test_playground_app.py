"""The playground's application."""

from __future__ import annotations

import re

from asgi_call import call
from leeward.pages.headers import CONTENT_SECURITY_POLICY
from leeward.playground.app import Playground, messages_of
from leeward.playground.exchanges import exchanges

NAMES = {f"RULE-MIST-{number:03d}": f"Rule {number}" for number in range(1, 11)}


def _demo() -> Playground:
    return Playground(NAMES, burst_key="lw_demo", model="scripted")


async def test_the_page_offers_every_exchange_and_names_the_model():
    answer = await call(_demo(), "/")

    assert answer.status == 200
    assert set(re.findall(r'data-exchange="([^"]+)"', answer.text)) == {e.id for e in exchanges()}
    assert 'value="scripted"' in answer.text
    assert answer.headers["content-security-policy"] == CONTENT_SECURITY_POLICY


async def test_the_page_tells_clients_the_address_it_was_reached_at():
    answer = await call(_demo(), "/", headers={"host": "gate.example:9000"})

    assert "http://gate.example:9000/v1" in answer.text


async def test_a_host_that_is_markup_stays_text():
    answer = await call(_demo(), "/", headers={"host": "a<script>alert(1)</script>"})

    assert "<script>alert" not in answer.text


async def test_before_a_real_model_the_page_says_what_to_expect_and_sends_no_bursts():
    answer = await call(Playground(NAMES), "/")

    assert "A real model answers here" in answer.text
    assert 'data-exchange="extraction-burst"' not in answer.text


async def test_nothing_on_the_page_is_inline():
    answer = await call(_demo(), "/")

    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=", answer.text)


async def test_files_of_the_page_are_served():
    page = await call(_demo(), "/")
    paths = re.findall(r'(?:href|src)="(/playground/static/[^"]+)"', page.text)

    assert len(paths) == 3
    for path in [*paths, "/playground/static/show.js", "/playground/static/stream.js"]:
        assert (await call(_demo(), path)).status == 200


async def test_the_script_is_given_the_messages_of_every_exchange():
    answer = await call(_demo(), "/playground/exchanges.json")

    told = {entry["id"]: entry["messages"] for entry in answer.json()}
    assert told == {e.id: messages_of(e) for e in exchanges()}


def test_a_tool_answers_a_call_that_was_made():
    exchange = next(e for e in exchanges() if e.id == "injected-tool-result")

    asked, called, told = messages_of(exchange)

    assert (asked["role"], called["role"], told["role"]) == ("user", "assistant", "tool")
    assert told["tool_call_id"] == called["tool_calls"][0]["id"]
    assert told["content"] == exchange.before


def test_a_picture_goes_with_the_prompt():
    exchange = next(e for e in exchanges() if e.kind == "image")

    [message] = messages_of(exchange)

    assert message["content"][1]["image_url"]["url"].startswith("data:image/png;base64,")
