"""Domain values to rows and back; the last place where text of an exchange could slip into a record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TypeAlias

import msgspec
from sqlalchemy.engine import RowMapping

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Finding
from leeward.domain.ports import RecordLine
from leeward.domain.record import Closed, Opened, Outcome
from leeward.domain.verdict import CLEAR, Cause, Firing, Verdict
from leeward.domain.view import Span

Cell: TypeAlias = str | float | int | bool | bytes | None
Row: TypeAlias = tuple[Cell, ...]
_MAX_TEXT_CHARS = 512  # of one text column; names come from callers and can be of any length
_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Batch:
    """Rows that are written together, in the order of their table's columns."""

    opened: list[Row] = field(default_factory=list)
    closed: list[Row] = field(default_factory=list)
    evidence: list[Row] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.opened) + len(self.closed) + len(self.evidence)


class FiringDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """A firing without words: message, reasons and replacement of a finding may be near to the text."""

    rule: str
    name: str
    disposition: int
    level: int
    cause: Cause
    detector: str
    duties: tuple[Duty, ...] = ()
    counts: bool = True
    part: str = ""
    failure: str = ""
    dry_run: bool = False
    hazard: str = ""
    confidence: float = 0.0
    span: tuple[int, int] | None = None


def opened_row(record: Opened, worker: str) -> Row:
    """Return the row of `exchange_opened`."""
    return (
        record.id,
        record.at,
        plain(record.endpoint),
        plain(record.model),
        plain(record.tenant),
        plain(record.key),
        plain(record.end_user),
        plain(record.ruleset_name),
        plain(record.ruleset),
        record.is_stream,
        worker,
    )


def closed_row(record: Closed) -> Row:
    """Return the row of `exchange_closed`."""
    verdict = record.verdict
    return (
        record.id,
        record.at,
        record.outcome.value,
        int(verdict.disposition),
        _names(verdict.duties),
        _names(frozenset(verdict.rules)) if verdict.firings else "[]",
        _names(verdict.checked),
        _names(verdict.unchecked),
        plain(verdict.language),
        _encode(dict(verdict.scores)).decode() if verdict.scores else "{}",
        _encode([_firing_document(f) for f in verdict.firings]).decode() if verdict.firings else "[]",
        record.prompt_chars,
        record.reply_chars,
        record.released_chars,
        plain(record.commitment),
        plain(record.upstream),
        record.upstream_status,
        record.inspection_seconds,
        plain(record.error),
    )


def plain(text: str) -> str:
    """Return text that every database takes: no NUL, no lone surrogates, no more than 512 characters."""
    if len(text) > _MAX_TEXT_CHARS:
        text = text[:_MAX_TEXT_CHARS]
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


@lru_cache(maxsize=1024)
def _names(names: frozenset[str]) -> str:
    """Return a sorted JSON list; the same few sets come again and again."""
    return _encode(sorted(names)).decode()


def _firing_document(firing: Firing) -> FiringDocument:
    finding = firing.finding
    span = finding.span if finding else None
    return FiringDocument(
        rule=firing.rule,
        name=firing.name,
        disposition=int(firing.disposition),
        level=firing.level,
        cause=firing.cause,
        detector=firing.detector,
        duties=tuple(sorted(firing.duties)),
        counts=firing.counts,
        part=plain(firing.part),
        failure=plain(firing.failure),
        dry_run=firing.dry_run,
        hazard=finding.hazard if finding else "",
        confidence=finding.confidence if finding else 0.0,
        span=(span.start, span.stop) if span else None,
    )


def record_line(row: RowMapping) -> RecordLine:
    """Return the record of a joined row; see `leeward.storage.sql` for its labels."""
    opened = Opened(
        id=row["id"],
        at=row["at"],
        endpoint=row["endpoint"],
        model=row["model"],
        tenant=row["tenant"],
        key=row["key"],
        end_user=row["end_user"],
        ruleset_name=row["ruleset_name"],
        ruleset=row["ruleset"],
        is_stream=bool(row["is_stream"]),
    )
    if row["closed_outcome"] is not None:
        return RecordLine(opened=opened, closed=_closed(row))
    if row["unfinished_at"] is not None:
        return RecordLine(opened=opened, closed=unfinished(opened.id, row["unfinished_at"]))
    return RecordLine(opened=opened, closed=None)


def unfinished(record_id: str, at: float) -> Closed:
    """Return the end of an exchange whose process died; nothing is known of what was judged."""
    return Closed(id=record_id, at=at, outcome=Outcome.UNFINISHED, verdict=CLEAR)


def _closed(row: RowMapping) -> Closed:
    return Closed(
        id=row["id"],
        at=row["closed_at"],
        outcome=Outcome(row["closed_outcome"]),
        verdict=_verdict(row),
        prompt_chars=row["closed_prompt_chars"],
        reply_chars=row["closed_reply_chars"],
        released_chars=row["closed_released_chars"],
        commitment=row["closed_commitment"],
        upstream=row["closed_upstream"],
        upstream_status=row["closed_upstream_status"],
        inspection_seconds=row["closed_inspection_seconds"],
        error=row["closed_error"],
    )


def _verdict(row: RowMapping) -> Verdict:
    firings = msgspec.json.decode(row["closed_firings"], type=tuple[FiringDocument, ...])
    scores = msgspec.json.decode(row["closed_scores"], type=dict[str, float | None])
    return Verdict(
        disposition=Disposition(row["closed_disposition"]),
        duties=frozenset(Duty(word) for word in names(row["closed_duties"])),
        firings=tuple(_firing(document) for document in firings),
        scores={rule: score for rule, score in scores.items() if score is not None},
        checked=frozenset(names(row["closed_checked"])),
        unchecked=frozenset(names(row["closed_unchecked"])),
        language=row["closed_language"],
    )


def names(document: str) -> Sequence[str]:
    """Return what a JSON list of names holds."""
    return msgspec.json.decode(document, type=list[str])


def _firing(document: FiringDocument) -> Firing:
    finding = Finding(
        hazard=document.hazard,
        confidence=document.confidence,
        span=Span(*document.span) if document.span else None,
    )
    return Firing(
        rule=document.rule,
        name=document.name,
        disposition=Disposition(document.disposition),
        duties=frozenset(document.duties),
        level=document.level,
        cause=document.cause,
        detector=document.detector,
        counts=document.counts,
        part=document.part,
        finding=finding if document.hazard else None,
        failure=document.failure,
        dry_run=document.dry_run,
    )


def stripped(record: Closed) -> Closed:
    """Return `record` as it will be read back: firings without words, and no `unmeasured`, which the language tells."""
    firings = tuple(_firing(_firing_document(firing)) for firing in record.verdict.firings)
    return replace(record, verdict=replace(record.verdict, firings=firings, unmeasured=frozenset()))
