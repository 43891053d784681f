"""Where a tool call would go and what it would carry: addresses, paths, numbers, names of accounts, long texts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import re2

from leeward.domain.view import Span

_URL = re2.compile(r"(?i)\b(?:[a-z][a-z0-9+.-]{1,15}://|www\.)[^\s\"'<>\\^`{|}]+")
_EMAIL = re2.compile(r"(?i)[\pL\pN._%+-]+@[\pL\pN.-]+\.\pL{2,}")
_HOST = re2.compile(r"(?i)\b(?:[\pL\pN-]+\.)+\pL{2,}\b|\b(?:\d{1,3}\.){3}\d{1,3}\b")
_PATH = re2.compile(r"(?:~|\.{1,2})?(?:/[\pL\pN._@-]+){2,}/?|[A-Za-z]:\\[^\s\"<>|?*]+|~/[\pL\pN._@/-]+")
_NUMBER = re2.compile(r"\+?\(?\d(?:[ ()/.-]{0,2}\d){5,}")
# Letters and digits in one word: IBANs, wallets, customer numbers, keys.
_ACCOUNT = re2.compile(r"[\pL\pN][\pL\pN_-]{5,}")
_STRING = re.compile(r'"((?:[^"\\]|\\.){24,})"')
_HANDLE = re2.compile(r"[@#][\pL\pN_.-]{4,40}")
_LEAST_DIGITS = 6
_MOST = 200  # targets of one kind in one call


@dataclass(frozen=True, slots=True)
class Target:
    """Something in the arguments of a call.

    Attributes:
        kind: `url`, `email`, `host`, `path`, `number`, `account`, `text`.
        forms: What tells where it points to, the most telling first; for a `url` its host, then all before its query.
    """

    kind: str
    span: Span
    forms: tuple[str, ...]


def targets_in(text: str) -> Iterator[Target]:
    """Yield the targets in the arguments of a call, long texts last; one that lies within another is left out."""
    taken: list[Span] = []
    for target in _all(text):
        if not any(target.span.overlaps(span) for span in taken):
            taken.append(target.span)
            yield target
    for count, match in enumerate(_STRING.finditer(text)):
        if count >= _MOST:
            return
        yield Target("text", Span(*match.span(1)), (match[1],))


def _all(text: str) -> Iterator[Target]:
    for match in _found(_URL, text):
        yield Target("url", Span(*match.span()), _forms_of_url(match[0]))
    for kind, pattern in (("email", _EMAIL), ("path", _PATH), ("host", _HOST)):
        for match in _found(pattern, text):
            yield Target(kind, Span(*match.span()), (match[0],))
    for match in (*_found(_HANDLE, text), *_found(_ACCOUNT, text)):
        if match[0][0] in "@#" or (any(c.isdigit() for c in match[0]) and any(c.isalpha() for c in match[0])):
            yield Target("account", Span(*match.span()), (match[0],))
    for match in _found(_NUMBER, text):
        if sum(char.isdigit() for char in match[0]) >= _LEAST_DIGITS:
            yield Target("number", Span(*match.span()), (match[0],))


def _found(pattern: re2._Regexp[str], text: str) -> Iterator[re2._Match[str]]:
    for count, match in enumerate(pattern.finditer(text)):
        if count >= _MOST:
            return
        yield match


def _forms_of_url(url: str) -> tuple[str, ...]:
    rest = url.partition("://")[2] or url
    before_query = re.split(r"[?#]", rest, maxsplit=1)[0]
    host = before_query.partition("/")[0].rpartition("@")[2].partition(":")[0]
    return tuple(dict.fromkeys(form for form in (host, before_query.rstrip("/.,;)")) if form))
