"""Conversions of units in a text, checked against their definitions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import re2

from leeward.detectors.misinformation_sums import Slip

_SI = "BIPM, The International System of Units (2019); NIST Handbook 44, Appendix C"
# Kind, and size in metres, grams, seconds or litres. Left out: what differs between countries (gallon, ton, cup).
_UNITS = {
    "length": {
        "kilometers kilometer kilometres kilometre km": 1000.0,
        "meters meter metres metre": 1.0,
        "centimeters centimeter centimetres centimetre cm": 0.01,
        "millimeters millimeter millimetres millimetre mm": 0.001,
        "miles mile": 1609.344,
        "inches inch": 0.0254,
        "feet foot": 0.3048,
        "yards yard": 0.9144,
    },
    "mass": {
        "kilograms kilogram kilos kilo kg": 1000.0,
        "milligrams milligram mg": 0.001,
        "grams gram": 1.0,
        "pounds pound lbs lb": 453.59237,
        "ounces ounce": 28.349523125,
    },
    "time": {
        "weeks week": 604800.0,
        "days day": 86400.0,
        "hours hour": 3600.0,
        "minutes minute": 60.0,
        "seconds second": 1.0,
        "milliseconds millisecond": 0.001,
    },
    "volume": {"milliliters milliliter millilitres millilitre ml": 0.001, "liters liter litres litre": 1.0},
    "temperature": {"°c celsius": 1.0, "°f fahrenheit": 2.0, "kelvin": 3.0},
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Unit:
    kind: str
    size: float
    name: str


_UNIT_OF = {
    word: _Unit(kind, size, words.split()[0])
    for kind, units in _UNITS.items()
    for words, size in units.items()
    for word in words.split()
}
TRIGGERS = (
    "kilomet", " km", "meters", "metres", "mile", "inch", "feet", "foot", "yards", "kilogram", " kg", "kilo", "pound",
    "ounce", "grams", " hour", "minutes", "seconds", "weeks", "days in", "liter", "litre", "celsius", "fahrenheit",
    "°c", "°f", "kelvin",
)  # fmt: skip

_WORDS = "(" + "|".join(sorted(_UNIT_OF, key=len, reverse=True)) + ")"
_NUMBER = r"(\d{1,9}(?:,\d{3}){0,3}(?:\.\d{1,9})?|one|an?)"
_ABOUT = r"((?:about|approximately|around|roughly|nearly|almost|exactly) )?"
_FORWARD = re2.compile(
    rf"\b{_NUMBER} ?(?:degrees )?{_WORDS} (?:=|equals|is equal to|contains?|is|has|are) "
    rf"{_ABOUT}{_NUMBER} ?(?:degrees )?{_WORDS}\b"
)
_BACKWARD = re2.compile(rf"\bthere are {_ABOUT}{_NUMBER} {_WORDS} in {_NUMBER} {_WORDS}\b")
# "One mile is 3 kilometres away" converts nothing.
_NOT_A_CONVERSION = re2.compile(
    r"^ (?:away|from|long|wide|tall|high|deep|apart|further|farther|too|more|less|of |ahead|earlier|later|or|old)"
)


def slips_of_units(text: str) -> Iterator[Slip]:
    """Yield the conversions in `text`, which is folded, that are wrong; linear in its length."""
    for match in _FORWARD.finditer(text):
        number, unit, about, result, other = match.groups()
        yield from _judge(text, match.span(), (number, unit), (result, other), about)
    for match in _BACKWARD.finditer(text):
        about, result, other, number, unit = match.groups()
        yield from _judge(text, match.span(), (number, unit), (result, other), about)


def _judge(
    text: str, span: tuple[int, int], given: tuple[str, str], told: tuple[str, str], about: str | None
) -> Iterator[Slip]:
    unit, other = _UNIT_OF[given[1]], _UNIT_OF[told[1]]
    if unit.kind != other.kind or unit == other or _NOT_A_CONVERSION.search(text[span[1] : span[1] + 12]):
        return
    before = text[max(0, span[0] - 1) : span[0]]
    if before in (*".,-/",):
        return
    value, result = _value(given[0]), _value(told[0])
    right = _converted(value, unit, other)
    decimals = len(told[0].partition(".")[2])
    # Rounded to the digits told, or a rule of thumb: "a mile is 1.6 kilometres", "a foot is 30 centimetres".
    is_loose = about is not None and not about.startswith("exactly")
    slack = max(0.5 * 10.0**-decimals, abs(right) * (0.12 if is_loose else 0.04))
    if abs(result - right) > slack:
        known = f"{value:g} {unit.name} = {right:.6g} {other.name}."
        yield Slip(*span, "unit", known, _SI)


def _value(number: str) -> float:
    return 1.0 if number in ("a", "an", "one") else float(number.replace(",", ""))


def _converted(value: float, unit: _Unit, other: _Unit) -> float:
    if unit.kind != "temperature":
        return value * unit.size / other.size
    celsius = {1.0: value, 2.0: (value - 32) / 1.8, 3.0: value - 273.15}[unit.size]
    return {1.0: celsius, 2.0: celsius * 1.8 + 32, 3.0: celsius + 273.15}[other.size]
