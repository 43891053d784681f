"""The one driver: runs a machine until it needs text or is over."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Protocol, assert_never

from leeward.domain.verdict import Verdict
from leeward.domain.view import View
from leeward.inspection.machine import StreamMachine
from leeward.inspection.steps import Annotate, Done, Examine, NeedText, Output, Release, Stop

_VIEWS_BETWEEN_BREAKS = 8  # a few milliseconds


class Judging(Protocol):
    """Judges a view: runs the detectors that the ruleset names and decides."""

    def judge(self, view: View) -> Verdict:
        """Return the verdict on `view`, waiting for detectors that run in threads."""

    async def judge_async(self, view: View) -> Verdict:
        """Return the verdict on `view` without blocking the event loop."""

    def is_inline(self, view: View) -> bool:
        """Whether judging `view` needs no thread."""


def _walk(machine: StreamMachine) -> Generator[View, Verdict, list[Output]]:
    outputs: list[Output] = []
    while True:
        step = machine.next_step()
        match step:
            case Examine(view=view):
                machine.settle((yield view))
            case NeedText():
                return outputs
            case Release() | Annotate():
                outputs.append(step)
            case Stop() | Done():
                outputs.append(step)
                return outputs
            case _:
                assert_never(step)


def drive(machine: StreamMachine, judging: Judging) -> list[Output]:
    """Return everything the machine gives out before it needs more text."""
    walk = _walk(machine)
    try:
        view = next(walk)
        while True:
            view = walk.send(judging.judge(view))
    except StopIteration as end:
        outputs: list[Output] = end.value
        return outputs


async def drive_async(machine: StreamMachine, judging: Judging) -> list[Output]:
    """Do as `drive` does, leaving the event loop free while threads look and between the views of a long text."""
    walk = _walk(machine)
    try:
        view = next(walk)
        in_a_row = 0
        while True:
            if judging.is_inline(view):
                verdict = judging.judge(view)
                in_a_row += 1
                if in_a_row % _VIEWS_BETWEEN_BREAKS == 0:
                    await asyncio.sleep(0)
            else:
                verdict = await judging.judge_async(view)
            view = walk.send(verdict)
    except StopIteration as end:
        outputs: list[Output] = end.value
        return outputs
