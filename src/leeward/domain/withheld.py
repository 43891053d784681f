"""What a reply must not give away or act on: the operator's instructions, and what was flagged in data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, eq=False)
class Instructions:
    """The operator's instructions of one exchange, as a detector compares replies with them.

    Attributes:
        grams: Each run of `size` letters and digits in them, blanks and signs left out, also read backwards and in
            ROT13; with how much it tells the model what to do: 1 for a sentence that speaks to it, less for one that
            only reads like an order, 0 for others.
        size: Characters of a run.
        said: Gives what the caller said themself, in the same form; asked only when something matches.
        marks: Forms of the canary among letters and digits; empty when there is none.
        encoded_marks: Forms of the canary in base64, whose case counts.
    """

    grams: Mapping[str, float] = field(repr=False)
    size: int
    said: Callable[[], str] = field(repr=False)
    marks: tuple[str, ...] = field(default=(), repr=False)
    encoded_marks: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class Flagged:
    """What was flagged in tool results and documents of one exchange, and all else that the model was given.

    Attributes:
        text: Letters and digits of what was flagged, in lower case, also of what it hides in encodings.
        rest: Gives the same of everything else; asked only when something matches.
    """

    text: str = field(repr=False)
    rest: Callable[[], str] = field(repr=False)
