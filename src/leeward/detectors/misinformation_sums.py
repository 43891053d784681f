"""Sums, percentages, roots and properties of numbers in a text, worked out exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation, localcontext
from itertools import product
from math import isqrt

import re2


@dataclass(frozen=True, slots=True)
class Slip:
    """A statement at `start..stop` that a computation shows to be false.

    Attributes:
        id: What was computed, e.g. `sum`.
        right: What is true, without any of the text.
        source: The definition it rests on.
    """

    start: int
    stop: int
    id: str
    right: str
    source: str


TRIGGERS = (
    "=", "equals", "equal to", "makes", "% of", "percent of", "per cent of", "squared", "cubed", "square root",
    " prime", " divisible", " odd", " even",
)  # fmt: skip

_NUMBER = r"\d{1,15}(?:[.,]\d{1,12}){0,4}"
_EQUALS = r"(?:=|equals|is equal to|makes|is)"
_SUM = re2.compile(
    rf"(-?{_NUMBER})(\s{{0,2}})(\*\*|[-+−–*×x·/÷^])\s{{0,2}}[$€£]?({_NUMBER})"
    rf"\s{{0,2}}(=|equals|is equal to|makes)\s{{0,2}}[$€£]?(-?{_NUMBER})"
)
_PERCENT = re2.compile(
    rf"({_NUMBER})\s?(?:%|percent|per cent) of [$€£]?({_NUMBER})"
    rf"\s{{0,2}}(?:=|equals|is equal to|is)\s{{0,2}}[$€£]?({_NUMBER})"
)
_SQUARE = re2.compile(rf"({_NUMBER}) (squared|cubed) {_EQUALS} ({_NUMBER})")
_ROOT = re2.compile(rf"square root of ({_NUMBER}) {_EQUALS} ({_NUMBER})")
_KIND = re2.compile(
    r"\b(\d{1,7}) is (not )?(?:a |an )?(?:(prime)(?: number)?|(odd|even)(?: number)?|divisible by (\d{1,6}))"
    r"\s?(?:[.,;!:)]|$|because|since|and )"
)
_OPERATORS = "+-−–*×x·/÷^=<>([{_."
_UNFINISHED = re2.compile(
    r"^(?:[a-zß-ɏ\d^%°²³'\"]|\s?[-+−–*×·/÷^<>(!≈=]\s?[\d(a-z]|\s?x\s?\d|[.,:]\d"
    r"|\s(?:million|billion|trillion|thousand|hundred|dozen|rem|r\b|r\d|mod|percent|[a-z]{0,3}\s?[+*/=]))"
)
_OTHER_ARITHMETIC = re2.compile(
    r"modul|\bmod\b|binary|\bbase\b|\bhex|octal|clock|\bbits?\b|xor|concat|string|roman|unicode|approx|about|rough|round"
    r"|≈|~|\bdate|score|version"
)
_MOST_POWER = 64


def slips_of_sums(text: str) -> Iterator[Slip]:
    """Yield what is worked out wrongly in `text`, which is folded; linear in its length."""
    for match in _SUM.finditer(text):
        start, stop = match.span()
        if _stands_alone(text, start, stop) and (slip := _sum(match.groups(), start, stop)):
            yield slip
    yield from _percentages(text)
    for match in _KIND.finditer(text):
        if _is_free(text, match.start()) and (right := _kind(*match.groups())):
            yield Slip(match.start(), match.end(), "number", right, "definition of prime, even and divisible numbers")


def _percentages(text: str) -> Iterator[Slip]:
    for match in _PERCENT.finditer(text):
        part, whole, told = (_readings(g) for g in match.groups())
        values = {p * w / 100 for p in part for w in whole}
        yield from _judge(text, match, values, told, "percentage")
    for match in _SQUARE.finditer(text):
        power = 2 if match.group(2) == "squared" else 3
        values = {n**power for n in _readings(match.group(1))}
        yield from _judge(text, match, values, _readings(match.group(3)), "power")
    for match in _ROOT.finditer(text):
        with localcontext() as context:
            context.prec = 40
            values = {n.sqrt() for n in _readings(match.group(1))}
        yield from _judge(text, match, values, _readings(match.group(2)), "root")


def _judge(text: str, match: re2._Match, values: set[Decimal], told: list[Decimal], id: str) -> Iterator[Slip]:
    start, stop = match.span()
    if values and told and _stands_alone(text, start, stop) and not _agrees(values, told):
        yield Slip(start, stop, id, f"The result is {_shown(values)}.", "arithmetic")


def _stands_alone(text: str, start: int, stop: int) -> bool:
    """Whether the sum is no part of a longer formula, a code, or another kind of arithmetic."""
    if not _is_free(text, start) or _UNFINISHED.search(text[stop : stop + 24]):
        return False
    return _OTHER_ARITHMETIC.search(text[max(0, start - 60) : stop + 40]) is None


def _is_free(text: str, start: int) -> bool:
    before = text[max(0, start - 4) : start]
    if before and (before[-1].isalnum() or before[-1] in ".,'\"#:)"):
        return False
    before = before.rstrip(" $€£")
    if not before:
        return True
    is_variable = before[-1].isalpha() and before[-2:-1] in ("", " ")
    return not is_variable and before[-1] not in _OPERATORS + ")],"


def _sum(groups: tuple[str, ...], start: int, stop: int) -> Slip | None:
    left, space, operator, right, _, told = groups
    if operator in "-−–" and not space and not left.startswith("-") and len(left) == len(right) == 4:
        return None  # years
    pairs = product(_readings(left), _readings(right))
    values = {value for a, b in pairs if (value := _worked_out(a, operator, b)) is not None}
    if operator in "-−–" and not space:
        values |= {-value for value in values}  # "12-30 = 18": a range, not a difference
    results = _readings(told)
    if not values or not results or _agrees(values, results):
        return None
    return Slip(start, stop, "sum", f"The result is {_shown(values)}.", "arithmetic")


def _readings(number: str) -> list[Decimal]:
    """Return the values that `number` may stand for: its marks may part thousands or decimals."""
    marks = [c for c in number if c in ",."]
    texts = {number.replace(",", "")}
    if marks:
        last = max(number.rfind(","), number.rfind("."))
        whole = number[:last].replace(",", "").replace(".", "")
        texts = {f"{whole}.{number[last + 1 :]}"}
        if len(number) - last == 4 or len(marks) > 1:
            texts.add(number.replace(",", "").replace(".", ""))
    values = []
    for text in texts:
        try:
            values.append(Decimal(text))
        except InvalidOperation:
            continue
    return values


def _worked_out(a: Decimal, operator: str, b: Decimal) -> Decimal | None:
    with localcontext() as context:
        context.prec = 50
        match operator:
            case "+":
                return a + b
            case "-" | "−" | "–":
                return a - b
            case "*" | "×" | "x" | "·":
                return a * b
            case "/" | "÷":
                return a / b if b else None
            case _:
                return a**b if b == int(b) and 0 <= b <= _MOST_POWER and abs(a) < 10_000 else None


def _agrees(values: set[Decimal], told: list[Decimal]) -> bool:
    """Whether a value is what was told, rounded or cut to the digits told."""
    for value, result in product(values, told):
        exponent = result.as_tuple().exponent
        unit = Decimal(1).scaleb(exponent if isinstance(exponent, int) else 0)
        is_whole = value == value.to_integral_value()
        slack = Decimal(0) if is_whole and unit == 1 else unit
        if value == result or abs(value - result) < slack or abs(value - result) <= abs(value) * Decimal("1e-9"):
            return True
    return False


def _shown(values: set[Decimal]) -> str:
    value = min(values, key=lambda v: (len(str(v)), v))
    return f"{value:,f}" if value == value.to_integral_value() else f"{float(value):.6g}"


def _kind(number: str, negation: str | None, prime: str | None, parity: str | None, divisor: str | None) -> str:
    """Return what is true of `number` if the text says otherwise, or nothing."""
    value = int(number)
    is_true = bool(prime and _is_prime(value)) or bool(parity and (value % 2 == 1) == (parity == "odd"))
    is_true = is_true or bool(divisor and int(divisor) and value % int(divisor) == 0)
    if is_true != bool(negation):
        return ""
    if prime:
        return f"{value} is prime." if is_true else f"{value} is not prime: {_factor(value)}."
    if parity:
        return f"{value} is {'odd' if value % 2 else 'even'}."
    return f"{value} is {'' if is_true else 'not '}divisible by {divisor}."


def _smallest_divisor(value: int) -> int:
    return next((d for d in range(2, isqrt(value) + 1) if value % d == 0), value)


def _is_prime(value: int) -> bool:
    return value > 1 and _smallest_divisor(value) == value


def _factor(value: int) -> str:
    divisor = _smallest_divisor(value) if value > 1 else 0
    return f"it is {divisor} × {value // divisor}" if divisor else "primes are greater than 1"
