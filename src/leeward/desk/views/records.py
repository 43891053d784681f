"""The list of decisions and the page of one decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Final, TypeVar
from urllib.parse import urlencode

from leeward.desk.ports import Records
from leeward.domain.disposition import Disposition
from leeward.domain.ports import RecordLine
from leeward.domain.record import Closed, Outcome
from leeward.domain.verdict import Cause, Firing

ROWS: Final = 50
HOUR_SECONDS: Final = 3_600.0
# A rare filter looks this far back before it gives up and says so.
_MOST_LOOKED_AT: Final = 2_000
_AT_ONCE: Final = 200
_LONGEST_FILTER: Final = 100
_Word = TypeVar("_Word")


@dataclass(frozen=True, slots=True)
class Filter:
    """Which decisions are wanted; None stands for all.

    Attributes:
        before: Only decisions older than this id; empty for the newest.
    """

    rule: str = ""
    disposition: Disposition | None = None
    outcome: Outcome | None = None
    before: str = ""

    @classmethod
    def parse(cls, query: Mapping[str, str]) -> Filter:
        """Return the filter that a query string asks for; words that mean nothing are as if they were not there."""
        return cls(
            rule=query.get("rule", "")[:_LONGEST_FILTER],
            disposition=_known(Disposition.parse, query.get("disposition", "")),
            outcome=_known(Outcome, query.get("outcome", "")),
            before=query.get("before", "")[:_LONGEST_FILTER],
        )

    def wants(self, line: RecordLine) -> bool:
        """Whether a record is one of those wanted."""
        if not (self.rule or self.disposition is not None or self.outcome):
            return True
        closed = line.closed
        return (
            closed is not None
            and (not self.rule or self.rule in closed.verdict.rules)
            and (self.disposition is None or closed.verdict.disposition is self.disposition)
            and (self.outcome is None or closed.outcome is self.outcome)
        )

    def query(self, **changed: str) -> str:
        """Return the query string that asks for this filter, with some words changed."""
        words = {
            "rule": self.rule,
            "disposition": self.disposition.word if self.disposition is not None else "",
            "outcome": self.outcome.value if self.outcome is not None else "",
            "before": self.before,
            **changed,
        }
        kept = {key: word for key, word in words.items() if word}
        return f"?{urlencode(kept)}" if kept else "?"


def _known(parse: Callable[[str], _Word], word: str) -> _Word | None:
    try:
        return parse(word) if word else None
    except ValueError:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One decision in the list; `disposition` and `outcome` are empty while the exchange is under way."""

    id: str
    at: str
    clock: str
    tenant: str
    endpoint: str
    model: str
    language: str
    outcome: str
    disposition: str
    rules: tuple[str, ...]
    unchecked: tuple[str, ...]
    took: str


@dataclass(frozen=True, slots=True)
class RuleCount:
    """How often a rule fired in the last hour."""

    rule: str
    name: str
    count: int
    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordList:
    """The newest decisions.

    Attributes:
        today: Day in UTC, as ISO 8601; rows of today show their time alone.
        exchanges: How many ended in the last hour.
        stopped: How many of them were stopped.
        counts: Of the last hour, one for each rule in use, in order of their ids.
        older: Query string of the next page; empty when there is none.
        looked_back: How many records were looked through without finding enough; 0 when enough were found.
        live: Address of the part that renews itself; empty on older pages.
        can_leave: Whether there is a session to end.
    """

    template: ClassVar[str] = "records/list.html"
    status: ClassVar[int] = 200

    wanted: Filter
    rows: tuple[Row, ...]
    today: str
    exchanges: int
    stopped: int
    counts: tuple[RuleCount, ...]
    older: str
    looked_back: int
    live: str
    can_leave: bool
    dispositions: tuple[str, ...] = tuple(d.word for d in Disposition)
    outcomes: tuple[str, ...] = tuple(o.value for o in Outcome)


@dataclass(frozen=True, slots=True)
class LiveRecordList:
    """The part of the list that renews itself."""

    template: ClassVar[str] = "records/live.html"
    status: ClassVar[int] = 200

    list: RecordList


@dataclass(frozen=True, slots=True, kw_only=True)
class FiringRow:
    """One rule that fired, as the page of a decision shows it."""

    rule: str
    name: str
    disposition: str
    hazard: str
    confidence: str
    place: str
    detector: str
    duties: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordPage:
    """One decision.

    Attributes:
        facts: Names and values in the order in which they are shown.
        scores: Rule id, its highest probability in [0, 1], and the same in words.
    """

    template: ClassVar[str] = "records/show.html"
    status: ClassVar[int] = 200

    row: Row
    facts: tuple[tuple[str, str], ...]
    firings: tuple[FiringRow, ...]
    scores: tuple[tuple[str, float, str], ...]
    checked: tuple[str, ...]
    can_leave: bool


