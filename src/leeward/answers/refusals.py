"""Standard refusals."""

from __future__ import annotations

from leeward.answers.resources import Resources
from leeward.answers.texts import texts_in
from leeward.domain.disposition import Duty
from leeward.domain.verdict import Cause, Verdict

_DIRECTORY_ONLY = Resources()


def refusal(verdict: Verdict, language: str, resources: Resources = _DIRECTORY_ONLY, *, is_cut: bool = False) -> str:
    """Return the standard refusal for a verdict that stops the text.

    A person at risk is answered with care and help lines, whatever else fired.

    Args:
        resources: Help lines to show where the verdict owes them.
        is_cut: Whether part of the reply was already shown.
    """
    texts = texts_in(language)
    seen = [f for f in verdict.firings if f.cause is Cause.FINDING and f.disposition.stops]
    caring = [f for f in seen if Duty.RESOURCES in f.duties]
    if caring:
        words = texts.care if any(not f.counts for f in caring) else texts.self_harm
        return f"{words}\n\n{resources.text(language)}"
    if not seen and verdict.unchecked:
        return texts.unchecked
    return texts.stopped if is_cut else texts.refusal


def restricted(language: str) -> str:
    """Return the answer to a use that the licence does not cover."""
    return texts_in(language).restricted


def throttled(language: str, seconds: int) -> str:
    """Return the answer to a caller who must wait."""
    return texts_in(language).throttled.format(seconds=seconds)


def suspended(language: str, until: str) -> str:
    """Return the answer to a caller whose access is suspended until `until`."""
    return texts_in(language).suspended.format(until=until)
