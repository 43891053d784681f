"""`leeward licence registry list|show|declare|extend|lift|close|reopen`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal

from cyclopts import App, Parameter
from rich.console import Console

from leeward.cli.recording import Line, Opened, minute, print_json, registry_of
from leeward.errors import SettingsError
from leeward.licences.derivatives import steps
from leeward.licences.derivatives.entry import Entry, Event, Facts, Fault, Kind, Link, State, Step, Wanted
from leeward.licences.derivatives.sighting import DECLARATION
from leeward.licences.derivatives.steps import Change, Stamp
from leeward.licences.registry import builtin_registry

app = App(name="registry", help="Read and edit the registry of derivatives.")

_Config = Annotated[Path | None, Parameter(name=["--config", "-c"])]
_Json = Annotated[bool, Parameter(name="--json", negative=())]
_Flag = Annotated[bool, Parameter(negative=())]
_Names = Annotated[tuple[str, ...], Parameter(negative=())]
_Step = Callable[[Entry, str, Stamp], Change]
# As `Kind` and `Fault` write them, without what only a scan can say.
_KindWord = Literal["fine-tune", "merge", "quantisation", "adapter"]
_StateWord = Literal["clear", "noticed", "restricted", "lifted", "closed"]
_FaultWord = Literal["missing-notice", "wrong-name", "incompatible-licence", "undeclared-derivative", "unclear"]
_COLOURS: Final = {State.CLEAR: "green", State.NOTICED: "yellow", State.RESTRICTED: "red"}


@app.command(name="list")
def list_(
    *,
    state: _StateWord | None = None,
    kind: _KindWord | Literal["untold"] | None = None,
    fault: _FaultWord | None = None,
    text: str = "",
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    config: _Config = None,
    json: _Json = False,
) -> None:
    """List derivatives, newest first.

    Args:
        state: Only those that stand here.
        kind: Only those that were made so.
        fault: Only those with such a finding.
        text: Only those with this in name, origin or path.
        all_: Closed ones too.
        config: Settings file; its `[store]` says where the registry is kept.
        json: Print JSON.
    """
    wanted = Wanted(
        state=State(state) if state else None,
        kind=Kind(kind) if kind else None,
        fault=Fault(fault) if fault else None,
        text=text,
        with_closed=all_,
    )
    with registry_of(config) as registry:
        entries = registry.derivatives.list(wanted)
    console = Console()
    if json:
        print_json(console, [Line.of(entry) for entry in entries])
        return
    for entry in entries:
        _print_line(console, entry)
    if not entries:
        console.print("No entries. `leeward licence scan PATH --record` makes some.", highlight=False)


@app.command
def show(entry: str, *, config: _Config = None, json: _Json = False) -> None:
    """Show one derivative with its lineage, what is wrong with it, and its history.

    Args:
        entry: Id of the entry, or the model's name.
        config: Settings file; its `[store]` says where the registry is kept.
        json: Print JSON.
    """
    with registry_of(config) as registry:
        found = registry.find(entry)
        history = registry.derivatives.history(found.id)
    console = Console()
    if json:
        print_json(console, {"entry": Line.of(found), "lineage": found.facts.lineage, "history": history})
    else:
        _print(console, found, history)


@app.command
def declare(
    name: str,
    *,
    base: _Names,
    kind: _KindWord = "fine-tune",
    licence: str = "",
    served_as: _Names = (),
    why: str = "",
    by: str = "",
    config: _Config = None,
) -> None:
    """Declare what a model was made from; this answers findings that no file says so.

    Args:
        name: Name of the model.
        base: A model that it was made from; may be given several times.
        kind: How it was made.
        licence: Id of the licence that binds it; that of the strictest base when nothing is said.
        served_as: A further name under which servers offer it; may be given several times.
        why: Reason, for the history.
        by: Who declares it; the user of this machine when nothing is said.
        config: Settings file; its `[store]` says where the registry is kept.
    """
    with registry_of(config) as registry:
        facts = Facts(
            name=name,
            kind=Kind(kind),
            bases=base,
            licence=_licence(licence, base, registry),
            lineage=tuple(Link(child=name, parent=b, relation=kind, sources=(DECLARATION,)) for b in base),
        )
        entry = registry.derivatives.declare(facts, served_as, why, registry.stamp(by))
    _say(entry)


@app.command
def extend(entry: str, *, why: str, days: float | None = None, by: str = "", config: _Config = None) -> None:
    """Set a new deadline, counted from now; a restriction is a notice again until then.

    Args:
        entry: Id of the entry, or the model's name.
        why: Reason, for the history.
        days: Time to give; what the settings say when nothing is said.
        by: Who decides it; the user of this machine when nothing is said.
        config: Settings file; its `[store]` says where the registry is kept.
    """
    _do(steps.extend, entry, why, by, config, days)


@app.command
def lift(entry: str, *, why: str, by: str = "", config: _Config = None) -> None:
    """Take a notice or a restriction back although something is wrong; it comes again only for something new.

    Args:
        entry: Id of the entry, or the model's name.
        why: Reason, for the history.
        by: Who decides it; the user of this machine when nothing is said.
        config: Settings file; its `[store]` says where the registry is kept.
    """
    _do(steps.lift, entry, why, by, config)


@app.command
def close(entry: str, *, why: str, by: str = "", config: _Config = None) -> None:
    """Put an entry away, e.g. because the model was deleted; it comes back only for something new.

    Args:
        entry: Id of the entry, or the model's name.
        why: Reason, for the history.
        by: Who decides it; the user of this machine when nothing is said.
        config: Settings file; its `[store]` says where the registry is kept.
    """
    _do(steps.close, entry, why, by, config)


@app.command
def reopen(entry: str, *, why: str, days: float | None = None, by: str = "", config: _Config = None) -> None:
    """Take up an entry that was lifted or closed; if something is wrong with it, under a new notice.

    Args:
        entry: Id of the entry, or the model's name.
        why: Reason, for the history.
        days: Time that the notice gives; what the settings say when nothing is said, and 0 gives none.
        by: Who decides it; the user of this machine when nothing is said.
        config: Settings file; its `[store]` says where the registry is kept.
    """
    _do(steps.reopen, entry, why, by, config, days)


def _do(step: _Step, word: str, why: str, by: str, config: Path | None, days: float | None = None) -> None:
    if days is not None and not 0.0 <= days <= 3_650.0:
        raise SettingsError(f"--days {days} makes no sense", remedy="Give a number from 0 to 3650.")
    with registry_of(config) as registry:
        found, stamp = registry.find(word), registry.stamp(by, days)
        entry = registry.derivatives.change(found.id, lambda now: step(now, why, stamp))
    _say(entry)


def _licence(told: str, bases: tuple[str, ...], registry: Opened) -> str:
    """Return the licence that binds: the one that is told, else the strictest that comes with a base."""
    licences = builtin_registry().licences
    if told and told not in licences:
        raise SettingsError(f"no licence is called {told!r}", remedy="`leeward licence list` shows the ids of all.")
    entries = [registry.derivatives.find(i) for i in registry.derivatives.ids_of(bases).values()]
    inherited = [licences.get(entry.facts.licence) for entry in entries if entry is not None]
    named = [match.licence for base in bases if (match := builtin_registry().resolve(base))]
    known = [licence for licence in (*inherited, *named) if licence is not None]
    strictest = max(known, key=lambda licence: licence.strictness, default=None)
    return told or (strictest.id if strictest else "")


def _say(entry: Entry) -> None:
    due = f" until {minute(entry.due_at)} UTC" if entry.state is State.NOTICED else ""
    told = f"Entry {entry.id} ({entry.facts.name}) is {entry.state}{due}."
    Console().print(told, markup=False, highlight=False, soft_wrap=True)


def _print_line(console: Console, entry: Entry) -> None:
    facts = entry.facts
    due = f", deadline {minute(entry.due_at)} UTC" if entry.due_at is not None else ""
    faults = ", ".join(dict.fromkeys(problem.fault.value for problem in facts.problems)) or "nothing wrong"
    way = "made from" if facts.kind is Kind.UNTOLD else f"{facts.kind} of"
    told = f"  {way} {', '.join(facts.bases) or 'an origin not told'}, under {facts.licence or 'an unknown licence'}"
    console.print(f"{entry.id} {facts.name}: ", end="", markup=False, highlight=False, soft_wrap=True)
    console.print(f"{entry.state}{due}", style=_COLOURS.get(entry.state, ""), markup=False, highlight=False)
    console.print(f"{told}: {faults}", markup=False, highlight=False, soft_wrap=True)


def _print(console: Console, entry: Entry, history: Sequence[Event]) -> None:
    for line in (*_facts(entry), *_lineage(entry), *_problems(entry), *_history(history)):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    if entry.facts.problems:
        console.print(f"The notice in words: leeward licence notices {entry.id}", markup=False, highlight=False)


def _facts(entry: Entry) -> Iterable[str]:
    facts = entry.facts
    due = f", deadline {minute(entry.due_at)} UTC" if entry.due_at is not None else ""
    yield f"{facts.name}: {entry.state}{due}"
    yield f"  entry        {entry.id}"
    yield f"  made from    {', '.join(facts.bases) or 'not told'} ({facts.kind})"
    yield f"  falls under  {facts.licence or 'not known'}; its files say {facts.declared_licence or 'nothing'}"
    yield f"  lies at      {facts.path or 'not seen by any scan'}{f' on {facts.where}' if facts.where else ''}"
    if entry.served_as:
        yield f"  served as    {', '.join(entry.served_as)}"
    yield f"  seen         first {minute(entry.first_seen) or 'never'}, last {minute(entry.last_seen) or 'never'}"


def _lineage(entry: Entry) -> Iterable[str]:
    if entry.facts.lineage:
        yield "Where it comes from:"
    for link in entry.facts.lineage:
        score = f", likeness {link.score:.2f} ({link.verdict})" if link.score is not None else ""
        how = "made from" if link.relation == Kind.UNTOLD else f"{link.relation} of"
        yield f"  {link.child}: {how} {link.parent} [{', '.join(link.sources)}{score}]"


def _problems(entry: Entry) -> Iterable[str]:
    yield "What is wrong:" if entry.facts.problems else "Nothing is known to be wrong."
    for problem in entry.facts.problems:
        yield f"  {problem.code} ({problem.fault}): {problem.message}"
        yield f"    {problem.remedy}."


def _history(history: Sequence[Event]) -> Iterable[str]:
    yield "History (UTC):"
    for event in history:
        due = f" until {minute(event.due_at)}" if event.step in (Step.NOTICED, Step.EXTENDED) else ""
        yield f"  {minute(event.at)}  {event.step} by {event.who}, then {event.state}{due}: {event.why}"
