"""`leeward ruleset check|show|diff|regions`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated

import cyclopts
import msgspec
from rich.console import Console
from rich.table import Table

from leeward.detectors.registry import known_infos
from leeward.domain.ports import DetectorInfo
from leeward.domain.rule import Condition, Rule, Ruleset
from leeward.errors import LeewardError
from leeward.policy.diff import Change, Effect, compare
from leeward.policy.draft import LoadedRuleset
from leeward.policy.loader import BUILTIN, load_all
from leeward.policy.problems import Problem, Refused, unknown
from leeward.policy.reading import Reader, Source
from leeward.policy.regional import region_rows, unknown_region
from leeward.policy.regional import regions as known_regions

OK, PROBLEMS, USAGE = 0, 1, 2

app = cyclopts.App(name="ruleset", help="Check, show and compare rulesets.")

_Json = Annotated[bool, cyclopts.Parameter(name="--json", negative=())]
_Known = Mapping[str, DetectorInfo]
_Command = Callable[[Console, _Known], int]
_COLOURS = {Effect.STRICTER: "green", Effect.ADDED: "green", Effect.LOOSER: "red", Effect.REMOVED: "red"}


@app.command
def check(*files: Path, json: _Json = False) -> int:
    """Check ruleset files together; prints every problem.

    Args:
        files: TOML files. Files that extend each other are given together.
        json: Print JSON.
    """
    return _guarded(lambda console, known: run_check(files, console=console, known=known, as_json=json))


@app.command
def show(ruleset: str = "mistral-v1", *files: Path, json: _Json = False) -> int:
    """Show the rules of a ruleset as they would be enforced.

    Args:
        ruleset: Name of a built-in ruleset, or a TOML file.
        files: More TOML files that it extends.
        json: Print JSON.
    """
    return _guarded(lambda console, known: run_show(ruleset, files, console=console, known=known, as_json=json))


@app.command
def diff(old: str, new: str, *files: Path, json: _Json = False) -> int:
    """Show which verdicts may change between two rulesets.

    Args:
        old: Name of a built-in ruleset, or a TOML file.
        new: The same.
        files: More TOML files that they extend.
        json: Print JSON.
    """
    return _guarded(lambda console, known: run_diff(old, new, files, console=console, known=known, as_json=json))


@app.command
def regions(*codes: str, json: _Json = False) -> int:
    """List the regions, what differs in each, and the law or study that each entry rests on.

    Args:
        codes: Codes of regions; all of them when left out.
        json: Print JSON.
    """
    return _guarded(lambda console, _: run_regions(codes, console=console, as_json=json))


class Unusable(Exception):
    """The command line names something that is not there."""


def _guarded(command: _Command) -> int:
    console = Console()
    try:
        return command(console, known_infos())
    except Unusable as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        return USAGE
    except LeewardError as error:
        Console(stderr=True).print(error.diagnostics(), style="red", markup=False)
        return PROBLEMS


def run_check(files: Sequence[Path], *, console: Console, known: _Known, as_json: bool = False) -> int:
    """Print what is wrong with `files`, or which rulesets they hold; return the exit status."""
    if not files:
        raise Unusable("name at least one file, e.g. leeward ruleset check acme.toml")
    loaded = load_all(_sources(files), known=known, builtin=("mistral-v1",))
    problems = loaded.problems if isinstance(loaded, Refused) else ()
    sound = {} if isinstance(loaded, Refused) else {n: r for n, r in loaded.items() if n not in BUILTIN}
    if as_json:
        rulesets = [{"name": r.ruleset.name, "digest": r.ruleset.digest} for r in sound.values()]
        _print_json(console, {"ok": not problems, "problems": list(problems), "rulesets": rulesets})
    else:
        _print_problems(console, problems)
        for one in sound.values():
            console.print(f"ok: {one.ruleset.name} {one.ruleset.version}, {len(one.ruleset.rules)} rules", markup=False)
            console.print(f"    {one.ruleset.digest}", markup=False, soft_wrap=True)
    return PROBLEMS if problems else OK


def run_show(ruleset: str, files: Sequence[Path], *, console: Console, known: _Known, as_json: bool = False) -> int:
    """Print one ruleset; return the exit status."""
    found = _find([ruleset], files, known)
    if isinstance(found, Refused):
        return _refused(console, found, as_json=as_json)
    one = found[0].ruleset
    if as_json:
        head = {"name": one.name, "version": one.version, "digest": one.digest}
        _print_json(console, {**head, "relaxed": dict(found[0].relaxed), "rules": [_rule(rule) for rule in one.rules]})
    else:
        console.print(_table(one))
        for rule, reason in found[0].relaxed.items():
            console.print(f"{rule} is relaxed: {reason}", style="yellow", markup=False, soft_wrap=True)
        console.print(one.digest, markup=False, soft_wrap=True)
    return OK


def run_diff(
    old: str, new: str, files: Sequence[Path], *, console: Console, known: _Known, as_json: bool = False
) -> int:
    """Print what differs between two rulesets; return the exit status, 0 also when something differs."""
    found = _find([old, new], files, known)
    if isinstance(found, Refused):
        return _refused(console, found, as_json=as_json)
    before, after = found[0].ruleset, found[1].ruleset
    changes = compare(before, after)
    if as_json:
        _print_json(console, {"old": before.digest, "new": after.digest, "changes": list(changes)})
    else:
        console.print(f"{before.label} → {after.label}", markup=False)
        _print_changes(console, changes)
    return OK


def run_regions(codes: Sequence[str], *, console: Console, as_json: bool = False) -> int:
    """Print what differs in the regions called `codes`, or in all; return the exit status."""
    for code in codes:
        if code not in known_regions():
            raise Unusable(unknown_region(code))
    rows = [row for row in region_rows() if not codes or row.region in codes]
    if as_json:
        _print_json(console, rows)
        return OK
    table = Table("Entry", "What", "Enforced", "Source", box=None, pad_edge=False)
    for row in rows:
        table.add_row(f"{row.region}.{row.entry}", row.title, "yes" if row.enforce else "when named", row.source)
    console.print(table)
    return OK


def _sources(files: Iterable[Path]) -> list[Source]:
    sources = []
    for file in files:
        try:
            sources.append(Source(name=str(file), text=file.read_text(encoding="utf-8")))
        except FileNotFoundError as error:
            raise Unusable(f"no file of this name, and {unknown('ruleset', str(file), BUILTIN)}") from error
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise Unusable(f"{file}: {reason}") from error
    return sources


def _find(names: Sequence[str], files: Sequence[Path], known: _Known) -> list[LoadedRuleset] | Refused:
    """Return the rulesets called `names`, each a built-in name or a file."""
    paths = [Path(n) for n in names if n not in BUILTIN]
    sources = _sources(dict.fromkeys((*paths, *files)))
    loaded = load_all(sources, known=known, builtin=[n for n in names if n in BUILTIN])
    if isinstance(loaded, Refused):
        return loaded
    by_file = {s.name: name for s in sources if (name := Reader(s).tables().get("name"))}
    return [loaded[str(by_file.get(n, n))] for n in (x if x in BUILTIN else str(Path(x)) for x in names)]


def _refused(console: Console, refused: Refused, *, as_json: bool) -> int:
    if as_json:
        _print_json(console, {"ok": False, "problems": list(refused.problems)})
    else:
        _print_problems(console, refused.problems)
    return PROBLEMS


def _print_json(console: Console, value: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _rule(rule: Rule) -> dict[str, object]:
    """Return `rule` in the words of a ruleset file."""
    conditions = [
        {
            "detector": c.detector,
            "hazards": c.hazards,
            "threshold": c.threshold,
            "thresholds": dict(c.thresholds),
            "stages": sorted(c.stages or rule.stages),
            "counts": c.counts,
            "dry_run": rule.dry_run or c.dry_run,
        }
        for c in rule.conditions
    ]
    return {
        **{key: getattr(rule, key) for key in ("id", "name", "trigger", "action", "clause", "pack")},
        "stages": sorted(rule.stages),
        "conditions": conditions,
        "disposition": rule.disposition.word,
        "duties": sorted(rule.duties),
        "level": rule.level,
        "level_on_repeat": rule.level_on_repeat,
        "on_failure": rule.on_failure.word,
        "release": rule.release.value,
        "dry_run": rule.dry_run,
    }


def _print_problems(console: Console, problems: Sequence[Problem]) -> None:
    for problem in problems:
        console.print(str(problem), style="red", markup=False, highlight=False, soft_wrap=True)
    if problems:
        console.print(f"{len(problems)} problem{'s' if len(problems) != 1 else ''}; nothing was changed", markup=False)


def _print_changes(console: Console, changes: Sequence[Change]) -> None:
    if not changes:
        console.print("No difference in what they decide.")
    for change in changes:
        style = _COLOURS.get(change.effect, "dim")
        console.print(str(change), style=style, markup=False, highlight=False, soft_wrap=True)


def _table(ruleset: Ruleset) -> Table:
    table = Table(title=f"{ruleset.name} {ruleset.version}", title_justify="left", show_lines=True)
    for column in ("Rule", "Fires when", "Action", "Level", "On failure"):
        table.add_column(column, overflow="fold")
    for rule in ruleset.rules:
        table.add_row(*_cells(rule))
    return table


def _cells(rule: Rule) -> tuple[str, ...]:
    level = str(rule.level) if rule.level == rule.level_on_repeat else f"{rule.level}, {rule.level_on_repeat} on repeat"
    disposition = f"{rule.disposition.word} (dry run)" if rule.dry_run else rule.disposition.word
    return (
        f"{rule.id}\n{rule.name}\nin {', '.join(sorted(rule.stages))}",
        "\n".join(_condition(c) for c in rule.conditions),
        f"{disposition}\n{', '.join(sorted(rule.duties))}",
        level,
        rule.on_failure.word,
    )


def _condition(condition: Condition) -> str:
    languages = "".join(f", {tag} {least:g}" for tag, least in sorted(condition.thresholds.items()))
    marks = [", ".join(sorted(condition.stages))] if condition.stages else []
    marks += ["does not count"] if not condition.counts else []
    marks += ["dry run"] if condition.dry_run else []
    suffix = f" ({'; '.join(marks)})" if marks else ""
    return f"{condition.detector}: {', '.join(condition.hazards)} ≥ {condition.threshold:g}{languages}{suffix}"
