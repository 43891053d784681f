"""Checks rows, in this process or in several."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import perf_counter

import msgspec

from leeward.domain.rule import Ruleset
from leeward.domain.verdict import Cause, Verdict, join
from leeward.domain.view import Stage
from leeward.guard import Guard
from leeward.scanning.rows import Row

_CHUNK = 16


@dataclass(frozen=True, slots=True)
class Job:
    """What rows are checked against."""

    ruleset: str
    packs: tuple[str, ...] = ()


class Scanner:
    """Checks rows with one guard."""

    def __init__(self, job: Job) -> None:
        self._guard = Guard(job.ruleset, packs=job.packs)

    def line(self, row: Row) -> bytes:
        """Return the output line of a row, with its line break."""
        began = perf_counter()
        verdict, changed = self._check(row)
        told = output_row(row, verdict, changed, self._guard.ruleset, (perf_counter() - began) * 1000)
        return msgspec.json.encode(told) + b"\n"

    def _check(self, row: Row) -> tuple[Verdict, Mapping[str, object]]:
        verdicts = [self._guard.check_prompt(row.messages)] if row.messages else []
        if row.stage == "code":
            verdicts.append(self._guard.check_code(row.text, row.code_language, row.messages))
            return join(verdicts), {}
        if not row.text and row.messages:
            return join(verdicts), {}
        passage = self._guard.check(row.text, Stage(row.stage), before=row.messages)
        verdicts.append(passage.verdict)
        return join(verdicts), passage.to_dict()


def output_row(
    row: Row, verdict: Verdict, changed: Mapping[str, object], ruleset: Ruleset, elapsed_ms: float
) -> dict[str, object]:
    """Return what a scan tells of one row; every rule that applies to the stage has a score.

    Args:
        changed: The text as it may be passed on, and what was done to it; empty when it stayed as it was.
    """
    stages = {Stage.CODE, Stage.REPLY} if row.stage in ("code", "reply") else {Stage(row.stage)}
    scores = {rule.id: 0.0 for rule in ruleset.rules if rule.stages & stages}
    scores |= {rule: round(score, 6) for rule, score in verdict.scores.items()}
    told: dict[str, object] = {
        "id": row.id,
        "disposition": verdict.disposition.word,
        "rules": list(verdict.rules),
        "scores": scores,
        "findings": [f.to_dict() for f in verdict.firings if f.cause is Cause.FINDING],
        "language": row.lang or verdict.language,
        "duties": sorted(verdict.duties),
        "unchecked": sorted(verdict.unchecked),
        "unmeasured": sorted(verdict.unmeasured),
        "elapsed_ms": round(elapsed_ms, 3),
    }
    told.update(changed)
    return told


def scan_local(job: Job, rows: Sequence[Row], jobs: int) -> Iterator[bytes]:
    """Yield the output lines of `rows`, in any order when `jobs` is more than 1."""
    if jobs == 1 or len(rows) <= _CHUNK:
        scanner = Scanner(job)
        yield from (scanner.line(row) for row in rows)
        return
    # Fresh processes, since threads of detectors do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with context.Pool(min(jobs, len(rows)), initializer=_open, initargs=(job,)) as pool:
        yield from pool.imap_unordered(_line, rows, chunksize=_CHUNK)


_scanner: list[Scanner] = []


def _open(job: Job) -> None:
    _scanner[:] = [Scanner(job)]


def _line(row: Row) -> bytes:
    return _scanner[0].line(row)
