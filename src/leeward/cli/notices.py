"""`leeward licence notices`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from rich.console import Console

from leeward.cli.recording import Line, minute, print_json, registry_of
from leeward.errors import SettingsError
from leeward.licences.derivatives.entry import Entry, State
from leeward.licences.derivatives.notices import write
from leeward.licences.registry import builtin_registry


def notices(
    entry: str = "",
    /,
    *,
    language: Literal["en", "fr"] = "en",
    due: Annotated[bool, Parameter(negative=())] = False,
    config: Annotated[Path | None, Parameter(name=["--config", "-c"])] = None,
    json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """List notices about derivatives, print one, or restrict the models whose deadline passed.

    A running gateway acts on due notices by itself; `--due` is for where none runs.

    Args:
        entry: Print the notice about this entry (its id or the model's name), as plain text.
        language: Language of the printed notice.
        due: Restrict the models whose deadline passed.
        config: Settings file; its `[store]` says where the registry is kept.
        json: Print JSON.
    """
    if entry and due:
        raise SettingsError("--due acts on all due notices", remedy="Leave the entry or --due out.")
    console = Console()
    with registry_of(config) as registry:
        if entry:
            text = write(registry.find(entry), builtin_registry(), language).text()
            if json:
                print_json(console, {"language": language, "text": text})
            else:
                console.print(text, end="", markup=False, highlight=False, soft_wrap=True)
            return
        found = registry.derivatives.sweep() if due else registry.derivatives.noticed()
    if json:
        print_json(console, [Line.of(one) for one in found])
    elif due:
        _print_swept(console, found)
    else:
        _print_list(console, found)


def _print_swept(console: Console, found: Sequence[Entry]) -> None:
    for one in found:
        told = f"{one.id} {one.facts.name}: restricted, the deadline was {minute(one.due_at)} UTC"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
    console.print(f"{len(found)} restricted." if found else "No notice is due.", highlight=False)


def _print_list(console: Console, found: Sequence[Entry]) -> None:
    if not found:
        console.print("No notices.", highlight=False)
        return
    for one in found:
        codes = ", ".join(dict.fromkeys(problem.code for problem in one.facts.faults))
        word = "restricted since" if one.state is State.RESTRICTED else "to be put right by"
        told = f"{one.id} {one.facts.name}: {word} {minute(one.due_at)} UTC: {codes}"
        console.print(told, markup=False, highlight=False, soft_wrap=True)
