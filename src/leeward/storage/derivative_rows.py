"""The registry of derivatives as rows."""

from __future__ import annotations

import msgspec
import sqlalchemy as sa

from leeward.errors import StorageError
from leeward.licences.derivatives.entry import Entry, Event, Facts, State, Step, filed


def entry_row(entry: Entry) -> dict[str, object]:
    """Return the row that keeps an entry."""
    facts = entry.facts
    faults = dict.fromkeys(problem.fault.value for problem in facts.problems)
    return {
        "id": entry.id,
        "place": entry.place,
        "name": filed(facts.name),
        "kind": facts.kind.value,
        "state": entry.state.value,
        "due_at": entry.due_at,
        "faults": f" {' '.join(faults)} ",
        "searched": "\n".join([facts.name, facts.path, facts.where, *facts.bases, *entry.served_as, entry.id]).lower(),
        "facts": _json(facts),
        "declared_bases": _json(entry.declared_bases),
        "served_as": _json(entry.served_as),
        "excused": _json(entry.excused),
        "recorded_at": entry.recorded_at,
        "first_seen": entry.first_seen,
        "last_seen": entry.last_seen,
    }


def entry_of(row: sa.RowMapping) -> Entry:
    """Return the entry that a row keeps.

    Raises:
        StorageError: If another version wrote it, or if it is damaged.
    """
    try:
        facts = msgspec.json.decode(row["facts"], type=Facts)
    except msgspec.MsgspecError as error:
        raise StorageError(
            f"Entry {row['id']} of the registry of derivatives cannot be read.",
            meaning="What it restricts is not known; restrictions known before stand.",
            remedy="Restore the database from a backup, or use the version of leeward that wrote it.",
        ) from error
    return Entry(
        id=row["id"],
        place=row["place"],
        facts=facts,
        state=State(row["state"]),
        due_at=row["due_at"],
        declared_bases=_words(row["declared_bases"]),
        served_as=_words(row["served_as"]),
        excused=_words(row["excused"]),
        recorded_at=row["recorded_at"],
        first_seen=row["first_seen"],
        last_seen=row["last_seen"],
    )


def event_row(entry_id: str, number: int, event: Event) -> dict[str, object]:
    """Return the row that keeps a step of an entry's history."""
    return {
        "entry": entry_id,
        "number": number,
        "at": event.at,
        "who": event.who,
        "step": event.step.value,
        "why": event.why,
        "state": event.state.value,
        "due_at": event.due_at,
    }


def event_of(row: sa.RowMapping) -> Event:
    """Return the step that a row keeps."""
    return Event(
        at=row["at"],
        who=row["who"],
        step=Step(row["step"]),
        why=row["why"],
        state=State(row["state"]),
        due_at=row["due_at"],
    )


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()


def _words(document: str) -> tuple[str, ...]:
    return msgspec.json.decode(document, type=tuple[str, ...])
