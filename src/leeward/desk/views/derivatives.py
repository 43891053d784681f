"""The registry of derivatives: its list and the page of one entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, TypeVar
from urllib.parse import urlencode

from leeward.desk.ports import Derivatives
from leeward.desk.views.lineage import Drawing, draw
from leeward.licences.derivatives.entry import Entry, Event, Fault, Kind, Link, Problem, State, Wanted, filed
from leeward.licences.derivatives.notices import LANGUAGES, Notice, write
from leeward.licences.registry import builtin_registry

ROWS: Final = 50
_LONGEST_FILTER: Final = 200
_DAY_SECONDS: Final = 86_400.0
_LANGUAGE_NAMES: Final = {"en": "English", "fr": "Français"}
_Word = TypeVar("_Word")


def wanted_by(query: Mapping[str, str]) -> Wanted:
    """Return what a query string asks for; words that mean nothing are as if they were not there."""
    return Wanted(
        state=_known(State, query.get("state", "")),
        kind=_known(Kind, query.get("kind", "")),
        fault=_known(Fault, query.get("fault", "")),
        text=query.get("text", "")[:_LONGEST_FILTER].strip(),
        with_closed=query.get("closed", "") == "too",
        before=query.get("before", "")[:_LONGEST_FILTER],
    )


def query_of(wanted: Wanted, **changed: str) -> str:
    """Return the query string that asks for this, with some words changed."""
    words = {
        "state": wanted.state.value if wanted.state else "",
        "kind": wanted.kind.value if wanted.kind else "",
        "fault": wanted.fault.value if wanted.fault else "",
        "text": wanted.text,
        "closed": "too" if wanted.with_closed else "",
        "before": wanted.before,
        **changed,
    }
    kept = {key: word for key, word in words.items() if word}
    return f"?{urlencode(kept)}" if kept else ""


def _known(parse: type[_Word], word: str) -> _Word | None:
    try:
        return parse(word) if word else None  # type: ignore[call-arg]
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One entry in the list.

    Attributes:
        due, left: The deadline and how far it is off; empty while none is set.
    """

    id: str
    name: str
    state: str
    kind: str
    bases: tuple[str, ...]
    licence: str
    faults: tuple[str, ...]
    due: str
    left: str
    seen: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How many entries stand where."""

    state: str
    count: int
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativeList:
    """The newest entries that are wanted.

    Attributes:
        is_filtered: Whether fewer than all that are open are wanted.
        older: Query string of the next page; empty when there is none.
    """

    template: ClassVar[str] = "derivatives/list.html"
    status: ClassVar[int] = 200

    wanted: Wanted
    rows: tuple[Row, ...]
    tallies: tuple[Tally, ...]
    is_filtered: bool
    older: str
    can_leave: bool
    states: tuple[str, ...] = tuple(State)
    kinds: tuple[str, ...] = tuple(Kind)
    faults: tuple[str, ...] = tuple(Fault)


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """One link of the lineage, as a row."""

    child: str
    parent: str
    how: str
    sources: str
    likeness: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryRow:
    """One step of an entry."""

    at: str
    clock: str
    who: str
    step: str
    why: str
    state: str
    due: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DerivativePage:
    """One entry.

    Attributes:
        facts: Names and values in the order in which they are shown.
        licence_url: Text of the licence; empty when it is not known.
        children: Ids and names of entries that were made from this one.
        commands: What a person can do now: words and a command line.
    """

    template: ClassVar[str] = "derivatives/show.html"
    status: ClassVar[int] = 200

    row: Row
    facts: tuple[tuple[str, str], ...]
    licence_url: str
    drawing: Drawing
    evidence: tuple[Evidence, ...]
    problems: tuple[Problem, ...]
    notices: tuple[tuple[str, Notice], ...]
    history: tuple[HistoryRow, ...]
    children: tuple[tuple[str, str], ...]
    commands: tuple[tuple[str, str], ...]
    can_leave: bool


def derivative_list(derivatives: Derivatives, wanted: Wanted, *, now: float, can_leave: bool = False) -> DerivativeList:
    """Return the newest entries that are wanted.

    Raises:
        StorageError: If they cannot be read.
    """
    found = derivatives.list(wanted, ROWS + 1)
    counts = derivatives.counts()
    tallies = (
        Tally(state, counts[state], query_of(wanted, state=state, before=""), wanted.state is state) for state in State
    )
    return DerivativeList(
        wanted=wanted,
        rows=tuple(_row(entry, now) for entry in found[:ROWS]),
        tallies=tuple(tallies),
        is_filtered=bool(query_of(wanted, before="", closed="")),
        older=query_of(wanted, before=found[ROWS - 1].id) if len(found) > ROWS else "",
        can_leave=can_leave,
    )


def derivative_page(
    derivatives: Derivatives, entry_id: str, *, now: float, can_leave: bool = False
) -> DerivativePage | None:
    """Return the page of one entry, or None when there is none.

    Raises:
        StorageError: If it cannot be read.
    """
    entry = derivatives.find(entry_id)
    if entry is None:
        return None
    facts, registry = entry.facts, builtin_registry()
    licence = registry.licences.get(facts.licence)
    ids = derivatives.ids_of({name for link in facts.lineage for name in (link.child, link.parent)})
    return DerivativePage(
        row=_row(entry, now),
        facts=_facts(entry),
        licence_url=licence.url if licence else "",
        drawing=draw(facts.name, facts.lineage, ids),
        evidence=tuple(_evidence(link) for link in facts.lineage),
        problems=facts.problems,
        notices=tuple((_LANGUAGE_NAMES[language], write(entry, registry, language)) for language in LANGUAGES),
        history=tuple(_history_row(event) for event in derivatives.history(entry_id)),
        children=_children(derivatives, entry),
        commands=_commands(entry),
        can_leave=can_leave,
    )


def _row(entry: Entry, now: float) -> Row:
    faults = dict.fromkeys(problem.fault.value.replace("-", " ") for problem in entry.facts.problems)
    return Row(
        id=entry.id,
        name=entry.facts.name,
        state=entry.state.value,
        kind=entry.facts.kind.value,
        bases=entry.facts.bases,
        licence=entry.facts.licence,
        faults=tuple(faults),
        due=_minute(entry.due_at),
        left=_left(entry.due_at, now),
        seen=_minute(entry.last_seen) or "never",
    )


def _left(due_at: float | None, now: float) -> str:
    """Return how far off a deadline is, in whole days."""
    if due_at is None:
        return ""
    days = int(abs(due_at - now) // _DAY_SECONDS)
    told = f"{days} day{'' if days == 1 else 's'}" if days else "less than a day"
    return f"in {told}" if due_at > now else f"{told} ago"


def _facts(entry: Entry) -> tuple[tuple[str, str], ...]:
    facts = entry.facts
    told = (
        ("Entry", entry.id),
        ("Made from", ", ".join(facts.bases) or "not told"),
        ("Kind", facts.kind.value),
        ("Falls under", facts.licence or "not known"),
        ("Its files say", facts.declared_licence or "nothing"),
        ("Where", facts.where),
        ("Path", facts.path or "not seen by any scan"),
        ("Declared to come from", ", ".join(entry.declared_bases)),
        ("Also served as", ", ".join(entry.served_as)),
        ("First seen (UTC)", _minute(entry.first_seen) or "never"),
        ("Last seen (UTC)", _minute(entry.last_seen) or "never"),
    )
    return tuple((name, value) for name, value in told if value)


def _evidence(link: Link) -> Evidence:
    likeness = f"{link.score:.2f}, {link.verdict}" if link.score is not None else "not compared"
    how = "not told" if link.relation == Kind.UNTOLD else link.relation
    return Evidence(child=link.child, parent=link.parent, how=how, sources=", ".join(link.sources), likeness=likeness)


def _history_row(event: Event) -> HistoryRow:
    return HistoryRow(
        at=datetime.fromtimestamp(event.at, UTC).isoformat(timespec="seconds"),
        clock=_minute(event.at),
        who=event.who,
        step=event.step.value,
        why=event.why,
        state=event.state.value,
        due=_minute(event.due_at),
    )


def _children(derivatives: Derivatives, entry: Entry) -> tuple[tuple[str, str], ...]:
    mine = filed(entry.facts.name)
    named = derivatives.list(Wanted(text=mine, with_closed=True), ROWS)
    return tuple((one.id, one.facts.name) for one in named if mine in {filed(base) for base in one.facts.bases})


def _commands(entry: Entry) -> tuple[tuple[str, str], ...]:
    start = "leeward licence registry"
    close = ("Put the entry away", f'{start} close {entry.id} --why "…"')
    match entry.state:
        case State.NOTICED | State.RESTRICTED:
            return (
                ("Give more time", f'{start} extend {entry.id} --days 14 --why "…"'),
                ("Accept what is wrong", f'{start} lift {entry.id} --why "…"'),
                close,
            )
        case State.LIFTED:
            return (("Take the acceptance back", f'{start} reopen {entry.id} --why "…"'), close)
        case State.CLOSED:
            return (("Take the entry up again", f'{start} reopen {entry.id} --why "…"'),)
        case State.CLEAR:
            return (close,)


def _minute(seconds: float | None) -> str:
    return "" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