def record_list(
    records: Records, wanted: Filter, names: Mapping[str, str], *, now: float, can_leave: bool = False
) -> RecordList:
    """Return the newest decisions that are wanted.

    Args:
        names: Names of the rules in use, by id.
        now: Seconds since the epoch, UTC.

    Raises:
        StorageError: If they cannot be read.
    """
    found: list[RecordLine] = []
    looked_at = 0
    for line in _newest(records, wanted.before):
        looked_at += 1
        if wanted.wants(line):
            found.append(line)
        if len(found) > ROWS or looked_at >= _MOST_LOOKED_AT:
            break
    shown = found[:ROWS]
    has_more = len(found) > ROWS
    counts = records.counts_since(now - HOUR_SECONDS)
    return RecordList(
        wanted=wanted,
        rows=tuple(map(row_of, shown)),
        today=datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%d"),
        exchanges=counts.exchanges,
        stopped=sum(count for disposition, count in counts.dispositions.items() if disposition.stops),
        counts=tuple(_rule_counts(counts.rules, names, wanted)),
        older=wanted.query(before=shown[-1].opened.id) if has_more else "",
        looked_back=looked_at if looked_at >= _MOST_LOOKED_AT and not has_more else 0,
        live="" if wanted.before else f"/desk/live{wanted.query()}",
        can_leave=can_leave,
    )


def _newest(records: Records, before: str) -> Iterator[RecordLine]:
    while lines := records.latest(_AT_ONCE, before):
        yield from lines
        before = lines[-1].opened.id


def _rule_counts(fired: Mapping[str, int], names: Mapping[str, str], wanted: Filter) -> Iterator[RuleCount]:
    for rule in sorted({*names, *fired}):
        query = wanted.query(rule="" if rule == wanted.rule else rule, before="")
        yield RuleCount(rule, names.get(rule, rule), fired.get(rule, 0), query)


def row_of(line: RecordLine) -> Row:
    """Return how the list shows a record."""
    opened, closed = line.opened, line.closed
    at = datetime.fromtimestamp(opened.at, UTC)
    return Row(
        id=opened.id,
        at=at.isoformat(timespec="milliseconds"),
        clock=at.strftime("%Y-%m-%d %H:%M:%S"),
        tenant=opened.tenant,
        endpoint=opened.endpoint,
        model=opened.model,
        language=closed.verdict.language if closed else "",
        outcome=closed.outcome.value if closed else "",
        disposition=closed.verdict.disposition.word if closed and closed.outcome is not Outcome.UNFINISHED else "",
        rules=closed.verdict.rules if closed else (),
        unchecked=tuple(sorted(closed.verdict.unchecked)) if closed else (),
        took=_duration(closed.at - opened.at) if closed else "",
    )


def _duration(seconds: float) -> str:
    if seconds < 0.0995:
        return f"{max(seconds, 0.0) * 1_000:.1f} ms"
    return f"{seconds * 1_000:.0f} ms" if seconds < 10 else f"{seconds:.1f} s"


def record_page(records: Records, record_id: str, *, can_leave: bool = False) -> RecordPage | None:
    """Return the page of one decision, or None when there is no such record.

    Raises:
        StorageError: If it cannot be read.
    """
    line = records.find(record_id)
    if line is None:
        return None
    closed = line.closed
    scores = sorted(closed.verdict.scores.items(), key=lambda item: (-item[1], item[0])) if closed else []
    return RecordPage(
        row=row_of(line),
        facts=tuple((name, value) for name, value in _facts(line) if value),
        firings=tuple(map(_firing_row, closed.verdict.firings)) if closed else (),
        scores=tuple((rule, score, f"{score:.2f}") for rule, score in scores),
        checked=tuple(sorted(closed.verdict.checked)) if closed else (),
        can_leave=can_leave,
    )


def _facts(line: RecordLine) -> Iterator[tuple[str, str]]:
    opened = line.opened
    yield "Began", datetime.fromtimestamp(opened.at, UTC).isoformat(sep=" ", timespec="milliseconds")
    yield "Endpoint", f"{opened.endpoint}, {'streamed' if opened.is_stream else 'whole'}"
    yield "Model", opened.model
    yield "Tenant", opened.tenant
    yield "Key", opened.key
    yield "End user (pseudonym)", opened.end_user
    yield "Ruleset", opened.ruleset_name
    yield "Ruleset digest", opened.ruleset
    if line.closed is not None:
        yield from _ending(line.closed, opened.at)


def _ending(closed: Closed, began: float) -> Iterator[tuple[str, str]]:
    yield "Took", f"{_duration(closed.at - began)}, of which {_duration(closed.inspection_seconds)} of looking"
    yield "Language", closed.verdict.language
    yield "Duties", ", ".join(sorted(closed.verdict.duties)).replace("_", " ")
    yield (
        "Characters",
        (f"{closed.prompt_chars} of the request, {closed.reply_chars} of the reply, {closed.released_chars} released"),
    )
    status = f", status {closed.upstream_status}" if closed.upstream_status else ""
    yield "Model server", f"{closed.upstream}{status}" if closed.upstream else "not asked"
    yield "Error", closed.error
    yield "Commitment to the text", closed.commitment


def _firing_row(firing: Firing) -> FiringRow:
    finding = firing.finding
    span = finding.span if finding is not None else None
    where = f"{firing.part} {span.start}–{span.stop}" if span is not None else firing.part
    counts = "counts as a violation" if firing.counts else "does not count against the caller"
    seen = "dry run: recorded only" if firing.dry_run else counts
    return FiringRow(
        rule=firing.rule,
        name=firing.name,
        disposition=firing.disposition.word,
        hazard=finding.hazard if finding is not None else "",
        confidence=f"{finding.confidence:.2f}" if finding is not None else "",
        place=where.strip(),
        detector=firing.detector,
        duties=tuple(sorted(firing.duties)),
        why=f"could not look: {firing.failure}" if firing.cause is Cause.UNCHECKED else seen,
    )
