"""What was said before a text: a reply is judged with its prompt, a short turn of the user with the turns before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from leeward.domain.view import CONTEXT_CHARS

SHORT_TURN_CHARS = 200  # a turn of so many characters or more speaks for itself


def contexts(said: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield the context of each text of one conversation: what the user said before a short last turn, else nothing.

    Only the turn that is asked now is read so: the turns before it were, when they were asked, and judging each again
    with its past would cost a long conversation dearly.

    Args:
        said: Role and text, in order.
    """
    turns = list(said)
    last = max((at for at, (role, _) in enumerate(turns) if role == "user"), default=-1)
    for at, (_, text) in enumerate(turns):
        if at != last or len(text) >= SHORT_TURN_CHARS:
            yield ""
        else:
            yield _last(earlier[-CONTEXT_CHARS:] for role, earlier in turns[:at] if role == "user" and earlier)


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
