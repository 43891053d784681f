"""A text made ready for the recognisers: ASCII digits, runs of digits, words that stand before a place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

# Digits of other scripts, each one character, so that offsets stay.
_SCRIPTS: Final = ("٠١٢٣٤٥٦٧٨٩", "۰۱۲۳۴۵۶۷۸۹", "०१२३४५६७८९", "০১২৩৪৫৬৭৮৯", "๐๑๒๓๔๕๖๗๘๙")
_TO_ASCII: Final = {ord(digit): str(value) for script in _SCRIPTS for value, digit in enumerate(script)}
# At least seven digits, with single separators or brackets of an area code between them; at most 30 digits.
_RUN: Final = re.compile(r"[0-9](?:[ .\-/]?[0-9]|\)[ .\-]?[0-9]|[ .\-]?\([0-9]){5,29}")
_GROUP: Final = re.compile(r"\d+")
_JOINING: Final = frozenset("-_./:@#=%&+\\")
CONTEXT_CHARS: Final = 48


class Hit(NamedTuple):
    """Something personal.

    Attributes:
        start, stop: Where, in characters of the text.
    """

    hazard: str
    start: int
    stop: int
    confidence: float
    evidence: str


@dataclass(frozen=True, slots=True)
class Run:
    """Digits with separators between them.

    Attributes:
        text: As written.
        digits: Without separators.
        groups: Lengths of the groups of digits.
        is_free: Whether it is no part of a longer word, path, number or identifier.
    """

    start: int
    stop: int
    text: str
    digits: str
    groups: tuple[int, ...]
    is_free: bool


class Text:
    """One text under examination.

    Args:
        source: The plain reading; characters keep their places.
        language: BCP 47 primary tag, or `und`.
    """

    def __init__(self, source: str, language: str) -> None:
        self.plain = source if source.isascii() else source.translate(_TO_ASCII)
        self.language = language

    @cached_property
    def lower(self) -> str:
        """The text in lower case, of the same length."""
        lowered = self.plain.lower()
        return lowered if len(lowered) == len(self.plain) else "".join(c.lower()[:1] for c in self.plain)

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Runs of at least seven digits, in order."""
        return tuple(self._runs())

    def _runs(self) -> Iterator[Run]:
        for found in _RUN.finditer(self.plain):
            start, stop = found.span()
            if self.plain[start - 1 : start] == "(" and ")" in found.group():
                start -= 1
            if self.plain[start - 1 : start] == "+":
                start -= 1
            text = self.plain[start:stop]
            groups = tuple(len(group) for group in _GROUP.findall(text))
            if sum(groups) >= 7:
                digits = "".join(c for c in text if c.isdigit())
                yield Run(start, stop, text, digits, groups, self.is_free(start, stop))

    def is_free(self, start: int, stop: int) -> bool:
        """Whether neither a letter or digit nor the joint of a longer name touches the range."""
        before, after = self.plain[start - 1 : start], self.plain[stop : stop + 2]
        if before and (before.isalnum() or before in _JOINING) and not self._follows_label(start):
            return False
        if not after or not (after[0].isalnum() or after[0] in _JOINING):
            return True
        return not after[0].isalnum() and not after[1:].isalnum()

    def _follows_label(self, start: int) -> bool:
        """Whether a colon after a word stands before, as in `tel:`."""
        return self.plain[start - 1] in ":=" and self.plain[start - 2 : start - 1].isalpha()

    def is_near(self, words: re.Pattern[str], start: int) -> bool:
        """Whether one of `words` stands shortly before `start`."""
        return words.search(self.lower, max(0, start - CONTEXT_CHARS), start) is not None


def any_of(*words: str) -> re.Pattern[str]:
    """Return an expression for any of `words` at the beginning of a word, or anywhere in scripts without spaces."""
    spaced = sorted((w for w in words if w.isascii() or (w[0].isalpha() and ord(w[0]) < 0x2E80)), key=len, reverse=True)
    unspaced = [w for w in words if w not in spaced]
    parts = [rf"\b(?:{'|'.join(map(re.escape, spaced))})", *map(re.escape, unspaced)]
    return re.compile("|".join(parts))


# Numbers of things, which may have the shape and even the check digit of a number of a person.
THINGS: Final = any_of(
    "isbn", "issn", "doi", "order", "invoice", "receipt", "ticket", "tracking", "parcel", "shipment", "serial", "sku",
    "part no", "product", "article", "item", "case no", "ref", "transaction", "version", "build", "commit", "barcode",
    "ean", "commande", "facture", "colis", "rechnung", "bestell", "auftrag", "sendung", "pedido", "factura", "envío",
    "ordine", "fattura", "spedizione", "encomenda", "fatura", "factuur", "pakket", "zamówien", "faktur", "comand",
    "objedn", "beställning", "ordre", "tilaus", "παραγγελ", "заказ", "счёт", "счет", "طلب", "فاتورة", "הזמנה", "订单",
    "發票", "注文", "주문", "sipariş", "đơn hàng",
)  # fmt: skip
