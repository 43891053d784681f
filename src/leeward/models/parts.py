"""How a long text is cut for gate and encoder alike: what one clears, the other need not read."""

from __future__ import annotations

PART_CHARS, PART_OVERLAP = 480, 120  # parts of a long text, and how much of the one before each repeats


def parts(text: str) -> list[str]:
    """Return `text` in overlapping parts that begin where a word does."""
    found, start = [], 0
    while True:
        found.append(text[start : start + PART_CHARS])
        if start + PART_CHARS >= len(text):
            return found
        begin = start + PART_CHARS - PART_OVERLAP
        gap = text.find(" ", begin, begin + 40)
        start = gap + 1 if gap >= 0 else begin
