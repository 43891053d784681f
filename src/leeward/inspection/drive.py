"""The one driver: runs a machine until it needs text or is over."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from typing import Protocol, assert_never

from leeward.domain.verdict import Verdict
from leeward.domain.view import View
from leeward.inspection.machine import StreamMachine
from leeward.inspection.steps import Annotate, Done, Examine, NeedText, Output, Release, Stop

_VIEWS_BETWEEN_BREAKS = 8  # a few milliseconds, where none needed a thread


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
        seen = 0
        while True:
            verdict = judging.judge(view) if judging.is_inline(view) else await judging.judge_async(view)
            seen += 1
            if seen % _VIEWS_BETWEEN_BREAKS == 0:  # `judge_async` may not have let go of the loop: a glance is enough
                await asyncio.sleep(0)
            view = walk.send(verdict)
    except StopIteration as end:
        outputs: list[Output] = end.value
        return outputs
