"""Bank accounts and payment cards."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from stdnum import iban as stdnum_iban
from stdnum import luhn

from leeward.detectors.personal.text import THINGS, Hit, Run, Text, any_of

IBAN, CARD = "pii.iban", "pii.card"

# Source: SWIFT IBAN registry; characters of a whole IBAN.
_LENGTHS: Final = {
    country: length
    for length, countries in {
        15: "NO", 16: "BE", 18: "DK FI FO GL NL", 19: "MK SI", 20: "AT BA EE KZ LT LU XK", 21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA", 23: "AE IL IQ TL", 24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT", 26: "IS TR", 27: "BI FR GR IT MC MR SM", 28: "AL AZ BY CY DO GT HU LB PL SV", 29: "BR EG PS QA UA",
        30: "JO KW MU", 31: "MT SC", 32: "LC",
    }.items()
    for country in countries.split()
}  # fmt: skip
_IBAN: Final = re.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?=[ -]?[A-Z0-9])|(?<![A-Za-z0-9])[a-z]{2}\d{2}(?=[ -]?[a-z0-9]{4})"
)
_CARD_WORDS: Final = any_of(
    "card", "visa", "mastercard", "amex", "american express", "discover", "maestro", "credit", "debit", "cvv", "cvc",
    "carte", "karte", "kreditkarte", "tarjeta", "carta di", "cartão", "cartao", "kaart", "kart", "karta", "card de",
    "kort", "kortti", "κάρτα", "карт", "بطاقة", "כרטיס", "कार्ड", "kártya", "信用卡", "银行卡", "カード", "카드", "thẻ",
)  # fmt: skip
# Digits in front -> lengths of the number. Source: ISO/IEC 7812, ranges as issuers publish them.
_ISSUERS: Final = (
    (re.compile(r"4"), frozenset({13, 16, 19})),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), frozenset({16})),
    (re.compile(r"3[47]"), frozenset({15})),
    (re.compile(r"6011|64[4-9]|65"), frozenset({16, 19})),
    (re.compile(r"352[89]|35[3-8]"), frozenset({16})),
    (re.compile(r"30[0-5]|3[689]"), frozenset({14})),
    (re.compile(r"62"), frozenset({16, 17, 18, 19})),
    (re.compile(r"50|5[6-9]|6[0-9]"), frozenset({16, 18, 19})),
)
_SHAPES: Final = ((4, 4, 4, 4), (4, 6, 5), (4, 6, 4), (4, 4, 4, 4, 3))


def ibans(text: Text) -> Iterator[Hit]:
    """Yield account numbers whose country, length and check digits agree."""
    for found in _IBAN.finditer(text.plain):
        length = _LENGTHS.get(found.group()[:2].upper())
        stop = _reach(text.plain, found.start(), length) if length else 0
        if stop and stdnum_iban.is_valid(text.plain[found.start() : stop]):
            yield Hit(IBAN, found.start(), stop, 0.99, "ISO 13616, check digits agree")


def _reach(text: str, start: int, length: int) -> int:
    """Return where `length` letters and digits from `start` end, passing single separators; 0 when they do not."""
    position, left, was_separator = start, length, False
    while left and position < len(text):
        char = text[position]
        if char.isascii() and char.isalnum():
            left, was_separator = left - 1, False
        elif char in " -" and not was_separator:
            was_separator = True
        else:
            return 0
        position += 1
    return 0 if left or text[position : position + 1].isalnum() else position


def cards(text: Text) -> Iterator[Hit]:
    """Yield card numbers: an issuer's digits, the right length, and a check digit that agrees."""
    for run in text.runs:
        if not run.is_free or len(run.digits) < 13 or run.text[0] == "+":
            continue
        for start, stop, digits, is_shaped in _numbers(run):
            if _is_card(digits):
                yield Hit(CARD, start, stop, _sure(text, start, is_shaped), "ISO/IEC 7812, check digit agrees")
                break


def _sure(text: Text, start: int, is_shaped: bool) -> float:
    if text.is_near(_CARD_WORDS, start):
        return 0.98
    if is_shaped:
        return 0.95
    return 0.3 if text.is_near(THINGS, start) else 0.6


def _numbers(run: Run) -> Iterator[tuple[int, int, str, bool]]:
    """Yield the whole run and the parts of it that are grouped as on a card, with place and digits."""
    if len(run.groups) <= 1 or run.groups in _SHAPES:
        yield run.start, run.stop, run.digits, len(run.groups) > 1
        return
    places = [found.span() for found in re.finditer(r"\d+", run.text)]
    for first in range(len(places)):
        for shape in _SHAPES:
            if run.groups[first : first + len(shape)] == shape:
                start, stop = places[first][0], places[first + len(shape) - 1][1]
                digits = "".join(c for c in run.text[start:stop] if c.isdigit())
                yield run.start + start, run.start + stop, digits, True


def _is_card(digits: str) -> bool:
    if len(set(digits)) < 2:
        return False
    is_issued = any(len(digits) in lengths and prefix.match(digits) for prefix, lengths in _ISSUERS)
    return is_issued and luhn.is_valid(digits)
