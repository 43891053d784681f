"""Adds verdicts up, one after another."""

from __future__ import annotations

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.verdict import CLEAR, Firing, Verdict


class Tally:
    """Running join of verdicts; adding one that saw nothing costs next to nothing."""

    __slots__ = (
        "_checked",
        "_disposition",
        "_duties",
        "_firings",
        "_language",
        "_scores",
        "_unchecked",
        "_unmeasured",
    )

    def __init__(self) -> None:
        self._disposition = Disposition.PASS
        self._duties: frozenset[Duty] = frozenset()
        self._firings: dict[Firing, None] = {}
        self._scores: dict[str, float] = {}
        self._checked: frozenset[str] = frozenset()
        self._unchecked: frozenset[str] = frozenset()
        self._unmeasured: frozenset[str] = frozenset()
        self._language = "und"

    def add(self, verdict: Verdict) -> None:
        """Join `verdict` in."""
        scores = self._scores
        if scores:
            for rule, score in verdict.scores.items():
                if score > scores.get(rule, -1.0):
                    scores[rule] = score
        else:
            self._scores = dict(verdict.scores)
        if verdict.checked is not self._checked:
            self._checked = self._checked | verdict.checked if self._checked else verdict.checked
        if self._language == "und":
            self._language = verdict.language
        if verdict.unchecked:
            self._unchecked |= verdict.unchecked
        if verdict.unmeasured:
            self._unmeasured |= verdict.unmeasured
        if verdict.firings:
            self._disposition = max(self._disposition, verdict.disposition)
            self._duties |= verdict.duties
            self._firings.update(dict.fromkeys(verdict.firings))

    @property
    def disposition(self) -> Disposition:
        """The strictest disposition so far."""
        return self._disposition

    def verdict(self) -> Verdict:
        """Return the join of everything added."""
        if not self._checked and not self._unchecked:
            return CLEAR
        return Verdict(
            disposition=self._disposition,
            duties=self._duties,
            firings=tuple(self._firings),
            scores=self._scores,
            checked=self._checked - self._unchecked,
            unchecked=self._unchecked,
            language=self._language,
            unmeasured=self._unmeasured,
        )
