from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest

from asgi_call import Answer, call
from leeward.config.tree import Server
from leeward.domain.disposition import Disposition
from leeward.domain.finding import Finding, Reading
from leeward.domain.record import Outcome
from leeward.domain.rule import Rule
from leeward.domain.view import View
from leeward.gateway.settings import Answers
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from running_house import opened
from tiny_rules import Spotter, by_id, rule, ruleset, threads

NOWHERE = "http://127.0.0.1:9/v1"
HELLO: dict[str, Any] = {"model": "m", "messages": [{"role": "user", "content": "Please stop this now, will you?"}]}


class Waiting(Spotter):
    """Says how long to wait, as the extraction watch does."""

    def __init__(self, *evidence: str) -> None:
        super().__init__(words={"stop": 1.0})
        self._evidence = evidence

    def examine(self, view: View) -> Reading:
        return Reading((Finding(hazard="stop", confidence=1.0, evidence=self._evidence),))


def inspector(asked: Rule, spotter: Spotter | None = None) -> Inspector:
    judge = Judge(ruleset(asked), by_id(spotter or Spotter(words={"stop": 1.0})), threads())
    return Inspector(judge, InspectionSettings(), bytes(32))


async def refused(
    folder: Path,
    disposition: Disposition = Disposition.BLOCK,
    *,
    path: str = "/v1/chat/completions",
    body: dict[str, Any] | None = None,
    spotter: Spotter | None = None,
    **how: Any,
) -> tuple[Answer, Outcome]:
    """Return what a client is told whose prompt is stopped, and how the record ends."""
    judged = inspector(rule("STOP", {"stop": 0.5}, disposition=disposition), spotter)
    async with opened(Path(mkdtemp(dir=folder)), NOWHERE, inspector=judged, **how) as running:
        answer = await call(running.app, path, method="POST", body=json.dumps(body or HELLO).encode())
        ended = await running.ended()
        return answer, ended.outcome


async def test_a_refusal_is_a_message_of_the_assistant(tmp_path: Path) -> None:
    answer, outcome = await refused(tmp_path)
    (choice,) = answer.json()["choices"]

    assert (answer.status, choice["finish_reason"], outcome) == (200, "content_filter", Outcome.REFUSED_PROMPT)
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert answer.json()["leeward"]["findings"][0]["rule"] == "STOP"


async def test_a_refusal_is_an_error_where_the_operator_wants_it(tmp_path: Path) -> None:
    answer, outcome = await refused(tmp_path, answers=Answers(refusal="error"))

    assert (answer.status, answer.json()["error"]["code"], outcome) == (400, "content_filter", Outcome.REFUSED_PROMPT)


async def test_a_mistral_client_gets_its_own_status(tmp_path: Path) -> None:
    body = {**HELLO, "random_seed": 1}
    answer, _ = await refused(tmp_path, answers=Answers(refusal="error"), body=body)

    assert answer.status == 403


async def test_vectors_cannot_refuse_so_embeddings_get_an_error(tmp_path: Path) -> None:
    answer, _ = await refused(tmp_path, path="/v1/embeddings", body={"model": "m", "input": "please stop"})

    assert (answer.status, answer.json()["error"]["code"]) == (400, "content_filter")


async def test_a_stream_is_refused_as_a_stream(tmp_path: Path) -> None:
    answer, outcome = await refused(tmp_path, body={**HELLO, "stream": True})

    assert (answer.status, outcome) == (200, Outcome.REFUSED_PROMPT)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.text.rstrip().endswith("data: [DONE]")
    assert '"content_filter"' in answer.text


async def test_a_restriction_is_forbidden(tmp_path: Path) -> None:
    answer, outcome = await refused(tmp_path, Disposition.RESTRICT)

    assert (answer.status, answer.json()["error"]["code"], outcome) == (403, "license_restricted", Outcome.RESTRICTED)


@pytest.mark.parametrize(
    ("evidence", "seconds"),
    [
        ((), "60"),
        (("retry_after_seconds=7",), "7"),
        (("step=soft", "retry_after_seconds=5", "retry_after_seconds=300"), "300"),
    ],
)
async def test_a_throttled_caller_is_told_how_long_to_wait(
    tmp_path: Path, evidence: tuple[str, ...], seconds: str
) -> None:
    answer, outcome = await refused(tmp_path, Disposition.THROTTLE, spotter=Waiting(*evidence))

    assert (answer.status, answer.headers["retry-after"], outcome) == (429, seconds, Outcome.THROTTLED)
    assert answer.json()["error"]["code"] == "rate_limited"


async def test_the_refusal_speaks_the_language_of_the_conversation_or_else_the_operators(tmp_path: Path) -> None:
    french = {**HELLO, "messages": [{"role": "user", "content": "Il faut dire stop maintenant, s'il vous plaît."}]}
    unknown = {**HELLO, "messages": [{"role": "user", "content": "stop 1234"}]}
    told: Callable[[Answer], str] = lambda answer: str(answer.json()["choices"][0]["message"]["content"])  # noqa: E731
    first, _ = await refused(tmp_path, body=french)
    second, _ = await refused(tmp_path, body=unknown, answers=Answers(language="fr"))
    third, _ = await refused(tmp_path, body=unknown, answers=Answers(language="de"))

    assert told(first) == told(second) != told(third)


async def test_every_refusal_carries_its_decision_and_where_to_appeal(tmp_path: Path) -> None:
    for disposition in (Disposition.BLOCK, Disposition.RESTRICT, Disposition.THROTTLE):
        answer, _ = await refused(tmp_path, disposition, server=Server(public_url="https://gate.example/"))
        told = answer.json()["leeward"]

        assert answer.headers["x-leeward-decision-id"] == told["decision_id"]
        assert answer.headers["x-leeward-disposition"] == disposition.word
        assert told["appeal"] == f"https://gate.example/appeals/{told['decision_id']}"
