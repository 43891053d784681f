from __future__ import annotations

import asyncio

import pytest

from leeward.domain.disposition import Disposition
from leeward.domain.finding import Reading
from leeward.domain.ports import Placement
from leeward.domain.view import Stage, View
from leeward.inspection.drive import drive, drive_async
from leeward.inspection.judge import Judge
from leeward.inspection.machine import PartPlan, StreamMachine
from leeward.inspection.steps import Annotate, Done, Output, Release, Stop
from leeward.inspection.windows import WindowPlan
from tiny_rules import Spotter, by_id, rule, ruleset, threads

PLAN = PartPlan(stage=Stage.REPLY, windows=WindowPlan(stride_chars=8, reach_chars=4, size_chars=12, least_chars=4))
RULES = ruleset(
    rule("STOP", {"stop": 0.5}),
    rule("NOTE", {"note": 0.5}, disposition=Disposition.ANNOTATE),
    rule("CUT", {"cut": 0.5}, disposition=Disposition.SANITIZE),
)


def judge(placement: Placement) -> Judge:
    spotter = Spotter(words={"stop": 1.0, "note": 1.0, "cut": 1.0}, placement=placement, reach=4)
    return Judge(RULES, by_id(spotter), threads())


def machine() -> StreamMachine:
    return StreamMachine(PLAN, lambda _: "en", lambda _: ())


async def run(text: str, placement: Placement) -> list[Output]:
    """The two drivers must agree, also when they are driven piece by piece."""
    at_once, in_pieces = machine(), machine()
    at_once.feed(text)
    at_once.end()
    outputs = drive(at_once, judge(placement))
    later: list[Output] = []
    for letter in text:
        in_pieces.feed(letter)
        later += await drive_async(in_pieces, judge(placement))
        if in_pieces.is_over:
            break
    else:
        in_pieces.end()
        later += await drive_async(in_pieces, judge(placement))

    assert shown(outputs) == shown(later)
    return outputs


def shown(outputs: list[Output]) -> str:
    """What leaves, with marks for notes and the end."""
    said = []
    for output in outputs:
        match output:
            case Release(text=text):
                said.append(text)
            case Annotate(firings=firings):
                said.append(f"[{firings[0].rule}]")
            case Stop():
                said.append("[stopped]")
            case Done():
                said.append("[done]")
    return "".join(said)


@pytest.mark.parametrize("placement", Placement)
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "[done]"),
        ("all is well", "all is well[done]"),
        ("a note here\nand on it goes", "a note here\n[NOTE]and on it goes[done]"),
        ("please cut this", "please - this[done]"),
    ],
)
async def test_a_part_comes_out_as_the_rules_say(placement: Placement, text: str, expected: str) -> None:
    assert shown(await run(text, placement)) == expected


@pytest.mark.parametrize("placement", Placement)
async def test_nothing_follows_a_stop(placement: Placement) -> None:
    halted = machine()
    halted.feed("long enough to leave, then stop, and more")
    halted.end()

    (*released, last) = await drive_async(halted, judge(placement))

    assert isinstance(last, Stop)
    assert "stop" not in shown(list(released))


@pytest.mark.parametrize("placement", Placement)
async def test_a_machine_that_needs_text_is_not_over(placement: Placement) -> None:
    waiting = machine()
    waiting.feed("abc")

    assert drive(waiting, judge(placement)) == []
    assert not waiting.is_over


class Glancer(Spotter):
    """Needs no thread for any text, though it may run in one."""

    def glance(self, view: View) -> Reading | None:
        return super().examine(view)


async def test_a_long_text_that_needs_no_thread_leaves_the_loop_free_between_its_views() -> None:
    glancer = Glancer(words={"stop": 1.0}, placement=Placement.THREAD)
    long = machine()
    long.feed("all is well " * 40)
    long.end()
    driving = asyncio.create_task(drive_async(long, Judge(RULES, by_id(glancer), threads())))
    await asyncio.sleep(0)  # another exchange gets its turn while the first is still looked at

    assert 0 < glancer.looks < 40
    assert not driving.done()
    assert isinstance((await driving)[-1], Done)
    assert glancer.looks > 40
