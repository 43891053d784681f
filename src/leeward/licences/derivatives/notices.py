"""What a notice says: what is wrong with a model, what to do, and by when; in English and French."""

from __future__ import annotations

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias, assert_never

import msgspec

from leeward.licences.derivatives.entry import Entry, Facts, Fault, Kind, Problem, State
from leeward.licences.registry import Licence, Registry

Language: TypeAlias = Literal["en", "fr"]
LANGUAGES: Final[tuple[Language, ...]] = ("en", "fr")


class _Words(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    months: tuple[str, ...]
    date: str
    title: str
    entry: str
    found: str
    declared: str
    origin: str
    origin_untold: str
    binds: str
    unbound: str
    wrong: str
    clarify: str
    nothing: str
    by: str
    since: str
    after: str
    lifted: str
    closed: str
    objection: str
    law: str
    kinds: dict[Kind, str]
    problems: dict[str, tuple[str, str]]
    parts: dict[str, str]


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to put right: what is wrong, and what to do."""

    wrong: str
    remedy: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A notice, ready to be sent or shown.

    Attributes:
        opening: Sentences on what the model is and where it comes from.
        heading: What stands above `items`.
        unclear: What a person must look at; brings no consequence of its own.
        consequence: Sentences on what happens when.
        command: How to have the model scanned again; empty when nothing has to be done.
        closing: Sentences for the end.
    """

    language: Language
    title: str
    entry: str
    opening: tuple[str, ...]
    heading: str
    items: tuple[Item, ...]
    unclear_heading: str
    unclear: tuple[Item, ...]
    consequence: tuple[str, ...]
    command: str
    closing: tuple[str, ...]

    def text(self) -> str:
        """Return the notice as plain text."""
        blocks = [f"{self.title}\n{self.entry}", "\n".join(self.opening)]
        for heading, items in ((self.heading, self.items), (self.unclear_heading, self.unclear)):
            if items:
                blocks += [heading, "\n".join(f"{n}. {i.wrong}\n   {i.remedy}" for n, i in enumerate(items, 1))]
        first, *rest = self.consequence
        blocks += [f"{first}\n\n    {self.command}" if self.command else first, *rest, "\n".join(self.closing)]
        return "\n\n".join(blocks) + "\n"


def write(entry: Entry, registry: Registry, language: Language = "en") -> Notice:
    """Return the notice about an entry as it stands now.

    Args:
        registry: Tells names, texts and prescribed notices of licences.
    """
    words = _words()[language]
    facts = entry.facts
    first, *rest = _consequence(words, entry)
    is_open = entry.state in (State.NOTICED, State.RESTRICTED)
    unclear = [problem for problem in facts.problems if problem.fault is Fault.UNCLEAR]
    return Notice(
        language=language,
        title=words.title.format(name=facts.name),
        entry=words.entry.format(entry=entry.id),
        opening=_opening(words, entry, registry),
        heading=words.wrong,
        items=tuple(_item(words, facts, problem, registry) for problem in facts.faults),
        unclear_heading=words.clarify,
        unclear=tuple(_item(words, facts, problem, registry) for problem in unclear),
        consequence=(first, *rest),
        command=_command(facts) if is_open and facts.path else "",
        closing=(words.objection, words.law) if is_open else (words.law,),
    )


def _opening(words: _Words, entry: Entry, registry: Registry) -> tuple[str, ...]:
    facts = entry.facts
    seen = _date(words, entry.recorded_at if entry.last_seen is None else entry.last_seen)
    place = f"{facts.path} ({facts.where})" if facts.where else facts.path
    told = [words.found.format(path=place, seen=seen) if facts.path else words.declared.format(seen=seen)]
    kind = words.kinds[facts.kind]
    told.append(words.origin.format(bases=", ".join(facts.bases), kind=kind) if facts.bases else words.origin_untold)
    licence = registry.licences.get(facts.licence)
    named = f"{licence.name} ({licence.id})" if licence and licence.name != licence.id else facts.licence
    told.append(words.binds.format(licence=named, url=licence.url) if licence else words.unbound)
    return tuple(told)


def _consequence(words: _Words, entry: Entry) -> tuple[str, ...]:
    due = _date(words, entry.due_at or 0.0)
    match entry.state:
        case State.CLEAR:
            return (words.nothing,)
        case State.NOTICED:
            return (words.by.format(due=due), words.after)
        case State.RESTRICTED:
            return (words.since.format(due=due),)
        case State.LIFTED:
            return (words.lifted,)
        case State.CLOSED:
            return (words.closed,)
        case never:
            assert_never(never)


def _item(words: _Words, facts: Facts, problem: Problem, registry: Registry) -> Item:
    licence = registry.licences.get(problem.licence) or registry.licences.get(facts.licence)
    parts = {
        "name": facts.name,
        "licence": _named(licence, problem.licence),
        "url": licence.url if licence else "",
        "words": licence.notice_text if licence else "",
        "about": problem.about,
        "of_about": words.parts["of_about"].format(about=problem.about) if problem.about else "",
        "origin": problem.about or words.parts["no_origin"],
    }
    wrong, remedy = words.problems[problem.code]
    return Item(wrong.format_map(parts), remedy.format_map(parts))


def _named(licence: Licence | None, licence_id: str) -> str:
    return licence.id if licence else licence_id


def _command(facts: Facts) -> str:
    where = f" --where {shlex.quote(facts.where)}" if facts.where else ""
    return f"leeward licence scan {shlex.quote(facts.path)} --record{where}"


def _date(words: _Words, seconds: float) -> str:
    at = datetime.fromtimestamp(seconds, UTC)
    return words.date.format(day=at.day, month=words.months[at.month - 1], year=at.year, hour=at.hour, minute=at.minute)


@cache
def _words() -> Mapping[str, _Words]:
    text = (files("leeward.licences.derivatives") / "notices.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), type=dict[str, _Words])
