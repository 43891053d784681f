"""How much of hidden orders sanitising takes away, and how much of honest text it leaves: `python sanitise.py`.

Texts are made by a seed (`tool_outputs.py`). An order is neutralised when no run of 20 of its characters is left and a
second look at what is passed on finds nothing. Honest characters are those outside of the order; one is kept when no
edit covers it. The detector `injection` looks alone; with `--encoder` all of RULE-MIST-009 does.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from statistics import median
from typing import TypeAlias

from rich.console import Console
from rich.progress import track
from rich.table import Table

from leeward.detectors.registry import open_detectors
from leeward.domain.rule import Ruleset
from leeward.domain.view import Stage
from leeward.guard import Guard
from leeward.inspection.inspector import InspectionSettings, Inspector, Passage
from leeward.inspection.judge import Judge
from tool_outputs import CHARS_PER_TOKEN, ORDERS, Output, outputs

RUN = 20  # shorter ones, such as "instructions", honest sentences hold too
GOAL_NEUTRALISED, GOAL_KEPT = 0.90, 0.99
GOAL_MS = 2.0
TOKENS = 2_000


@dataclass(slots=True)
class Tally:
    """Counts over some texts."""

    texts: int = 0
    flagged: int = 0
    neutralised: int = 0
    honest: int = 0
    kept: int = 0
    broken: list[str] = field(default_factory=list)


Look: TypeAlias = Callable[[str], Passage]


def looking(*, with_encoder: bool) -> Look:
    """Return what looks at a tool result: RULE-MIST-009 and nothing else."""
    names = ["injection", "cascade-text"] if with_encoder else ["injection"]
    built_in = Guard().ruleset
    rule = next(rule for rule in built_in.rules if rule.id == "RULE-MIST-009")
    rule = replace(rule, conditions=tuple(c for c in rule.conditions if c.detector in names))
    ruleset = Ruleset("sanitise", "1.0.0", built_in.digest, (rule,))
    judge = Judge(ruleset, open_detectors(names), ThreadPoolExecutor(1))
    inspector = Inspector(judge, InspectionSettings(cache_entries=0), os.urandom(32))
    return lambda text: inspector.inspect(text, Stage.TOOL_RESULT)


def main(arguments: argparse.Namespace) -> int:
    """Measure, print, and return 0 when both goals are met."""
    look, console = looking(with_encoder=arguments.encoder), Console()
    by_kind: defaultdict[str, Tally] = defaultdict(Tally)
    by_form: defaultdict[str, Tally] = defaultdict(Tally)
    texts = list(outputs(arguments.seed, arguments.each))
    for output in track(texts, "looking", console=Console(stderr=True)):
        measure(look, output, (by_kind[output.kind or "none"], by_form[output.form]), arguments.verbose)
    console.print(f"{len(texts)} texts, seed {arguments.seed}")
    console.print(table("order", {kind: by_kind[kind] for kind in (*ORDERS, "none")}))
    console.print(table("form", by_form))
    total = by_form.values()
    flagged = sum(by_kind[kind].flagged for kind in ORDERS)
    neutralised = sum(by_kind[kind].neutralised for kind in ORDERS) / max(flagged, 1)
    kept = sum(tally.kept for tally in total) / max(sum(tally.honest for tally in total), 1)
    broken = [name for tally in total for name in tally.broken]
    console.print(f"flagged orders neutralised  {neutralised:.2%} (goal {GOAL_NEUTRALISED:.0%})")
    console.print(f"honest characters kept      {kept:.3%} (goal {GOAL_KEPT:.0%})")
    console.print(f"outputs that no longer parse  {len(broken)} {sorted(set(broken))}")
    console.print(f"CPU ms for 2,000 tokens     {cost(look, texts):.2f} (goal without the encoder {GOAL_MS:.0f})")
    return 0 if neutralised >= GOAL_NEUTRALISED and kept >= GOAL_KEPT and not broken else 1


def cost(look: Look, texts: Sequence[Output]) -> float:
    """Return the median CPU time in ms that 2,000 tokens take; of each text the least of five looks counts."""

    def once(text: str) -> float:
        began = time.thread_time()
        look(text)
        return time.thread_time() - began

    long = [output.text for output in texts if len(output.text) >= TOKENS * CHARS_PER_TOKEN // 2]
    return 1e3 * median(min(once(text) for _ in range(5)) * TOKENS * CHARS_PER_TOKEN / len(text) for text in long)


def measure(look: Look, output: Output, tallies: tuple[Tally, ...], verbose: bool) -> None:
    """Look at one output and count."""
    text = output.text
    passage = look(text)
    covered = bytearray(len(text))
    for edit in passage.edits:
        covered[edit.span.start : edit.span.stop] = b"\x01" * (edit.span.stop - edit.span.start)
    order = covered[output.start : output.stop]
    lost = sum(covered) - sum(order)
    # An output without an order is flagged when anything is; one with an order, when the look touches the order.
    is_flagged = bool(passage.edits) if not output.kind else any(order)
    is_neutral = is_flagged and not remains(text[output.start : output.stop], passage.text)
    if is_neutral:
        is_neutral = not look(passage.text).edits
    for tally in tallies:
        tally.texts += 1
        tally.flagged += is_flagged
        tally.neutralised += bool(output.kind) and is_neutral
        tally.honest += len(text) - len(order)
        tally.kept += len(text) - len(order) - lost
    if not parses(output.form, passage.text):
        tallies[-1].broken.append(output.form)
    if verbose:
        tell(
            output,
            passage.text,
            lost,
            is_flagged,
            is_neutral,
            [text[e.span.start : e.span.stop] for e in passage.edits],
        )


def tell(output: Output, left: str, lost: int, is_flagged: bool, is_neutral: bool, gone: list[str]) -> None:
    """Print what went wrong with one output."""
    order = output.text[output.start : output.stop]
    if output.kind and not is_flagged:
        print(f"missed {output.form} {output.kind}: {order!r}")
    elif output.kind and not is_neutral:
        print(f"left {output.form} {output.kind}: {order!r} gone {gone!r}")
    elif lost > 4:
        print(f"lost {lost} {output.form} {output.kind or 'none'}: {order!r} gone {gone!r}")
    if not parses(output.form, left):
        print(f"broken {output.form}: {gone!r}")


def remains(order: str, text: str) -> bool:
    """Whether any run of `RUN` characters of the order is left (all of it, when it is shorter)."""
    return any(order[at : at + RUN] in text for at in range(max(1, len(order) - RUN + 1)))


def parses(form: str, text: str) -> bool:
    """Whether a text is still what it was."""
    try:
        if form in ("json", "json_code"):
            value = json.loads(text)
            if form == "json_code":
                ast.parse(value["content"])
        elif form == "json_lines":
            for line in text.splitlines():
                json.loads(line)
        elif form == "python":
            ast.parse(text)
        elif form == "html":
            return is_balanced(text)
        elif form in ("csv", "table"):
            return len({line.count("|") for line in text.splitlines()}) <= 1 if form == "table" else True
    except (ValueError, SyntaxError, KeyError, TypeError):
        return False
    return True


def is_balanced(text: str) -> bool:
    """Whether every element is closed by its own end."""
    open_tags: list[str] = []
    wrong: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, _: object) -> None:
            open_tags.append(tag)

        def handle_endtag(self, tag: str) -> None:
            if not open_tags or open_tags.pop() != tag:
                wrong.append(tag)

    Reader().feed(text)
    return not open_tags and not wrong


def table(title: str, tallies: dict[str, Tally]) -> Table:
    """Return the counts as a table."""
    shown = Table(title, "texts", "flagged", "neutralised", "honest kept", box=None, pad_edge=False)
    for name, tally in tallies.items():
        shown.add_row(name, *cells(name, tally))
    return shown


def cells(name: str, tally: Tally) -> Iterator[str]:
    yield str(tally.texts)
    yield str(tally.flagged)
    yield "-" if name == "none" else str(tally.neutralised)
    yield f"{tally.kept / max(tally.honest, 1):.3%}"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=9)
    parser.add_argument("--each", type=int, default=2, help="outputs of every form and kind of order")
    parser.add_argument("--encoder", action="store_true", help="look with the classifier too; seconds a text")
    parser.add_argument("--verbose", action="store_true", help="name every order missed and every honest loss")
    sys.exit(main(parser.parse_args()))
