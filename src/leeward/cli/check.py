"""`leeward check`: one text against the ruleset."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from leeward.config.tree import InspectionTable
from leeward.domain.disposition import Disposition
from leeward.domain.verdict import Cause, Verdict
from leeward.domain.view import Stage
from leeward.guard import Guard, Prompt
from leeward.inspection.inspector import Passage

Spotlight = Literal["off", "delimiting", "datamarking", "encoding"]
StageName = Literal["prompt", "instructions", "tool_result", "document", "reply", "code"]


def check(
    text: Annotated[str, Parameter(allow_leading_hyphen=True)],
    *,
    stage: Annotated[StageName, Parameter(name=["--stage", "-s"])] = "prompt",
    prompt: str = "",
    system: str = "",
    code_language: str = "",
    ruleset: str = "mistral-v1",
    region: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    region_opt_in: Annotated[tuple[str, ...], Parameter(negative="")] = (),
    spotlight: Spotlight = "off",
    json: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Check one text and say what would happen to it.

    Exits 0 when it would pass and 1 when it would be stopped.

    Args:
        text: The text; `-` reads standard input.
        stage: Where in an exchange it would stand.
        prompt: What was said before the text: the prompt that a reply answers, or earlier turns of the user.
        system: The system message that a reply must not repeat.
        code_language: Language of code, as after a code fence.
        ruleset: Name of a built-in ruleset or path of a file.
        region: Code of a region whose law and culture count too, e.g. `de`; may be given more than once.
        region_opt_in: Entry of a region that counts only when named, e.g. `th.lese-majeste`; may be repeated.
        spotlight: How a tool result or document is marked as data; see docs/injection.md.
        json: Print JSON rather than a table.
    """
    content = sys.stdin.read() if text == "-" else text
    inspection = InspectionTable(spotlight=spotlight, spotlight_texts="all")
    guard = Guard(ruleset, regions=region, region_opt_in=region_opt_in, inspection=inspection)
    passage: Passage | None = None
    if stage == "code":
        verdict = guard.check_code(content, code_language, prompt)
    else:
        passage = guard.check(content, Stage(stage), before=_before(prompt, system))
        verdict = passage.verdict
    guard.close()
    if json:
        told = verdict.to_dict() | (passage.to_dict() if passage is not None else {})
        sys.stdout.write(msgspec.json.format(msgspec.json.encode(told), indent=2).decode() + "\n")
    else:
        _show(Console(highlight=False), verdict, passage)
    sys.exit(1 if verdict.disposition.stops else 0)


def _before(prompt: str, system: str) -> Prompt:
    if not system:
        return prompt
    return [{"role": "system", "content": system}, {"role": "user", "content": prompt}]


def _show(console: Console, verdict: Verdict, passage: Passage | None) -> None:
    style = "bold red" if verdict.disposition.stops else "yellow" if verdict.disposition > Disposition.PASS else "green"
    console.print(f"[{style}]{verdict.disposition.word}[/]  language {verdict.language}")
    table = Table("rule", "name", "score", "what was seen", "detector", box=None, pad_edge=False)
    for firing in verdict.firings:
        if firing.cause is Cause.UNCHECKED:
            table.add_row(firing.rule, firing.name, "-", f"could not look: {firing.failure}", firing.detector)
        elif firing.finding is not None:
            seen = ": ".join(word for word in (firing.finding.hazard, firing.finding.message) if word)
            table.add_row(firing.rule, firing.name, f"{firing.finding.confidence:.2f}", seen, firing.detector)
    if table.row_count:
        console.print(table)
    scores = ", ".join(f"{rule.removeprefix('RULE-')} {score:.2f}" for rule, score in sorted(verdict.scores.items()))
    console.print(f"scores  {scores}", soft_wrap=True)
    if verdict.unmeasured:
        rules = ", ".join(sorted(rule.removeprefix("RULE-") for rule in verdict.unmeasured))
        console.print(f"unmeasured  {rules}: checked, but how well is not known in this language", soft_wrap=True)
    if passage is not None and passage.is_changed:
        if passage.edits:
            edits = ", ".join(f"{edit.kind} {edit.span.start}-{edit.span.stop}" for edit in passage.edits)
            console.print(f"changed  {edits}", soft_wrap=True)
        console.print("passed on as:", style="bold")
        console.print(passage.text, markup=False)
