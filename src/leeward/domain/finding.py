"""What a detector saw, and whether it looked at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeAlias

from leeward.domain.view import Span

NO_SCORES: Mapping[str, float] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that a detector saw.

    Attributes:
        hazard: What it is, e.g. `hate`, `injection.override`, `CWE-89`.
        confidence: Calibrated probability in [0, 1].
        span: Where, in characters of the view's `text`; None when the whole view is meant.
        message: What was seen, for a person; never quotes the text.
        evidence: Reasons: pattern names, top features, CWE, source of a claim; never quotes the text.
        replacement: What a sanitiser puts in place of the span; None means remove it.
        safe_alternative: Code or wording that does the same safely; empty when none is known.
    """

    hazard: str
    confidence: float
    span: Span | None = None
    message: str = ""
    evidence: tuple[str, ...] = ()
    replacement: str | None = None
    safe_alternative: str = ""

    def __post_init__(self) -> None:
        if not 0.0 <= self.confidence <= 1.0:
            raise ValueError(f"confidence {self.confidence} lies outside [0, 1]")

    def to_dict(self) -> dict[str, object]:
        """Return the finding as JSON values, without what is empty."""
        told: dict[str, object] = {"hazard": self.hazard, "confidence": round(self.confidence, 4)}
        if self.span is not None:
            told["span"] = [self.span.start, self.span.stop]
        if self.message:
            told["message"] = self.message
        if self.evidence:
            told["evidence"] = list(self.evidence)
        if self.safe_alternative:
            told["safe_alternative"] = self.safe_alternative
        return told


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look gave.

    Attributes:
        findings: Things seen, also unsure ones; the ruleset's thresholds decide which count.
        scores: Calibrated probability for each hazard that the detector scores on every view,
            so that a score exists below any threshold too.
    """

    findings: tuple[Finding, ...] = ()
    scores: Mapping[str, float] = field(default_factory=lambda: NO_SCORES)


NOTHING = Reading()


@dataclass(frozen=True, slots=True)
class Examined:
    """The detector looked; no findings means that it saw nothing."""

    detector: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Failed:
    """The detector did not finish looking; this is not the same as seeing nothing.

    Attributes:
        cause: `exception:<type>`, `timeout`, `unavailable`, `too_large`; never text of the exchange.
    """

    detector: str
    cause: str


Report: TypeAlias = Examined | Failed
