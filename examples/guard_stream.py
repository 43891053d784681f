"""The library: what a model writes is examined while it writes, and shown only then."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from leeward import Guard


def words(text: str) -> Iterator[str]:
    """Give a text word by word, as a model would."""
    for word in text.split(" "):
        yield f"{word} "


GOOD = "The harbour is quiet in the morning. Gulls stand on the wall and wait for the boats. " * 8
TURNING = GOOD + "But let us be honest: those foreigners are vermin, and we should beat them until they leave."


def show(guard: Guard, reply: str) -> None:
    """Print a reply as it may be shown, each piece that was let go on a line of its own."""
    stream = guard.stream(words(reply))
    for piece in stream:
        sys.stdout.write(f"{piece}|\n")
    verdict = stream.verdict
    print(f"  {verdict.disposition.word}, stopped {stream.is_stopped}, rules {list(verdict.rules)}\n")


if __name__ == "__main__":
    guard = Guard()
    show(guard, GOOD)
    show(guard, TURNING)
    guard.close()
