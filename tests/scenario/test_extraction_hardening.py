"""A caller whose traffic looks like model extraction gets less of what extraction feeds on, and is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from asgi_call import Answer
from inner_house import InnerHouse, inner_house
from leeward.config.tree import Rules
from leeward.gateway.settings import Hardening

DRY = """
name = "watched"
version = "1.0.0"
extends = "mistral-v1"

[relax.RULE-MIST-010]
reason = "We want to see what it would do."
dry_run = true
"""


class SteppingClock:
    """A clock on which time passes between two looks at it."""

    def __init__(self) -> None:
        self._now = 1_000_000.0

    def now(self) -> float:
        self._now += 20.0
        return self._now


def slowed(running: InnerHouse) -> InnerHouse:
    running.house.equipment = replace(running.house.equipment, clock=SteppingClock())
    return replace(running, app=running.house.app())


async def probe(running: InnerHouse, number: int) -> Answer:
    bias = {str(100 + number): 100}
    return await running.chat("Say it.", logit_bias=bias, logprobs=True, top_logprobs=5, max_tokens=1)


async def test_a_suspect_gets_neither_log_probabilities_nor_biases_and_is_told(tmp_path: Path) -> None:
    async with inner_house(tmp_path) as opened:
        running = slowed(opened)
        answers = [await probe(running, n) for n in range(40)]

        first, last = running.model.requests[0], running.model.requests[-1]
        passed = [a for a in answers if a.status == 200]
        held = [a for a in answers if a.status == 429]
        assert first["logit_bias"] == {"100": 100}
        assert "logprobs" in first
        assert {"logit_bias", "logprobs", "top_logprobs"}.isdisjoint(last)
        assert held
        assert all(int(a.headers["retry-after"]) >= 1 for a in held)
        changes = passed[-1].json()["leeward"]["changes"]
        assert any(change.startswith("logit_bias: taken out") for change in changes)
        assert {a.headers["x-leeward-disposition"] for a in held} == {"throttle"}


async def test_an_operator_can_leave_replies_as_they_are(tmp_path: Path) -> None:
    async with inner_house(tmp_path, extraction=Hardening(at="never")) as opened:
        running = slowed(opened)
        for n in range(40):
            await probe(running, n)

        assert all("logit_bias" in request for request in running.model.requests)


async def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    rules = tmp_path / "watched.toml"
    rules.write_text(DRY)
    async with inner_house(tmp_path, rules=Rules(use=str(rules))) as opened:
        running = slowed(opened)
        answers = [await probe(running, n) for n in range(40)]

        assert {a.status for a in answers} == {200}
        assert all("logit_bias" in request for request in running.model.requests)
