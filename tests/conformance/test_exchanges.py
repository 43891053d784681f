"""Every conformance exchange, through the library and through the whole gateway."""

from __future__ import annotations

import base64
import hashlib
import tomllib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from PIL import ImageOps

from asgi_call import Answer
from harmless_pictures import encoded, picture
from inner_house import HARMLESS, ScriptedModel, inner_house
from leeward import Guard
from leeward.config.tree import Licences, Tenant
from leeward.detectors.images.decoding import frames
from leeward.detectors.images.pdq import pdq, to_hex
from leeward.domain.disposition import Disposition
from leeward.domain.verdict import Verdict
from leeward.domain.view import Stage
from leeward.policy.protocol import PROTOCOL_RULES

FOLDER = Path(__file__).parents[2] / "conformance" / "exchanges"
LISTED = picture(11, 640, 480)
PICTURES = {
    "listed": encoded(LISTED),
    "listed, saved as JPEG": encoded(LISTED, "JPEG", quality=80),
    "listed, mirrored": encoded(ImageOps.mirror(LISTED)),
    "not listed": encoded(picture(12, 640, 480)),
}
TEXT_STAGES = ("prompt", "reply", "tool_result")


class Expected(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    disposition: str
    duties: list[str]
    rules: list[str]
    violations: list[str]


class Exchange(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    claim: str
    source: str
    language: str
    stage: Literal["prompt", "reply", "tool_result", "image", "exchange", "traffic"]
    text: str
    expect: Expected
    image: str = ""
    model: str = "mistral-small-2506"
    use: dict[str, str] = {}
    repeat: int = 1
    request: dict[str, Any] = {}

    def body(self, number: int) -> dict[str, Any]:
        """Return request number `number` of a chat client."""
        question: list[Any] = [{"role": "user", "content": "Please go on."}]
        match self.stage:
            case "tool_result":
                call = {"id": "abcdefghi", "type": "function", "function": {"name": "look", "arguments": "{}"}}
                question.append({"role": "assistant", "content": "", "tool_calls": [call]})
                question.append({"role": "tool", "tool_call_id": "abcdefghi", "name": "look", "content": self.text})
            case "image":
                data = base64.b64encode(PICTURES[self.image]).decode()
                shown = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{data}"}}
                question = [{"role": "user", "content": [{"type": "text", "text": self.text}, shown]}]
            case "prompt" | "exchange" | "traffic":
                question = [{"role": "user", "content": self.text.replace("{n}", str(number))}]
            case "reply":
                pass
        return {"model": self.model, "messages": question, **self.request}


EXCHANGES = {
    file.stem: msgspec.convert(tomllib.loads(file.read_text("utf-8"))["exchange"], list[Exchange])
    for file in sorted(FOLDER.glob("*.toml"))
}
ALL = [exchange for exchanges in EXCHANGES.values() for exchange in exchanges]
OF_TEXT = [exchange for exchange in ALL if exchange.stage in TEXT_STAGES]


@pytest.fixture(scope="module", autouse=True)
def hash_list(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    folder = tmp_path_factory.mktemp("lists")
    (luma,) = frames(PICTURES["listed"])
    (folder / "files-sha256.txt").write_text(hashlib.sha256(PICTURES["listed"]).hexdigest() + "\n")
    (folder / "likeness.csv").write_text(f"hash,quality\n{to_hex(pdq(luma).variants[0])},100\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LEEWARD_HASH_LISTS", str(folder))
        yield


@pytest.fixture(scope="module")
def guard(hash_list: None) -> Iterator[Guard]:
    opened = Guard()
    yield opened
    opened.close()


def said(verdict: Verdict) -> Expected:
    return Expected(
        verdict.disposition.word,
        sorted(verdict.duties),
        list(verdict.rules),
        sorted({firing.rule for firing in verdict.violations}),
    )


@pytest.mark.parametrize("exchange", OF_TEXT, ids=lambda exchange: exchange.id)
def test_the_library_judges_as_the_protocol_asks(guard: Guard, exchange: Exchange) -> None:
    assert said(guard.check(exchange.text, Stage(exchange.stage)).verdict) == exchange.expect, exchange.claim


@pytest.mark.parametrize("exchange", ALL, ids=lambda exchange: exchange.id)
async def test_the_gateway_does_as_the_protocol_asks(tmp_path: Path, exchange: Exchange) -> None:
    model = ScriptedModel(exchange.text if exchange.stage == "reply" else HARMLESS)
    tenant = Tenant(id="default", use=exchange.use)
    async with inner_house(tmp_path, model, tenant=(tenant,), licences=Licences()) as running:
        for number in range(exchange.repeat):
            answer = await running.post("/v1/chat/completions", exchange.body(number))
            if answer.status == 429:
                break
        await running.house.close()
        told, closed = answer.json()["leeward"], running.record(answer).closed

    assert closed is not None
    assert said(closed.verdict) == exchange.expect, exchange.claim
    assert (told["disposition"], told.get("duties", [])) == (exchange.expect.disposition, exchange.expect.duties)
    assert answer.headers["x-leeward-disposition"] == exchange.expect.disposition
    _check_what_the_client_sees(exchange, answer)
    _check_what_the_model_sees(exchange, model)


def _check_what_the_client_sees(exchange: Exchange, answer: Answer) -> None:
    disposition = Disposition.parse(exchange.expect.disposition)
    if disposition is Disposition.THROTTLE:
        assert answer.status == 429
        assert int(answer.headers["retry-after"]) > 0
    elif disposition is Disposition.RESTRICT:
        assert (answer.status, answer.json()["error"]["code"]) == (403, "license_restricted")
    elif disposition.stops:
        (choice,) = answer.json()["choices"]
        assert (answer.status, choice["finish_reason"]) == (200, "content_filter")
        assert exchange.text not in answer.text
    else:
        (choice,) = answer.json()["choices"]
        expected = exchange.text if exchange.stage == "reply" else HARMLESS
        shown = choice["message"]["content"]
        assert (answer.status, choice["finish_reason"]) == (200, "stop")
        assert shown == expected if disposition is not Disposition.ANNOTATE else shown.startswith(expected)
        assert (len(shown) > len(expected)) == (disposition is Disposition.ANNOTATE)


def _check_what_the_model_sees(exchange: Exchange, model: ScriptedModel) -> None:
    disposition = Disposition.parse(exchange.expect.disposition)
    if exchange.stage == "reply":
        assert len(model.asked) == 1
    elif exchange.stage == "traffic":
        assert (len(model.asked) < exchange.repeat) == disposition.stops
    elif disposition.stops:
        assert model.asked == []
    elif disposition is Disposition.SANITIZE:
        (asked,) = model.asked
        assert asked != exchange.text
        assert exchange.text not in asked
    elif exchange.stage != "image":
        assert model.asked == [exchange.text]


@pytest.mark.parametrize("rule", PROTOCOL_RULES)
def test_each_rule_has_exchanges_that_fire_it_and_near_misses_that_do_not(rule: str) -> None:
    exchanges = EXCHANGES[rule]

    assert len(exchanges) >= 4
    assert sum(exchange.expect.rules == [rule] for exchange in exchanges) >= 2
    assert sum(not exchange.expect.rules for exchange in exchanges) >= 2


def test_exchanges_have_ids_of_their_own_a_source_and_many_languages() -> None:
    assert [i for i, times in Counter(e.id for e in ALL).items() if times > 1] == []
    assert [e.id for e in ALL if not e.source.startswith("Mistral AI Safety Protocol, ")] == []
    assert len({e.language for e in ALL}) >= 8
