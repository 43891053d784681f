"""What a caller sees and what is recorded when any part fails; every failure is a real one."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chat_scripts import HELLO, JSON, LONG, STREAM, answer, chat, event, stream
from leeward.answers import Resources
from leeward.config.tree import Store
from leeward.domain.finding import NOTHING, Reading
from leeward.domain.ports import DetectorInfo, Placement
from leeward.domain.record import Outcome
from leeward.domain.view import Stage, View
from leeward.gateway.settings import Limits
from leeward.inspection.inspector import Inspector
from patience import PATIENCE_SECONDS, until
from running_house import HASTY, HOUSE_RULES, MARKER, inspector, serving
from scripted_upstream import (
    CHUNKED_HEAD,
    LAST_CHUNK,
    Script,
    ScriptedUpstream,
    chunked,
    free_port,
    raw,
    raw_then_hang_up,
    reply,
    reset,
    stall,
)

# Detectors ----------------------------------------------------------------------------------------------------


class Failing:
    """Raises an exception that quotes what it saw, when it sees `boom`."""

    info = DetectorInfo(
        id="failing", hazards=("boom",), stages=(Stage.PROMPT, Stage.REPLY), reach_chars=8, budget_seconds=1.0
    )

    def open(self) -> None:
        pass

    def examine(self, view: View) -> Reading:
        if "boom" in view.text:
            raise RuntimeError(f"cannot stand {view.text}")
        return NOTHING


class Endless(Failing):
    """Takes a look in a thread, which does not come to an end, when it sees `boom`; else tells at a glance."""

    def __init__(self, *, budget: float = 0.05) -> None:
        self.info = replace(Failing.info, placement=Placement.THREAD, budget_seconds=budget)
        self.has_begun = threading.Event()
        self.may_end = threading.Event()

    def glance(self, view: View) -> Reading | None:
        return None if "boom" in view.text else NOTHING

    def examine(self, view: View) -> Reading:
        self.has_begun.set()
        self.may_end.wait(PATIENCE_SECONDS)
        return NOTHING


def rules(on_failure: str, disposition: str = "block") -> str:
    return f"""{HOUSE_RULES}
