"""Finds tool calls that carry what stood in flagged passages of the data and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator

from leeward.detectors.compact import compact
from leeward.detectors.targets import Target, targets_in
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage, View
from leeward.domain.withheld import Flagged

HAZARD = "injection.tool_call"
_MESSAGE = "Carries something that stood only in a flagged passage of a tool result or document."
_CONFIDENCE = {"url": 0.95, "email": 0.97, "host": 0.93, "path": 0.85, "number": 0.9, "account": 0.9, "text": 0.8}
_LEAST_LETTERS = 6  # shorter names stand anywhere
_RUN_LETTERS = 28  # of a long text: about five words in a row
_READ_CHARS = 64 * 1024  # of the arguments of one call


class ToolCallGuard:
    """Compares the targets of a call with what was flagged in the data that the model was given.

    Who wrote a flagged passage is not the caller: an address that nobody else named is theirs.

    Source:
        Greshake et al. (2023), arXiv:2302.12173, on indirect injection; Debenedetti et al. (2025), arXiv:2503.18813,
        on where the values of a call come from.
    """

    info = DetectorInfo(
        id="tool-call-guard",
        hazards=(HAZARD,),
        stages=(Stage.TOOL_CALL,),
        reach_chars=0,
        budget_seconds=0.1,
    )

    def open(self) -> None:
        """Do nothing: what to look for comes with each view."""

    def examine(self, view: View) -> Reading:
        """Return one finding for each target that stood in flagged passages alone."""
        if view.flagged is None:
            return NOTHING
        found = tuple(_findings(view.plain.text, view.flagged))
        return Reading(found) if found else NOTHING


def _findings(text: str, flagged: Flagged) -> Iterator[Finding]:
    if len(text) > _READ_CHARS:
        raise ValueError("the arguments are too long to be compared")  # "could not look", never "saw nothing"
    for target in targets_in(text):
        if _is_theirs(target, flagged):
            yield Finding(
                hazard=HAZARD,
                confidence=_CONFIDENCE[target.kind],
                span=target.span,
                message=_MESSAGE,
                evidence=(target.kind,),
            )


def _is_theirs(target: Target, flagged: Flagged) -> bool:
    if target.kind == "text":
        return _is_copied(compact(target.forms[0]), flagged)
    return any(_only_flagged(compact(form), flagged) for form in target.forms)


def _only_flagged(form: str, flagged: Flagged) -> bool:
    return len(form) >= _LEAST_LETTERS and form in flagged.text and form not in flagged.rest()


def _is_copied(letters: str, flagged: Flagged) -> bool:
    runs = (letters[at : at + _RUN_LETTERS] for at in range(len(letters) - _RUN_LETTERS + 1))
    return any(run in flagged.text and run not in flagged.rest() for run in runs)
