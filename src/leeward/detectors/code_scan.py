"""Warns of weaknesses in code that a model wrote, and shows a safe form (RULE-MIST-002)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from leeward.detectors.code.grammar import grammar_file
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo, Placement
from leeward.domain.view import Stage, View

if TYPE_CHECKING:
    from leeward.detectors.code.engine import Weakness


class CodeScan:
    """Finds weaknesses in a block of code with rules that are data, one CWE each.

    Grammars and rules of a language are loaded when the first block of it is seen.

    Source:
        MITRE CWE list; each rule names its own source.
    """

    info = DetectorInfo(
        id="code-scan",
        hazards=("CWE-*",),
        stages=(Stage.CODE,),
        reach_chars=16_384,
        budget_seconds=2.0,
        placement=Placement.THREAD,
    )

    def open(self) -> None:
        """Check that the table of languages can be read.

        Raises:
            DetectorError: If it cannot.
        """
        grammar_file("python")

    def examine(self, view: View) -> Reading:
        """Return the weaknesses in the code of `view`.

        Raises:
            DetectorError: If the grammar of its language cannot be loaded.
        """
        from leeward.detectors.code.engine import scan  # parsers cost 4 MB, and much traffic holds no code

        found = scan(view.text, view.code_language)
        return Reading(tuple(_finding(weakness) for weakness in found)) if found else NOTHING


def _finding(weakness: Weakness) -> Finding:
    return Finding(
        hazard=f"CWE-{weakness.rule.cwe}",
        confidence=weakness.confidence,
        span=weakness.span,
        message=weakness.rule.message,
        evidence=weakness.evidence,
        safe_alternative=weakness.safe_alternative,
    )