[[rule]]
id = "TEST-001"
name = "Booms"
trigger = "Something goes boom."
stages = ["prompt", "reply"]
disposition = "{disposition}"
duties = ["log"]
on_failure = "{on_failure}"
[[rule.when]]
detector = "failing"
[rule.when.thresholds]
boom = 0.5
"""


@pytest.fixture(params=["raises", "never-ends"])
def failing(request: pytest.FixtureRequest) -> Any:
    """A detector that fails, in each way in turn."""
    if request.param == "raises":
        yield Failing()
        return
    endless = Endless()
    yield endless
    endless.may_end.set()


def judged_with(failing: Any, on_failure: str, disposition: str = "block") -> Inspector:
    return inspector(rules(on_failure, disposition), (failing,))


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "stream"])
async def test_a_prompt_that_could_not_be_examined_is_refused_where_the_rule_says_so(
    failing: Any, body: dict[str, Any], tmp_path: Path
) -> None:
    asked = {**body, "messages": [{"role": "user", "content": "Please say boom."}]}
    async with (
        ScriptedUpstream(answer()) as upstream,
        serving(tmp_path, upstream.url, inspector=judged_with(failing, "block")) as house,
    ):
        got = await house.ask(asked)
        closed = await house.ended()

        assert (got.status, got.finish_reason) == (200, "content_filter")
        assert (
            got.text
            == "I can't answer right now because a safety check could not be completed. Please try again later."
        )
        assert (got.leeward["disposition"], got.leeward["unchecked"]) == ("block", ["TEST-001"])
        assert "TEST-001" not in got.leeward["checked"]
        assert upstream.seen == []
        assert (closed.outcome, closed.verdict.unchecked) == (Outcome.REFUSED_PROMPT, {"TEST-001"})
        assert 'leeward_unchecked_total{detector="failing",rule="TEST-001"} 1.0' in house.metrics()


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "stream"])
@pytest.mark.parametrize("on_failure", ["pass", "annotate"])
async def test_what_could_not_be_examined_and_may_pass_is_never_shown_as_clean(
    failing: Any, body: dict[str, Any], on_failure: str, tmp_path: Path
) -> None:
    script = stream("This goes ", "boom.") if body is STREAM else answer("This goes boom.")
    judge = judged_with(failing, on_failure, "annotate" if on_failure == "annotate" else "block")
    async with ScriptedUpstream(script) as upstream, serving(tmp_path, upstream.url, inspector=judge) as house:
        got = await house.ask(body)
        closed = await house.ended()

        assert (got.status, got.finish_reason) == (200, "stop")
        assert got.text.startswith("This goes boom.")
        assert (got.leeward["disposition"], got.leeward["unchecked"]) == (on_failure, ["TEST-001"])
        assert "TEST-001" not in got.leeward["checked"]
        assert (closed.outcome, closed.verdict.unchecked) == (Outcome.ANSWERED, {"TEST-001"})


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "stream"])
async def test_a_reply_that_could_not_be_examined_is_refused_where_the_rule_says_so(
    failing: Any, body: dict[str, Any], tmp_path: Path
) -> None:
    script = stream(LONG, "This goes boom. ", LONG) if body is STREAM else answer(f"{LONG} This goes boom. {LONG}")
    async with (
        ScriptedUpstream(script) as upstream,
        serving(tmp_path, upstream.url, inspector=judged_with(failing, "block")) as house,
    ):
        got = await house.ask(body)
        closed = await house.ended()

        assert (got.status, got.finish_reason) == (200, "content_filter")
        assert b"boom" not in got.body
        assert "a safety check could not be completed" in got.text
        assert got.leeward["unchecked"] == ["TEST-001"]
        assert (closed.outcome, closed.verdict.unchecked) == (Outcome.REFUSED_REPLY, {"TEST-001"})


async def test_a_slow_detector_does_not_keep_other_exchanges_waiting(tmp_path: Path) -> None:
    endless = Endless(budget=PATIENCE_SECONDS)
    asked = {**HELLO, "messages": [{"role": "user", "content": "Please say boom."}]}
    judge = inspector(rules("block"), (endless,))
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url, inspector=judge) as house:
        slow = asyncio.create_task(house.ask(asked))
        await until(endless.has_begun.is_set)
        quick = await house.ask(HELLO)
        was_waiting = not slow.done()
        endless.may_end.set()

        assert (quick.text, was_waiting) == ("Hello there.", True)
        assert (await slow).text == "Hello there."


GUARDED = {**HELLO, "guardrails": [{"block_on_error": True, "moderation_llm_v2": {"action": "block"}}]}


async def test_guardrails_and_moderation_say_when_they_could_not_look(tmp_path: Path) -> None:
    broken = inspector(rules("pass"), (Failing(),))
    said_boom = {"messages": [{"role": "user", "content": "Please say boom."}]}
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url, inspector=broken) as house:
        guarded = await house.ask({**GUARDED, **said_boom})
        lenient = [{**GUARDED["guardrails"][0], "block_on_error": False}]  # type: ignore[index]
        passed = await house.ask({**GUARDED, **said_boom, "guardrails": lenient})
        scored = await house.ask({"model": "mistral-moderation-2603", "input": "boom"}, "/v1/moderations")

        assert (guarded.status, guarded.json()["code"]) == (403, 3201)
        assert passed.leeward["unchecked"] == ["TEST-001"]
        assert (scored.status, scored.json()["code"]) == (503, "moderation_incomplete")


# The model server ---------------------------------------------------------------------------------------------


def patience_for(error: str) -> dict[str, float]:
    """Give up soon on a server that falls silent behind its head; wait for one of which something else is expected."""
    return {"first_byte_seconds": PATIENCE_SECONDS, "idle_seconds": 0.2} if error == "upstream_timeout" else {}


async def test_a_model_server_that_never_answers_is_a_gateway_timeout(tmp_path: Path) -> None:
    async with (
        ScriptedUpstream(stall) as upstream,
        serving(tmp_path, upstream.url, upstream={"first_byte_seconds": 0.2}) as house,
    ):
        got = await house.ask(HELLO)
        closed = await house.ended()

        assert (got.status, got.json()["code"]) == (504, "upstream_timeout")
        assert (closed.outcome, closed.error) == (Outcome.UPSTREAM_FAILED, "upstream_timeout")


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "stream"])
async def test_a_model_server_that_is_not_there_is_a_bad_gateway(body: dict[str, Any], tmp_path: Path) -> None:
    async with serving(tmp_path, f"http://127.0.0.1:{free_port()}") as house:
        got = await house.ask(body)
        closed = await house.ended()

        assert (got.status, got.json()["code"]) == (502, "upstream_refused")
        assert (closed.outcome, closed.error) == (Outcome.UPSTREAM_FAILED, "upstream_refused")


@pytest.mark.parametrize(
    ("script", "status", "error"),
    [
        pytest.param(raw(CHUNKED_HEAD.replace(b"text/event-stream", b"application/json")), 504, "upstream_timeout",
                     id="never-sends-the-body"),
        pytest.param(reset, 502, "upstream_cut", id="resets"),
        pytest.param(raw_then_hang_up(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{"), 502, "upstream_cut", id="cut"),
        pytest.param(raw(b"SSH-2.0-OpenSSH_9.2\r\n"), 502, "upstream_garbage", id="another-protocol"),
        pytest.param(reply(200, b"<html>zzquaffle</html>", JSON), 502, "upstream_garbage", id="html"),
        pytest.param(reply(200, b'{"choices": 7}', JSON), 502, "upstream_garbage", id="wrong-types"),
        pytest.param(reply(200, b"", JSON), 502, "upstream_garbage", id="empty"),
        pytest.param(reply(200, b'{"choices": [{"message": {"content": "\xff"}}]}', JSON), 502, "upstream_garbage",
                     id="no-utf8"),
        pytest.param(reply(200, b'{"error": {"message": "zzquaffle"}}', JSON), 502, "upstream_status", id="error-200"),
        pytest.param(reply(500, b"zzquaffle"), 502, "upstream_status_500", id="500"),
        pytest.param(reply(302, b"", ("location", "/")), 502, "upstream_status", id="redirect"),
        pytest.param(reply(429, b"zzquaffle", ("retry-after", "7")), 429, "upstream_status_429", id="429"),
        pytest.param(reply(200, b'"' + b"x" * 70_000 + b'"', JSON), 502, "upstream_garbage", id="too-long"),
    ],
)  # fmt: skip
async def test_a_broken_reply_is_told_without_quoting_it(
    script: Script, status: int, error: str, tmp_path: Path
) -> None:
    async with (
        ScriptedUpstream(script) as upstream,
        serving(tmp_path, upstream.url, upstream=patience_for(error), limits=Limits(reply_bytes=65_536)) as house,
    ):
        got = await house.ask(HELLO)
        closed = await house.ended()

        assert (got.status, closed.error) == (status, error)
        assert got.json()["leeward"]["decision_id"] == got.headers["x-leeward-decision-id"] == closed.id
        assert MARKER.encode() not in got.body
        assert got.headers.get("retry-after") == ("7" if status == 429 else None)
        assert closed.outcome is Outcome.UPSTREAM_FAILED


@pytest.mark.parametrize(
    ("script", "error"),
    [
        pytest.param(raw_then_hang_up(CHUNKED_HEAD + chunked(event("Hello "), event("the"))), "upstream_cut", id="cut"),
        pytest.param(raw(CHUNKED_HEAD + chunked(event("Hello the"))), "upstream_timeout", id="falls-silent"),
        pytest.param(raw(CHUNKED_HEAD + chunked(event("Hello the")) + LAST_CHUNK), "upstream_cut", id="ends-early"),
        pytest.param(raw(CHUNKED_HEAD + chunked(event("Hello the"), b"data: {nonsense\n\n")), "upstream_garbage",
                     id="garbage"),
        pytest.param(raw(CHUNKED_HEAD + chunked(event("Hello the"), b'data: {"error": {"message": "zzquaffle"}}\n\n')),
                     "upstream_status", id="error-object"),
        pytest.param(raw(CHUNKED_HEAD + chunked(event("Hello the"), b"data: \xff\xfe\n\n")), "upstream_garbage",
                     id="no-utf8"),
        pytest.param(raw(CHUNKED_HEAD + chunked(event("Hello the")) + b"zz\r\n"), "upstream_garbage", id="bad-chunk"),
    ],
)  # fmt: skip
async def test_a_stream_that_fails_ends_as_an_error_with_what_was_examined(
    script: Script, error: str, tmp_path: Path
) -> None:
    async with (
        ScriptedUpstream(script) as upstream,
        serving(tmp_path, upstream.url, upstream=patience_for(error)) as house,
    ):
        got = await house.ask(STREAM)
        closed = await house.ended()

        assert (got.status, got.text, got.finish_reason) == (200, "Hello the", "error")
        assert (got.leeward["error"], got.events[-1]) == (error, "[DONE]")
        assert MARKER.encode() not in got.body
        assert (closed.outcome, closed.error, closed.released_chars) == (Outcome.UPSTREAM_FAILED, error, 9)
        assert house.taken_connections == 0


async def test_what_came_before_a_cut_is_still_judged(tmp_path: Path) -> None:
    script = raw_then_hang_up(CHUNKED_HEAD + chunked(event("Hello "), event(MARKER)))
    async with ScriptedUpstream(script) as upstream, serving(tmp_path, upstream.url) as house:
        got = await house.ask(STREAM)
        closed = await house.ended()

        assert got.finish_reason == "content_filter"
        assert MARKER.encode() not in got.body
        assert (closed.outcome, closed.error) == (Outcome.UPSTREAM_FAILED, "upstream_cut")
        assert [f.rule for f in closed.verdict.firings if f.disposition.stops] == ["HOUSE-001"]


# The store ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [HELLO, STREAM], ids=["whole", "stream"])
async def test_a_locked_store_refuses_exchanges_and_no_model_is_asked(body: dict[str, Any], tmp_path: Path) -> None:
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url, writer=HASTY) as house:
        with locked(tmp_path):
            got = await house.ask(body)
        closed = await house.ended()

        assert (got.status, got.json()["code"]) == (503, "store_unavailable")
        assert upstream.seen == []
        assert (closed.outcome, closed.error) == (Outcome.CRASHED, "store_unavailable")
        assert "leeward_store_failures_total 1.0" in house.metrics()


async def test_a_locked_store_serves_where_the_operator_wants_it_and_catches_up(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    async with (
        ScriptedUpstream(answer()) as upstream,
        serving(tmp_path, upstream.url, writer=HASTY, store=Store(url=url, on_failure="serve")) as house,
    ):
        with locked(tmp_path):
            got = await house.ask(HELLO)
        closed = await house.ended()

        assert (got.status, got.text) == (200, "Hello there.")
        assert closed.outcome is Outcome.ANSWERED
        assert "leeward_store_failures_total 1.0" in house.metrics()


async def test_a_disk_without_room_refuses_exchanges_until_there_is_room_again(tmp_path: Path) -> None:
    async with ScriptedUpstream(answer()) as upstream, serving(tmp_path, upstream.url) as house:
        await house.ask(HELLO)
        statuses = [200]
        with no_room(tmp_path):
            while statuses[-1] == 200:
                statuses.append((await house.ask(HELLO)).status)
        again = await house.ask(HELLO)

        assert statuses[-1] == 503
        assert again.text == "Hello there."


@contextmanager
def no_room(folder: Path) -> Iterator[None]:
    """Let no file of this process grow much beyond what the database has now."""
    most = max(path.stat().st_size for path in folder.iterdir()) + 20_000
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the database as another program might."""
    other = sqlite3.connect(folder / "records.db", isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


# Ourselves ----------------------------------------------------------------------------------------------------


class BrokenHelpLines:
    """A part of the house with a fault, whose exception quotes the exchange."""

    def today(self) -> Resources:
        raise LookupError(f"no lines for {MARKER}")


@pytest.mark.parametrize(
    ("body", "script"),
    [(HELLO, answer(MARKER)), (STREAM, stream(LONG, f"the {MARKER}. ", LONG))],
    ids=["whole", "stream"],
)
async def test_a_fault_of_our_own_releases_nothing_more_and_is_recorded(
    body: dict[str, Any], script: Script, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    broken = {"help_lines": BrokenHelpLines()}
    async with ScriptedUpstream(script) as upstream, serving(tmp_path, upstream.url, equipment=broken) as house:
        got = await house.ask(body)
        closed = await house.ended()

        assert MARKER.encode() not in got.body
        if body is STREAM:
            assert got.status == 200
            assert "[DONE]" not in got.events
            assert LONG.startswith(got.text)
        else:
            assert (got.status, got.json()["error"]["code"]) == (500, "internal_error")
        assert (closed.outcome, closed.error) == (Outcome.CRASHED, "exception:LookupError")
        assert "exchange_crashed" in caplog.messages


async def test_every_ending_is_recorded_once_and_none_stays_open(tmp_path: Path) -> None:
    async with (
        ScriptedUpstream(answer(), reply(200, b"junk"), stream("Hello."), reply(500)) as upstream,
        serving(tmp_path, upstream.url) as house,
    ):
        for body in (HELLO, HELLO, STREAM, HELLO, {}, chat(MARKER)):
            await house.ask(body)
        await house.ended(6)
        lines = house.store.latest(99)

        assert [line.closed and line.closed.outcome for line in reversed(lines)] == [
            Outcome.ANSWERED, Outcome.UPSTREAM_FAILED, Outcome.ANSWERED, Outcome.UPSTREAM_FAILED, Outcome.REJECTED,
            Outcome.REFUSED_PROMPT,
        ]  # fmt: skip
        assert "leeward_active_exchanges 0.0" in house.metrics()
