"""A verdict: the join of everything that fired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import NO_SCORES, Finding


class Cause(StrEnum):
    """Why a rule fired."""

    FINDING = "finding"
    UNCHECKED = "unchecked"  # a detector could not look; the rule's `on_failure` applies


@dataclass(frozen=True, slots=True, kw_only=True)
class Firing:
    """One rule that fired on one view.

    Attributes:
        rule: Rule id.
        name: Rule name.
        disposition: What the rule asks; PASS when the rule is in a dry run.
        duties: What it obliges us to do.
        level: Escalation level of a first violation.
        counts: Whether it counts as a violation of the caller.
        cause: Whether something was seen or could not be looked for.
        detector: Whose report it rests on.
        part: JSON path of the part it concerns.
        finding: What was seen; its span counts characters of the part. None when `cause` is `unchecked`.
        failure: Cause of the detector's failure; empty when something was seen.
        dry_run: Whether the rule is only being tried out.
    """

    rule: str
    name: str
    disposition: Disposition
    duties: frozenset[Duty]
    level: int
    cause: Cause
    detector: str
    counts: bool = True
    part: str = ""
    finding: Finding | None = None
    failure: str = ""
    dry_run: bool = False

    def to_dict(self) -> dict[str, object]:
        """Return the firing as JSON values, without what is empty."""
        told: dict[str, object] = {
            "rule": self.rule,
            "name": self.name,
            "disposition": self.disposition.word,
            "detector": self.detector,
        }
        if self.part:
            told["part"] = self.part
        if self.dry_run:
            told["dry_run"] = True
        if self.failure:
            told["failure"] = self.failure
        if self.finding is not None:
            told |= self.finding.to_dict()
        return told


@dataclass(frozen=True, slots=True)
class Verdict:
    """The strictest disposition and the union of duties of all firings.

    Attributes:
        firings: What fired, in no meaningful order.
        scores: Highest calibrated probability for each rule asked, in [0, 1].
        checked: Rules whose detectors all looked.
        unchecked: Rules of which at least one detector could not look; never also in `checked`.
        language: Language tag of what was judged, `und` when unknown.
        unmeasured: Rules of which a classifier was asked in a language in which nobody measured how well it does.
            It looked, so they may be in `checked`; what happens does not depend on it.
    """

    disposition: Disposition = Disposition.PASS
    duties: frozenset[Duty] = frozenset()
    firings: tuple[Firing, ...] = ()
    scores: Mapping[str, float] = field(default_factory=lambda: NO_SCORES)
    checked: frozenset[str] = frozenset()
    unchecked: frozenset[str] = frozenset()
    language: str = "und"
    unmeasured: frozenset[str] = frozenset()

    @property
    def rules(self) -> tuple[str, ...]:
        """Ids of the rules that fired because something was seen, sorted, each once."""
        return tuple(sorted({f.rule for f in self.firings if f.cause is Cause.FINDING}))

    def to_dict(self) -> dict[str, object]:
        """Return the verdict as JSON values; names what was seen and where, and never quotes it."""
        return {
            "disposition": self.disposition.word,
            "duties": sorted(self.duties),
            "rules": list(self.rules),
            "scores": {rule: round(score, 4) for rule, score in sorted(self.scores.items())},
            "findings": [f.to_dict() for f in self.firings if f.cause is Cause.FINDING],
            "checked": sorted(self.checked),
            "unchecked": sorted(self.unchecked),
            "unmeasured": sorted(self.unmeasured),
            "language": self.language,
        }

    @property
    def violations(self) -> tuple[Firing, ...]:
        """Firings that count against the caller."""
        return tuple(f for f in self.firings if f.counts and f.cause is Cause.FINDING and not f.dry_run)


CLEAR = Verdict()


def join(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the verdict over all of `verdicts`: maximum disposition, united duties and firings.

    The join is commutative, associative and idempotent but for the order of `firings` and the language,
    which is the first known one.
    """
    some = [v for v in verdicts if v is not CLEAR]
    if not some:
        return CLEAR
    if len(some) == 1:
        return some[0]
    scores: dict[str, float] = {}
    for verdict in some:
        for rule, score in verdict.scores.items():
            if score >= scores.get(rule, 0.0):
                scores[rule] = score
    unchecked = frozenset[str]().union(*(v.unchecked for v in some))
    return Verdict(
        disposition=max(v.disposition for v in some),
        duties=frozenset[Duty]().union(*(v.duties for v in some)),
        firings=tuple(dict.fromkeys(f for v in some for f in v.firings)),
        scores=scores,
        checked=frozenset[str]().union(*(v.checked for v in some)) - unchecked,
        unchecked=unchecked,
        language=next((v.language for v in some if v.language != "und"), "und"),
        unmeasured=frozenset[str]().union(*(v.unmeasured for v in some)),
    )
