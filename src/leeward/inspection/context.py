"""What was said before a text: a reply is judged with its prompt, a short turn of the user with the turns before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leeward.domain.view import CONTEXT_CHARS

SHORT_TURN_CHARS = 200  # a turn of so many characters or more speaks for itself


def contexts(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the context of each text of one conversation: what the user said before a short turn, else nothing.

    It depends on earlier turns only, so that of the history stays the same while a conversation grows.

    Args:
        said: Role and text, in order.
    """
    earlier = ""
    for role, text in said:
        if role != "user":
            yield ""
            continue
        yield earlier if len(text) < SHORT_TURN_CHARS else ""
        earlier = _last(filter(None, (earlier, text[-CONTEXT_CHARS:])))


def newest_turn(said: Iterable[tuple[str, str]]) -> str:
    """Return what the user said last, with no answer in between: the context of the reply to it.

    Args:
        said: Role and text, in order.
    """
    turn: list[str] = []
    is_answered = False
    for role, text in said:
        if role == "user":
            if is_answered:
                turn.clear()
            turn.append(text[-CONTEXT_CHARS:])
        is_answered = role == "assistant" or (is_answered and role != "user")
    return _last(filter(None, turn))


def _last(texts: Iterable[str]) -> str:
    return "\n".join(texts)[-CONTEXT_CHARS:]
