"""Tool calls in replies: which pass, which are held for confirmation, which are refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

from leeward.domain.disposition import Disposition
from leeward.domain.verdict import CLEAR, Cause, Firing, Verdict
from leeward.domain.view import Span, Stage
from leeward.domain.withheld import Flagged
from leeward.gateway.wire.body import Object
from leeward.inspection.inspector import CallHandling, Inspector, Passage
from leeward.inspection.withheld import flagged_of

_DATA = frozenset({Stage.TOOL_RESULT, Stage.DOCUMENT})
_FAMILY = "injection"


@dataclass(slots=True)
class Sorted:
    """The texts of a request, sorted by whether something in them was flagged as an injection.

    Attributes:
        flagged: Tool results and documents as they came, with what was flagged in each.
        rest: Everything else that the model was given, as it came.
    """

    flagged: list[tuple[str, Sequence[Span]]] = field(default_factory=list)
    rest: list[str] = field(default_factory=list)

    def add(self, text: str, stage: Stage, passage: Passage) -> None:
        """Take a text with what inspection said of it; a finding of a dry run counts, since its passage goes on."""
        spans = [edit.span for edit in passage.edits]
        spans.extend(
            f.finding.span
            for f in passage.verdict.firings
            if f.finding is not None and f.finding.span is not None and f.finding.hazard.startswith(_FAMILY)
        )
        if stage in _DATA and spans:
            self.flagged.append((text, spans))
        else:
            self.rest.append(text)

    def compared(self) -> Flagged | None:
        """Return what calls are compared with; None when nothing was flagged."""
        return flagged_of(self.flagged, self.rest)


@dataclass(frozen=True, slots=True)
class CallGuard:
    """Judges the tool calls of one exchange.

    Attributes:
        flagged: None when nothing was flagged, so that no call can carry it.
    """

    inspector: Inspector
    flagged: Flagged | None

    @property
    def is_idle(self) -> bool:
        """Whether every call passes unseen by it."""
        asked = self.inspector.ruleset.plans[Stage.TOOL_CALL].asked
        return self.flagged is None or self.inspector.tool_calls is CallHandling.OFF or not asked

    async def verdict(self, arguments: str, part: str) -> Verdict:
        """Return the verdict on one call; its disposition says whether it passes, is held (`sanitize`) or stops all."""
        if self.flagged is None or self.is_idle:
            return CLEAR
        return _handled(await self.inspector.judge_call(arguments, part, self.flagged), self.inspector.tool_calls)


def is_held(verdict: Verdict) -> bool:
    """Whether a call is to be taken out of the reply."""
    return verdict.disposition is Disposition.SANITIZE


def held(call: Object, choice: int, verdict: Verdict) -> Object:
    """Return a call that was taken out, as the `leeward` object gives it back for confirmation.

    Args:
        call: The call in the shape of its endpoint.
        choice: Index of the choice that made it.
        verdict: Why it was held; spans count characters of the arguments.
    """
    why = [
        {"kind": " ".join(f.finding.evidence), "span": [f.finding.span.start, f.finding.span.stop]}
        for f in verdict.firings
        if f.cause is Cause.FINDING and f.finding is not None and f.finding.span is not None
    ]
    return cast(Object, {"choice": choice, "call": call, "why": why})


def _handled(verdict: Verdict, handling: CallHandling) -> Verdict:
    firings = tuple(_one(firing, handling) for firing in verdict.firings)
    return replace(
        verdict, firings=firings, disposition=max((f.disposition for f in firings), default=Disposition.PASS)
    )


def _one(firing: Firing, handling: CallHandling) -> Firing:
    """Let the setting say what sanitising a call means; a rule that asks for more gets it."""
    if firing.disposition is not Disposition.SANITIZE or firing.cause is not Cause.FINDING:
        return firing
    if handling is CallHandling.FLAG:
        return replace(firing, disposition=Disposition.PASS, dry_run=True)
    return replace(firing, disposition=Disposition.BLOCK) if handling is CallHandling.REFUSE else firing
