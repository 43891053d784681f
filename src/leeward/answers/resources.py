"""Help lines for people at risk."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files
from typing import Final, Literal

import msgspec

from leeward.answers.texts import texts_in

_VALID_DAYS: Final = 180
_EU_EMERGENCY: Final = "112"
HelpLines = Literal["verified", "corroborated"]


class _Line(msgspec.Struct, frozen=True, kw_only=True):
    country: str
    service: str
    status: str
    kind: str
    emergency: str = ""
    languages: tuple[str, ...] = ()
    phone: str = ""
    text: str = ""
    url: str = ""
    hours: str = ""
    verified_on: date | None = None
    verified_by: str | None = None


class _Book(msgspec.Struct, frozen=True):
    directory: str
    entries: tuple[_Line, ...]


@dataclass(frozen=True, slots=True)
class Resources:
    """Which help lines are shown.

    Attributes:
        country: Two-letter code whose lines come first; empty shows the directory alone.
        help_lines: `verified` shows lines that a person confirmed less than 180 days ago; `corroborated` shows also
            lines that two sources agree on. The emergency number and the directory are always shown.
        today: What day it is; decides which confirmations still hold.
    """

    country: str = ""
    help_lines: HelpLines = "verified"
    today: date = date.min

    def text(self, language: str) -> str:
        """Return the help lines as a short list in `language`."""
        book, texts = _book(), texts_in(language)
        local = [line for line in book.entries if line.country == self.country.upper()]
        emergency = next((line.emergency for line in local if line.emergency), _EU_EMERGENCY)
        rows = [_row(line) for line in local if self._may_show(line)]
        rows.append(texts.emergency.format(number=emergency))
        rows.append(texts.directory.format(url=book.directory))
        return "\n".join([texts.help, *(f"- {row}" for row in rows)])

    def _may_show(self, line: _Line) -> bool:
        if line.verified_on is not None and (self.today - line.verified_on).days < _VALID_DAYS:
            return True
        return self.help_lines == "corroborated" and line.status == "corroborated"


def _row(line: _Line) -> str:
    ways = ", ".join(way for way in (line.phone, line.text and f"SMS {line.text}", line.url) if way)
    hours = f" ({line.hours})" if line.hours else ""
    return f"{line.service}: {ways}{hours}"


@cache
def _book() -> _Book:
    return msgspec.json.decode(files("leeward.answers").joinpath("helplines.json").read_bytes(), type=_Book)
