"""Finds personal data: addresses, numbers of phones, accounts, cards and people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from leeward.detectors.personal.accounts import CARD, IBAN, cards, ibans
from leeward.detectors.personal.contact import EMAIL, IP, PHONE, addresses, emails, phones
from leeward.detectors.personal.identity import NATIONAL_ID, PASSPORT, national_ids, open_schemes, passports
from leeward.detectors.personal.text import Hit, Text
from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Layer, Stage, View

_TITLES: Final = {
    EMAIL: "e-mail address",
    PHONE: "phone number",
    IBAN: "bank account",
    CARD: "payment card",
    NATIONAL_ID: "identity number",
    IP: "network address",
    PASSPORT: "passport number",
}
# Everything that is looked for holds a digit or an @; most text holds neither. Numbers of people and accounts have
# six digits close together, but for one.
_WORTH_LOOKING: Final = re.compile(r"[\d@]")
_DENSE: Final = re.compile(r"[0-9](?:[^0-9]{0,2}[0-9]){5}|[A-Z][0-9]{4}[A-Z]")
_RECOGNISERS: Final[tuple[Callable[[Text], Iterator[Hit]], ...]] = (
    ibans, cards, national_ids, passports, phones,
)  # fmt: skip
_LEAST: Final = 0.02


class Pii:
    """Finds personal data of individuals by its form, its check digits and the words before it."""

    info = DetectorInfo(
        id="pii",
        hazards=tuple(_TITLES),
        stages=(Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY),
        reach_chars=120,
        budget_seconds=0.05,
    )

    def open(self) -> None:
        """Load the checks of national numbers; those of phone numbers wait for the first phone number."""
        open_schemes()

    def examine(self, view: View) -> Reading:
        """Return the personal data in `view`, in the order of the text."""
        layer = view.plain
        if _WORTH_LOOKING.search(layer.text) is None:
            return NOTHING
        hits = _surest(_hits(Text(layer.text, view.language)))
        return Reading(tuple(_finding(hit, layer) for hit in hits)) if hits else NOTHING


def _hits(text: Text) -> Iterator[Hit]:
    yield from emails(text)
    yield from addresses(text)
    if _DENSE.search(text.plain):
        for recognise in _RECOGNISERS:
            yield from recognise(text)


def _surest(hits: Iterable[Hit]) -> list[Hit]:
    """Return hits that do not overlap, of overlapping ones the surest, in the order of the text."""
    kept: list[Hit] = []
    for hit in sorted(hits, key=lambda h: -h.confidence):
        if hit.confidence > _LEAST and all(hit.stop <= k.start or k.stop <= hit.start for k in kept):
            kept.append(hit)
    return sorted(kept, key=lambda h: h.start)


def _finding(hit: Hit, layer: Layer) -> Finding:
    title = _TITLES[hit.hazard]
    return Finding(
        hazard=hit.hazard,
        confidence=hit.confidence,
        span=layer.source(hit.start, hit.stop),
        message=f"Looks like the {title} of a person.",
        evidence=(hit.evidence,),
        replacement=f"[{title}]",
    )
