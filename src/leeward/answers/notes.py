"""Notes that stand behind a passage."""

from __future__ import annotations

import re
from collections.abc import Iterable

from leeward.answers.texts import Texts, texts_in
from leeward.domain.disposition import Duty
from leeward.domain.verdict import Firing

_FENCE = re.compile(r"`{3,}")


def note(firings: Iterable[Firing], language: str) -> str:
    """Return the note that is due behind a passage, as Markdown that begins and ends with a line break."""
    texts = texts_in(language)
    return "\n" + "\n".join(dict.fromkeys(_one(firing, texts) for firing in firings)) + "\n"


def held_note(language: str) -> str:
    """Return what stands in a reply from which a tool call was taken out."""
    return texts_in(language).held


def _one(firing: Firing, texts: Texts) -> str:
    finding = firing.finding
    message = f" {finding.message}" if finding is not None and finding.message else ""
    if Duty.SAFE_ALTERNATIVE in firing.duties and finding is not None:
        words = f"> ⚠️ {texts.code.format(hazard=finding.hazard)}{message}"
        return words + _alternative(finding.safe_alternative, texts) if finding.safe_alternative else words
    if Duty.UNCERTAINTY in firing.duties:
        return f"> ⚠️ {texts.doubt}{message}"
    return f"> ⚠️ {texts.note.format(rule=firing.name)}{message}"


def _alternative(code: str, texts: Texts) -> str:
    longest = max((len(run) for run in _FENCE.findall(code)), default=2)
    fence = "`" * (longest + 1)
    return f"\n>\n> {texts.safer}\n\n{fence}\n{code.rstrip()}\n{fence}"
