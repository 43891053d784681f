"""Where a text in a form, such as JSON, code, a table or a log, is divided: a narrower range than a sentence."""

from __future__ import annotations

import re

_KEY = r"[A-Za-z_][\w.-]{0,30}"
# Each match belongs to no cell. Prose holds none of these but line breaks, so its sentences stay whole.
_BORDER = re.compile(
    r"\s*[\n\r]\s*"  # lines
    r"|\s+\|\s*|(?m:^)\||\t+|(?<!\d),(?=[^\s,])|,(?=[^\s,\d])|;(?=\S)"  # cells of tables
    r"|\"\s*[,:}\])]+\s*|(?<=[:,{\[(=\s])[\"'`]|[\"'`](?=\s*[,;)\]}>])"  # strings
    rf"|(?<![^\s&?,;({{]){_KEY}=(?=[^\s=])"  # key=value
    rf"|(?m:^)[ \t]*(?:-[ ]+)?{_KEY}:[ \t]+"  # key: value
    r"|(?m:^)\[?\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?[.,\d]*(?:Z|[+-]\d\d:?\d\d)?\]?[ \t]+"  # time
    r"(?:\[?[A-Z]{4,8}\]?:?[ \t]+)?"  # and level of a log
    r"|[ \t]*<!--[ \t]*|[ \t]*-->[ \t]*|[ \t]*/\*+[ \t]*|[ \t]*\*+/[ \t]*"  # comments
    r"|(?:[ \t]+|(?<=[;{}]))(?=(?://+|#+|--)[ \t])"  # a sign that opens a comment belongs to it
    r"|[ \t]*</?[A-Za-z][^<>]{0,80}>[ \t]*"  # markup
)
_SENTENCE_END = re.compile(r"[.!?;؟।…]+[\"'”»)\]]*(?=\s|$)|[。！？；]+[」』”]?")
_ESCAPED = re.compile(r"\\[nrt\"]")
_AS_LONG = {"\\n": " \n", "\\r": " \n", "\\t": " \t", '\\"': ' "'}


def unescaped(text: str) -> str:
    """Return `text` with the line breaks, tabs and quotation marks that JSON escapes in it, as long as before."""
    return _ESCAPED.sub(lambda escape: _AS_LONG[escape[0]], text) if "\\" in text else text


def cells(text: str, start: int, stop: int) -> list[tuple[int, int]]:
    """Return the cells of `text[start:stop]` that are not blank."""
    found: list[tuple[int, int]] = []
    last = start
    for begin, end in (*(border.span() for border in _BORDER.finditer(text, start, stop)), (stop, stop)):
        if text[last:begin].strip():
            found.append((last, begin))
        last = end
    return found


def sentence_edges(text: str) -> list[int]:
    """Return where sentences and cells begin, each with what divides it from the next; the last edge is the end."""
    text = unescaped(text)
    edges = {match.end() for match in _SENTENCE_END.finditer(text)}
    edges |= {start for start, _ in cells(text, 0, len(text))}
    return sorted({0, len(text)} | edges)
