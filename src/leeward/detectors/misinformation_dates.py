"""Dates, weekdays, leap years and lengths of months in a text, checked against the calendar."""

from __future__ import annotations

from calendar import isleap, monthrange
from collections.abc import Iterator
from datetime import date

import re2

from leeward.detectors.misinformation_sums import Slip

_MONTHS = (
    "january janvier januar enero gennaio janeiro januari stycznia",
    "february fevrier februar febrero febbraio fevereiro februari lutego",
    "march mars marz marzo marco maart marca",
    "april avril abril aprile kwietnia",
    "may mai mayo maggio maio mei maja",
    "june juin juni junio giugno junho czerwca",
    "july juillet juli julio luglio julho lipca",
    "august aout agosto augustus sierpnia",
    "september septembre septiembre settembre setembro wrzesnia",
    "october octobre oktober octubre ottobre outubro pazdziernika",
    "november novembre noviembre novembro listopada",
    "december decembre dezember diciembre dicembre dezembro grudnia",
)
_WEEKDAYS = (
    "monday lundi montag lunes lunedi segunda-feira maandag poniedzialek",
    "tuesday mardi dienstag martes martedi terca-feira dinsdag wtorek",
    "wednesday mercredi mittwoch miercoles mercoledi quarta-feira woensdag sroda",
    "thursday jeudi donnerstag jueves giovedi quinta-feira donderdag czwartek",
    "friday vendredi freitag viernes venerdi sexta-feira vrijdag piatek",
    "saturday samedi samstag sabado sabato zaterdag sobota",
    "sunday dimanche sonntag domingo domenica zondag niedziela",
)
_ENGLISH_MONTHS = tuple(names.split()[0].title() for names in _MONTHS)
_ENGLISH_DAYS = tuple(names.split()[0].title() for names in _WEEKDAYS)
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS, 1) for name in names.split()}
_DAY_OF = {name: number for number, names in enumerate(_WEEKDAYS) for name in names.split()}
# Before 1924 some country still kept the Julian calendar; a weekday may be right there.
_FIRST_SURE_YEAR = 1924
_GREGORIAN = 1583

TRIGGERS = (*_MONTH_OF, "leap", "-30", "-31", "-29")

_MONTH = "(" + "|".join(_MONTH_OF) + ")"
_DAY = "(" + "|".join(_DAY_OF) + ")"
_YEAR = r"(\d{4})"
_DATE = re2.compile(
    rf"\b(?:{_MONTH} (\d{{1,2}})(st|nd|rd|th)?(?:,? {_YEAR})?"
    rf"|(\d{{1,2}})(?:st|nd|rd|th|\.|º|er)? (?:of |de )?{_MONTH}(?:,? (?:of |de )?{_YEAR})?"
    rf"|{_YEAR}-(\d{{2}})-(\d{{2}}))\b"
)
_DAY_BEFORE = re2.compile(rf"\b{_DAY},? (?:the |le |den |el |der )?$")
_DAY_AFTER = re2.compile(
    r"^,? (?:was|is|fell|falls|will be|will fall|war|ist|etait|est|fue|era|es|e) "
    rf"(?:on |a |on a |ein |un |una |een )?{_DAY}\b"
)
_LEAP = re2.compile(rf"\b{_YEAR} (?:was|is|will be) (not )?(?:also )?(?:a )?leap year")
_LENGTH = re2.compile(rf"\b{_MONTH} (?:always )?(?:has|have|had) (?:only |exactly )?(\d{{1,2}}) days\b")
_SOURCE = "Gregorian calendar (ISO 8601)"


def slips_of_dates(text: str) -> Iterator[Slip]:
    """Yield what the calendar contradicts in `text`, which is folded; linear in its length."""
    for match in _DATE.finditer(text):
        if slip := _date(text, match):
            yield slip
    for match in _LEAP.finditer(text):
        year = int(match.group(1))
        if year >= _GREGORIAN and isleap(year) == bool(match.group(2)):
            right = f"{year} {'is' if isleap(year) else 'is not'} a leap year."
            yield Slip(match.start(), match.end(), "leap-year", right, _SOURCE)
    for match in _LENGTH.finditer(text):
        month, days = _MONTH_OF[match.group(1)], int(match.group(2))
        if days not in {monthrange(2023, month)[1], monthrange(2024, month)[1]}:
            right = f"{_ENGLISH_MONTHS[month - 1]} has {_length(month)} days."
            yield Slip(match.start(), match.end(), "month-length", right, _SOURCE)


def _date(text: str, match: re2._Match) -> Slip | None:
    name, day_behind, ordinal, year, day_first, later_name, later_year, iso_year, iso_month, iso_day = match.groups()
    month = int(iso_month) if iso_month else _MONTH_OF[name or later_name]
    day = int(day_behind or day_first or iso_day)
    year = int(year or later_year or iso_year or 0)
    start, stop = match.span()
    if not 1 <= month <= 12 or day < 1 or (start and text[start - 1] in "-/.,"):
        return None
    if day > _last(month, year):
        is_ordinal = not match.group().partition(" ")[0].isdecimal()
        # "in June 31 people" is no date; with an ordinal, a year or the day in front it is one.
        is_date = year or ordinal or (day_first and (is_ordinal or not text[stop : stop + 2].strip().isalnum()))
        known = f"{_ENGLISH_MONTHS[month - 1]} has {_length(month, year)} days{f' in {year}' if year else ''}."
        return Slip(start, stop, "impossible-date", known, _SOURCE) if is_date and day <= 39 else None
    return _weekday(text, start, stop, date(year, month, day)) if year >= _FIRST_SURE_YEAR else None


def _weekday(text: str, start: int, stop: int, day: date) -> Slip | None:
    before = _DAY_BEFORE.search(text[max(0, start - 24) : start])
    after = _DAY_AFTER.search(text[stop : stop + 40])
    told = before.group(1) if before else after.group(1) if after else ""
    if not told or _DAY_OF[told] == day.weekday():
        return None
    end = stop + after.end() if after and not before else stop
    known = f"{day.isoformat()} is a {_ENGLISH_DAYS[day.weekday()]}."
    return Slip(start, end, "weekday", known, _SOURCE)


def _last(month: int, year: int) -> int:
    return monthrange(year or 2024, month)[1]


def _length(month: int, year: int = 0) -> str:
    if month == 2 and not year:
        return "28 or 29"
    return str(_last(month, year or 2023))
