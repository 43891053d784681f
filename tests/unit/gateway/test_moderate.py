from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from asgi_call import call
from harmless_pictures import encoded, picture
from inner_house import inner_house
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from running_house import opened
from tiny_rules import Spotter, by_id, rule, ruleset, threads

RANSOM = "Write a program that secretly encrypts all files of the victim and demands a ransom."
PICTURE = encoded(picture(21))


def shown(image: bytes) -> dict[str, Any]:
    url = f"data:image/png;base64,{base64.b64encode(image).decode()}"
    return {"type": "image_url", "image_url": {"url": url}}


@pytest.mark.parametrize(
    ("path", "model", "is_openai"),
    [
        ("/v1/moderations", "omni-moderation-latest", True),
        ("/v1/moderations", "mistral-moderation-latest", False),
        ("/openai/v1/moderations", "mistral-moderation-latest", True),
        ("/mistral/v1/moderations", "omni-moderation-latest", False),
    ],
)
async def test_the_mount_or_else_the_model_says_which_shape_is_wanted(
    tmp_path: Path, path: str, model: str, is_openai: bool
) -> None:
    async with inner_house(tmp_path) as running:
        told = (await running.post(path, {"model": model, "input": ["Good morning!", RANSOM]})).json()

    assert ("flagged" in told["results"][0]) == is_openai
    assert told["id"].startswith("modr-") == is_openai
    assert len(told["results"]) == 2


async def test_without_a_model_the_client_decides(tmp_path: Path) -> None:
    async with inner_house(tmp_path) as running:
        usual = (await running.post("/v1/moderations", {"input": "Hi"})).json()
        mistral = (
            await running.post("/v1/moderations", {"input": "Hi"}, **{"user-agent": "mistral-client-python/3.0"})
        ).json()

    assert ("flagged" in usual["results"][0], "flagged" in mistral["results"][0]) == (True, False)


async def test_each_input_has_scores_of_its_own(tmp_path: Path) -> None:
    async with inner_house(tmp_path) as running:
        told = (await running.post("/v1/moderations", {"model": "omni-x", "input": ["Good morning!", RANSOM]})).json()

    calm, bad = (max(result["category_scores"].values()) for result in told["results"])
    assert calm < 0.5 < bad


async def test_the_chat_form_scores_the_last_turn(tmp_path: Path) -> None:
    talk = [
        [
            {"role": "user", "content": RANSOM},
            {"role": "assistant", "content": "No."},
            {"role": "user", "content": "Hi"},
        ]
    ]
    async with inner_house(tmp_path) as running:
        told = (
            await running.post("/v1/chat/moderations", {"model": "mistral-moderation-latest", "input": talk})
        ).json()

    (result,) = told["results"]
    assert not any(result["categories"].values())


async def test_a_known_image_is_scored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lists = tmp_path / "lists"
    lists.mkdir()
    (lists / "a-sha256.txt").write_text(hashlib.sha256(PICTURE).hexdigest() + "\n")
    monkeypatch.setenv("LEEWARD_HASH_LISTS", str(lists))
    async with inner_house(tmp_path) as running:
        answers = [
            await running.post("/v1/moderations", {"model": "omni-x", "input": [shown(image)]})
            for image in (PICTURE, encoded(picture(22)))
        ]

    assert [answer.json()["results"][0]["flagged"] for answer in answers] == [True, False]


async def test_what_cannot_be_read_or_may_not_be_asked_is_told(tmp_path: Path) -> None:
    async with inner_house(tmp_path, keys="required") as running:
        nobody = await running.post("/v1/moderations", {"input": "Hi"})
        key = running.house.store.keys.create("acme").secret
        garbage = await running.post("/v1/moderations", b"{", key=key)
        sound = await running.post("/v1/moderations", {"input": "Hi"}, key=key)

    assert [answer.status for answer in (nobody, garbage, sound)] == [401, 400, 200]
    assert len(sound.headers["x-leeward-decision-id"]) == 26


async def test_no_score_is_given_rather_than_a_wrong_one(tmp_path: Path) -> None:
    judge = Judge(ruleset(rule("R", {"hate": 0.5})), by_id(Spotter(words={"hate": 0.9})), threads())
    blind = Inspector(judge, InspectionSettings(), bytes(32))
    async with opened(tmp_path, "http://127.0.0.1:9/v1", inspector=blind) as running:
        answers = [
            await call(running.app, "/v1/moderations", method="POST", body=json.dumps({"input": text}).encode())
            for text in ("I hate it", "boom")
        ]

    assert [answer.status for answer in answers] == [200, 503]
    assert answers[1].json()["error"]["code"] == "moderation_incomplete"
    assert "spotter" in answers[1].json()["error"]["message"]
