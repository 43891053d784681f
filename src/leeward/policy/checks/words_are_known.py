"""Dispositions, duties, stages and releases are known words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from leeward.domain.disposition import Disposition, Duty, Release
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage
from leeward.policy.draft import Draft
from leeward.policy.problems import Problem, unknown

_STAGES = frozenset(s.value for s in Stage)
_DISPOSITIONS = frozenset(d.word for d in Disposition)
_DUTIES = frozenset(d.value for d in Duty)
_RELEASES = frozenset(r.value for r in Release)


def check(draft: Draft, known: Mapping[str, DetectorInfo]) -> Iterator[Problem]:  # noqa: ARG001
    """Yield a problem for each unknown word."""
    for rule in draft.rules:
        yield from _words(draft, rule.where, "stages", rule.table.stages or (), _STAGES)
        yield from _words(draft, rule.where, "disposition", _one(rule.table.disposition), _DISPOSITIONS)
        yield from _words(draft, rule.where, "duties", rule.table.duties or (), _DUTIES)
        yield from _words(draft, rule.where, "on_failure", _one(rule.table.on_failure), _DISPOSITIONS)
        yield from _words(draft, rule.where, "release", (rule.table.release,), _RELEASES)
    for rule, key, when in draft.whens():
        yield from _words(draft, rule.where, f"{key}.stages", when.stages, _STAGES)
    for name, tighten in draft.tighten.items():
        where = f"tighten.{name}"
        yield from _words(draft, where, "disposition", _one(tighten.disposition), _DISPOSITIONS)
        yield from _words(draft, where, "duties", tighten.duties, _DUTIES)
        yield from _words(draft, where, "on_failure", _one(tighten.on_failure), _DISPOSITIONS)
        yield from _words(draft, where, "release", _one(tighten.release), _RELEASES)


def _one(word: str | None) -> tuple[str, ...]:
    return () if word is None else (word,)


def _words(draft: Draft, where: str, key: str, words: Iterable[str], known: frozenset[str]) -> Iterator[Problem]:
    kind = {"stages": "stage", "duties": "duty", "release": "release"}.get(key.rpartition(".")[2], "disposition")
    for word in words:
        if word not in known:
            yield Problem(source=draft.source, where=where, key=key, text=unknown(kind, word, known))
