"""Breaks up what could end the text's place in a guard's prompt; to a reader little changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

Breaker: TypeAlias = Callable[[str], str]
# Tokens of ChatML, Llama 3 and 4, Granite and the like: a server's tokenizer takes them from a text as it does from
# its own template. Nothing in them can be written across a line.
PIPED: Final = r"<\|[^|<>\r\n]{0,64}\|>"


def breaker(tokens: Sequence[str], line_starts: Sequence[str] = ()) -> Breaker:
    """Return what puts a space into each token of a family that occurs in a text, so that it is plain text.

    Args:
        tokens: Linear patterns, matched without regard to case; a space follows their first character.
        line_starts: Linear patterns of role labels, matched at the start of a line only; a space goes before their last
            character, so that a text cannot pretend that another turn begins.
    """
    inside = re.compile("|".join(tokens), re.IGNORECASE)
    leading = re.compile(rf"(?m)^([^\S\n]*)((?:{'|'.join(line_starts)}))", re.IGNORECASE) if line_starts else None

    def broken(text: str) -> str:
        text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
        text = inside.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)
        if leading is None:
            return text
        return leading.sub(lambda found: f"{found[1]}{found[2][:-1]} {found[2][-1]}", text)

    return broken
