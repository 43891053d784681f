"""A table of invented words that stands in for sexual terms: no test holds a text that the real ones would find."""

from __future__ import annotations

from pathlib import Path

from leeward.detectors.minor_lexicon_table import Term, TermKind, packed

SALT = b"invented words 1"
TERMS = (
    Term("blorvish", TermKind.EXPLICIT, is_open=True),
    Term("snarquel", TermKind.EXPLICIT),
    Term("quimple dax", TermKind.EXPLICIT),
    Term("Zörbel", TermKind.EXPLICIT),
    Term("трумбля", TermKind.EXPLICIT, is_open=True),
    Term("ぐもらび", TermKind.EXPLICIT),
    Term("咕摩", TermKind.EXPLICIT),
    Term("โกมูบี", TermKind.EXPLICIT),
    Term("grolp", TermKind.VULGAR),
    Term("plimf", TermKind.VULGAR),
    Term("frubb", TermKind.VULGAR),
)


def written(path: Path) -> Path:
    """Write the table to `path` and return it."""
    path.write_bytes(packed(TERMS, SALT))
    return path
