"""The steps of an entry: pure functions from an entry to the next one and the history that this adds.

```
            faults found            deadline passed
   CLEAR ────────────────► NOTICED ────────────────► RESTRICTED
     ▲                      │   ▲                      │    │
     │ remedied             │   └───── extended ───────┘    │
     ├──────────────────────┴───────────────────────────────┤ remedied
     │                                                      │ lifted by a person
     └──────────────────────────── LIFTED ◄─────────────────┘ (a notice too)
```

Any state but CLOSED can be closed by a person, and LIFTED and CLOSED can be reopened. What a person accepted stays
accepted until something else is found wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from leeward.errors import TransitionError
from leeward.licences.derivatives.entry import Entry, Event, Facts, Fault, Kind, Problem, State, Step
from leeward.licences.derivatives.sighting import Sighting
from leeward.licences.registry import tidy

DEADLINE = "deadline"  # who restricts: nobody but time
_UNDECLARED = frozenset({"base-undeclared", "undeclared-derivative"})


@dataclass(frozen=True, slots=True)
class Stamp:
    """Who did something, and when.

    Attributes:
        notice_seconds: Time that a notice gives, if this brings one.
    """

    at: float
    who: str
    notice_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Change:
    """An entry after a step, and what to add to its history; nothing when nothing happened."""

    entry: Entry
    events: tuple[Event, ...] = ()

    def then(self, stamp: Stamp, step: Step, why: str, entry: Entry | None = None) -> Change:
        """Return this change with one more step, which leaves `entry`; the same one when none is given."""
        entry = entry or self.entry
        event = Event(at=stamp.at, who=stamp.who, step=step, why=why, state=entry.state, due_at=entry.due_at)
        return Change(entry, (*self.events, event))


def record(entry_id: str, seen: Sighting, stamp: Stamp) -> Change:
    """Return the entry of a derivative that a scan found for the first time."""
    entry = Entry(
        id=entry_id,
        place=seen.place,
        facts=seen.facts,
        recorded_at=stamp.at,
        first_seen=stamp.at,
        last_seen=stamp.at,
    )
    return _judge(Change(entry).then(stamp, Step.RECORDED, _made(seen.facts)), stamp)


def see(entry: Entry, seen: Sighting, stamp: Stamp) -> Change:
    """Return an entry after a scan saw its model again."""
    facts = replace(seen.facts, problems=_standing(entry, seen))
    kept = entry.facts
    if not facts.bases and (lost := _lost(entry, seen)):
        facts = replace(facts, kind=kept.kind, bases=lost, licence=kept.licence, lineage=kept.lineage)
    elif _is_out_of_sight(entry, seen):
        facts = replace(facts, licence=kept.licence)
    after = replace(
        entry,
        place=seen.place,
        facts=facts,
        first_seen=stamp.at if entry.first_seen is None else entry.first_seen,
        last_seen=stamp.at,
    )
    change = Change(after)
    if why := _difference(entry.facts, facts):
        change = change.then(stamp, Step.CHANGED, why)
    return _judge(change, stamp)


def declare_new(entry_id: str, place: str, facts: Facts, served_as: tuple[str, ...], why: str, stamp: Stamp) -> Change:
    """Return the entry of a derivative that a person declares before any scan saw it."""
    return declare(Entry(id=entry_id, place=place, facts=facts, recorded_at=stamp.at), facts, served_as, why, stamp)


def declare(entry: Entry, facts: Facts, served_as: tuple[str, ...], why: str, stamp: Stamp) -> Change:
    """Return an entry after a person declared what it was made from.

    Args:
        facts: Name, kind, bases and licence as the person gives them; what a scan found stays.
    """
    found = entry.facts
    merged = replace(
        found,
        kind=facts.kind,
        bases=tuple(dict.fromkeys([*facts.bases, *found.bases])),
        licence=found.licence or facts.licence,
        declared_licence=found.declared_licence or facts.declared_licence,
        lineage=tuple(dict.fromkeys([*found.lineage, *facts.lineage])),
    )
    declared = tuple(dict.fromkeys([*entry.declared_bases, *facts.bases]))
    names = tuple(dict.fromkeys([*entry.served_as, *served_as]))
    after = replace(entry, declared_bases=declared, served_as=names)
    merged = replace(merged, problems=_unanswered(after, merged.problems))
    told = why or _made(facts)
    return _judge(Change(replace(after, facts=merged)).then(stamp, Step.DECLARED, told), stamp)


def restrict(entry: Entry, stamp: Stamp) -> Change:
    """Return an entry whose notice ran out; one whose deadline lies ahead stays as it is."""
    if entry.state is not State.NOTICED or entry.due_at is None or entry.due_at > stamp.at:
        return Change(entry)
    why = "the deadline passed and these stand: " + _codes(entry.facts.faults)
    return Change(entry).then(stamp, Step.RESTRICTED, why, replace(entry, state=State.RESTRICTED))


def lift(entry: Entry, why: str, stamp: Stamp) -> Change:
    """Return an entry whose notice or restriction a person took back.

    Raises:
        TransitionError: If there is none, or no reason is given.
    """
    _check(entry, "lift", why, State.NOTICED, State.RESTRICTED)
    return Change(entry).then(stamp, Step.LIFTED, why, _put_aside(entry, State.LIFTED))


def extend(entry: Entry, why: str, stamp: Stamp) -> Change:
    """Return an entry with a new deadline, counted from now; a restriction is a notice again until then.

    Raises:
        TransitionError: If no notice is out, or no reason is given.
    """
    _check(entry, "extend", why, State.NOTICED, State.RESTRICTED)
    due = stamp.at + stamp.notice_seconds
    return Change(entry).then(stamp, Step.EXTENDED, why, replace(entry, state=State.NOTICED, due_at=due))


def close(entry: Entry, why: str, stamp: Stamp) -> Change:
    """Return an entry that a person put away.

    Raises:
        TransitionError: If it is closed, or no reason is given.
    """
    _check(entry, "close", why, *(state for state in State if state is not State.CLOSED))
    return Change(entry).then(stamp, Step.CLOSED, why, _put_aside(entry, State.CLOSED))


def reopen(entry: Entry, why: str, stamp: Stamp) -> Change:
    """Return an entry that counts again; if something is wrong with it, under a new notice.

    Raises:
        TransitionError: If it was neither lifted nor closed, or no reason is given.
    """
    _check(entry, "reopen", why, State.LIFTED, State.CLOSED)
    opened = replace(entry, state=State.CLEAR, excused=())
    return _judge(Change(entry).then(stamp, Step.REOPENED, why, opened), stamp)


def _put_aside(entry: Entry, state: State) -> Entry:
    return replace(entry, state=state, due_at=None, excused=_keys(entry.facts))


def _check(entry: Entry, step: str, why: str, *states: State) -> None:
    if not why.strip():
        raise TransitionError(f"a reason is missing: {step} changes what others may do", remedy='Give one: --why "…"')
    if entry.state not in states:
        raise TransitionError(
            f"entry {entry.id} is {entry.state}, and {step} is for those that are {' or '.join(states)}",
            remedy=f"Look at it: leeward licence registry show {entry.id}",
        )


def _judge(change: Change, stamp: Stamp) -> Change:
    """Return the change with what follows from what is wrong now."""
    entry = change.entry
    faults = entry.facts.faults
    if not faults:
        if entry.state in (State.CLEAR, State.CLOSED):
            return change
        cleared = replace(entry, state=State.CLEAR, due_at=None, excused=())
        return change.then(stamp, Step.REMEDIED, "nothing is wrong any more", cleared)
    if entry.state in (State.NOTICED, State.RESTRICTED):
        return change
    if entry.state in (State.LIFTED, State.CLOSED) and set(_keys(entry.facts)) <= set(entry.excused):
        return change
    noticed = replace(entry, state=State.NOTICED, due_at=stamp.at + stamp.notice_seconds, excused=())
    return change.then(stamp, Step.NOTICED, _codes(faults), noticed)


def _standing(entry: Entry, seen: Sighting) -> tuple[Problem, ...]:
    """Return what is wrong now: what the scan found, and what it could not have found to be put right."""
    problems = {problem.key: problem for problem in seen.facts.problems}
    for old in entry.facts.problems:
        if old.code == "undeclared-derivative" and not seen.settles(old.about):
            problems.setdefault(old.key, old)
    if _is_out_of_sight(entry, seen):
        problems |= {old.key: old for old in entry.facts.problems if old.licence and old.fault is not Fault.UNDECLARED}
    told = {problem.about for problem in problems.values() if problem.code == "undeclared-derivative"}
    if not seen.facts.bases and (lost := tuple(base for base in _lost(entry, seen) if base not in told)):
        problems.setdefault(f"base-undeclared {lost[0]}", _taken_back(lost))
    return _unanswered(entry, tuple(problems.values()))


def _is_out_of_sight(entry: Entry, seen: Sighting) -> bool:
    """Whether a scan did not see the licence of an origin that an earlier one saw: so it cannot tell what that asks."""
    unknown = {problem.about for problem in seen.facts.problems if problem.code == "base-unknown"}
    was = entry.facts
    return bool(was.licence) and seen.facts.licence != was.licence and not unknown.isdisjoint(was.bases)


def _lost(entry: Entry, seen: Sighting) -> tuple[str, ...]:
    """Return the origins known from earlier of which a scan tells nothing any more."""
    return tuple(base for base in entry.facts.bases if not seen.settles(base))


def _taken_back(bases: tuple[str, ...]) -> Problem:
    return Problem(
        code="base-undeclared",
        message=f"an earlier scan found that it comes from {', '.join(bases)}, and now no file says so",
        remedy=f"Write `base_model: {bases[0]}` at the head of README.md",
        about=bases[0],
    )


def _unanswered(entry: Entry, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
    """Return the problems without those that a person's declaration answers."""
    declared = {tidy(base) for base in entry.declared_bases}
    return tuple(p for p in problems if not (p.code in _UNDECLARED and p.about and tidy(p.about) in declared))


def _made(facts: Facts) -> str:
    way = "made from" if facts.kind is Kind.UNTOLD else f"{facts.kind} of"
    return f"{way} {', '.join(facts.bases) or 'an origin that no file names'}"


def _keys(facts: Facts) -> tuple[str, ...]:
    return tuple(problem.key for problem in facts.faults)


def _codes(problems: tuple[Problem, ...]) -> str:
    return ", ".join(dict.fromkeys(problem.code for problem in problems))


def _difference(before: Facts, after: Facts) -> str:
    """Return what differs, in words; empty when nothing that matters does."""
    old, new = {p.key for p in before.problems}, {p.key for p in after.problems}
    told = [f"{word}: {', '.join(sorted(keys))}" for word, keys in (("found", new - old), ("gone", old - new)) if keys]
    told += [
        f"{word}: {was or 'none'} is now {now or 'none'}"
        for word in ("name", "kind", "licence", "path")
        if (was := getattr(before, word)) != (now := getattr(after, word))
    ]
    if set(before.bases) != set(after.bases):
        told.append(f"made from: {', '.join(after.bases) or 'none'}")
    return "; ".join(told)
