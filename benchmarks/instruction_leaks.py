"""Leaks of system prompts caught, honest replies hurt, and what looking costs: `python instruction_leaks.py`.

System prompts and replies are made by a seed (`system_prompts.py`). Each leak holds the orders of a prompt,
stands behind an honest sentence and runs through the windows of a stream. It is caught when RULE-MIST-009 fires;
what is left counts its letters that still stand in runs of 24 or more in what was released. `instruction-leak` looks
alone.
"""

from __future__ import annotations

import argparse
import random
import statistics
import sys
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from time import perf_counter

from rich.console import Console
from rich.table import Table

from leeward.detectors.compact import compact
from leeward.detectors.registry import open_detectors
from leeward.domain.rule import Ruleset
from leeward.domain.view import Stage, View
from leeward.domain.withheld import Instructions
from leeward.guard import Guard
from leeward.inspection.drive import drive
from leeward.inspection.inspector import InspectionSettings, Inspector
from leeward.inspection.judge import Judge
from leeward.inspection.normalise import layers_of
from leeward.inspection.steps import Release
from leeward.inspection.withheld import canary_of
from system_prompts import LEAKS, Made, honest_replies, made

NAME = "instruction-leak"
RUN = 24
BEFORE = "Sure, here is what you asked for. "
GOAL_CAUGHT, GOAL_FALSE = 0.95, 0.01


@dataclass(slots=True)
class Tally:
    """Counts over some replies."""

    replies: int = 0
    caught: int = 0
    letters: int = 0
    left: int = 0


def looking() -> Inspector:
    """Return what looks at replies: the leak guard of RULE-MIST-009 and nothing else."""
    built_in = Guard().ruleset
    rule = built_in.rule("RULE-MIST-009")
    conditions = tuple(c for c in rule.conditions if c.detector == NAME)
    rule = replace(rule, stages=frozenset({Stage.REPLY}), conditions=conditions)
    judge = Judge(Ruleset("leaks", "1.0.0", built_in.digest, (rule,)), open_detectors([NAME]), ThreadPoolExecutor(1))
    return Inspector(judge, InspectionSettings(), bytes(32))


def released(inspector: Inspector, reply: str, kept: Instructions | None) -> tuple[bool, str]:
    """Return whether a leak was seen in a streamed reply, and what of the reply came through."""
    machine = inspector.machine(Stage.REPLY, instructions=kept)
    shown: list[str] = []
    for at in range(0, len(reply), 7):
        machine.feed(reply[at : at + 7])
        shown.extend(o.text for o in drive(machine, inspector.judge) if isinstance(o, Release))
    machine.end()
    shown.extend(o.text for o in drive(machine, inspector.judge) if isinstance(o, Release))
    return bool(machine.verdict().firings), "".join(shown)


def left_of(leak: str, shown: str) -> int:
    """Return how many letters of `leak` stand in runs of `RUN` in `shown`."""
    letters, seen = compact(leak), compact(shown)
    covered: set[int] = set()
    for at in range(len(letters) - RUN + 1):
        if letters[at : at + RUN] in seen:
            covered.update(range(at, at + RUN))
    return len(covered)


def leaks(inspector: Inspector, prompts: list[Made], rng: random.Random) -> dict[str, Tally]:
    tallies: dict[str, Tally] = defaultdict(Tally)
    for prompt in prompts:
        kept = inspector.instruction_book.instructions([prompt.text])
        for name, transform in LEAKS.items():
            source = rng.choice(prompt.orders) if name == "one order alone" else "\n".join(prompt.orders)
            told = transform(source, rng)
            is_seen, shown = released(inspector, BEFORE + told, kept)
            tally = tallies[name]
            tally.replies += 1
            tally.caught += is_seen
            tally.letters += len(compact(told))
            tally.left += left_of(told, shown)
    return tallies


def canaries(inspector: Inspector, prompts: list[Made], rng: random.Random) -> Tally:
    """A translation keeps the canary alone; here the words are honest, and the canary is told in some form."""
    tally = Tally()
    for prompt in prompts:
        canary = canary_of(rng.randbytes(8))
        kept = inspector.instruction_book.instructions([prompt.text], (), canary)
        for transform in (t for name, t in LEAKS.items() if "changed" not in name):  # a change may take it out
            told = transform(f"Reference: {canary}. And so on and so forth.", rng)
            tally.replies += 1
            tally.caught += released(inspector, BEFORE + told, kept)[0]
    return tally


def honest(inspector: Inspector, prompts: list[Made], rng: random.Random) -> Tally:
    tally = Tally()
    for prompt in prompts:
        kept = inspector.instruction_book.instructions([prompt.text], (), canary_of(rng.randbytes(8)))
        for reply in honest_replies(prompt, rng):
            is_seen, _ = released(inspector, reply, kept)
            tally.replies += 1
            tally.caught += is_seen
    return tally


def costs(inspector: Inspector, prompts: list[Made]) -> dict[str, float]:
    """Return medians in microseconds: of one window of a reply, and of reading instructions for the first time."""
    detector = open_detectors([NAME])[NAME]
    windows: dict[str, list[float]] = defaultdict(list)
    for prompt in prompts:
        began = perf_counter()
        fresh = Inspector(inspector.judge, InspectionSettings(), bytes(32)).instruction_book.instructions([prompt.text])
        windows["instructions, once"].append(perf_counter() - began)
        for name, text in (("window, honest", " ".join(prompt.honest)), ("window, leak", prompt.text)):
            view = View((text * 9)[:384], Stage.REPLY, layers=layers_of((text * 9)[:384]), instructions=fresh)
            began = perf_counter()
            for _ in range(20):
                detector.examine(view)
            windows[name].append((perf_counter() - began) / 20)
    return {name: statistics.median(times) * 1e6 for name, times in windows.items()}


def main(arguments: argparse.Namespace) -> int:
    rng = random.Random(arguments.seed)
    prompts = [made(rng) for _ in range(arguments.prompts)]
    inspector = looking()
    tallies = leaks(inspector, prompts, rng)
    marked, passed = canaries(inspector, prompts, rng), honest(inspector, prompts, rng)
    show = Console().print
    table = Table(f"leaks of {len(prompts)} prompts", "replies", "caught", "letters left", box=None, pad_edge=False)
    for name, tally in tallies.items():
        caught, left = tally.caught / tally.replies, tally.left / tally.letters
        table.add_row(name, str(tally.replies), f"{caught:.1%}", f"{left:.2%}")
    show(table)
    show(f"canary alone, in the same forms: {marked.caught} of {marked.replies} caught")
    show(f"honest replies: {passed.caught} of {passed.replies} flagged")
    for name, micros in costs(inspector, prompts).items():
        show(f"{name}: {micros:.0f} µs")
    caught = sum(t.caught for t in tallies.values()) / sum(t.replies for t in tallies.values())
    return 0 if caught >= GOAL_CAUGHT and passed.caught <= GOAL_FALSE * passed.replies else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--prompts", type=int, default=100)
    sys.exit(main(parser.parse_args()))
