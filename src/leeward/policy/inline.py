"""Patterns written in a rule itself, as plain data."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from leeward.domain.view import Stage

PREFIX = "patterns:"
STAGES = frozenset({Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY, Stage.CODE})
"""Stages that have a text to match."""
REACH_CHARS = 400
"""Longest text that one match may span; a stream is held back this far."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InlinePatterns:
    """What the detector of one pattern rule looks for.

    Attributes:
        rule: Id of the rule.
        literals: Phrases, matched as whole words whatever their case, accents or disguise; a `*` at an end
            leaves that end open.
        regexes: RE2 expressions over text in lower case without accents; they ignore case themselves.
    """

    rule: str
    literals: tuple[str, ...] = ()
    regexes: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """Detector id: the rule and a digest of the content.

        Two tenants may use one rule id for different patterns, and during a hot reload the old and the new
        patterns of one rule are both in use; equal ids mean equal patterns.
        """
        content = msgspec.json.encode([sorted(self.literals), sorted(self.regexes)])
        return f"{PREFIX}{self.rule}@{hashlib.sha256(content).hexdigest()[:12]}"

    @property
    def hazard(self) -> str:
        """The hazard of a match, `pattern.<rule id>`."""
        return f"pattern.{self.rule}"
