"""Texts of simulated callers: drawn from pools of real ones, else made up from word lists."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from importlib.resources import files
from random import Random
from typing import Literal

Role = Literal["human", "document", "instruction", "exam"]
ROLES: tuple[Role, ...] = ("human", "document", "instruction", "exam")

_SLOT = re.compile(r"\{(\w+)\}")
_Piece = str | tuple[str]


@cache
def _lists() -> Mapping[str, tuple[str, ...]]:
    tables = tomllib.loads(files(__package__).joinpath("words.toml").read_text("utf-8"))
    return {
        name: tuple(" ".join(w.split()) for w in value.split(",")) if isinstance(value, str) else tuple(value)
        for name, value in tables.items()
    }


@cache
def _pieces(pattern: str) -> tuple[_Piece, ...]:
    """Return what a pattern is made of; a slot is a tuple that holds its name."""
    parts = _SLOT.split(pattern)
    return tuple((part,) if i % 2 else part for i, part in enumerate(parts) if part)


class Texts:
    """Draws texts.

    Args:
        chance: Where randomness comes from; the same seed gives the same texts.
        pools: Real texts by role; a role without any is made up.
    """

    def __init__(self, chance: Random, pools: Mapping[Role, Sequence[str]] | None = None) -> None:
        self._chance = chance
        self._pools = {role: texts for role, texts in (pools or {}).items() if texts}
        self._makers: Mapping[str, Callable[[], str]] = {
            "n": lambda: str(chance.randint(3, 99)),
            "m": lambda: str(chance.randint(2, 40)),
            "k": lambda: str(chance.randint(5, 900)),
            "document": self.document,
            "instruction": self.instruction,
            "exam": self.exam,
        }

    def choice(self, name: str) -> str:
        """Return an entry of a list of `words.toml`, as it stands."""
        return self._chance.choice(_lists()[name])

    def made(self, name: str) -> str:
        """Return an entry of a list with its slots filled."""
        return self.fill(self.choice(name))

    def fill(self, pattern: str) -> str:
        """Return `pattern` with every slot filled."""
        return "".join(p if isinstance(p, str) else self._slot(p[0]) for p in _pieces(pattern))

    def human(self) -> str:
        """Return what a person might type first."""
        return self._pooled("human") or self.made("human")

    def follow_up(self) -> str:
        """Return what a person might type next."""
        return self.made("follow_up")

    def document(self) -> str:
        """Return a few sentences of a document or ticket."""
        return self._pooled("document") or " ".join(self.made("sentence") for _ in range(self._chance.randint(1, 6)))

    def instruction(self) -> str:
        """Return a task that stands by itself."""
        return self._pooled("instruction") or self.made("instruction")

    def task(self) -> str:
        """Return a task that an honest caller wrote; never from a pool, which holds what extractors send."""
        return self.made("instruction")

    def exam(self) -> str:
        """Return a question of an examination."""
        return self._pooled("exam") or self.made("exam")

    def words(self) -> str:
        """Return random words."""
        count = self._chance.randint(5, 24)
        return " ".join(self.choice(self._chance.choice(("noun", "verb", "thing"))) for _ in range(count))

    def swept(self, role: Role) -> Iterator[str]:
        """Yield the whole pool of a role in random order, then made-up texts without end."""
        pool = list(self._pools.get(role, ()))
        self._chance.shuffle(pool)
        yield from pool
        while True:
            yield self.made(role)

    def _pooled(self, role: Role) -> str:
        pool = self._pools.get(role)
        return self._chance.choice(pool) if pool else ""

    def _slot(self, name: str) -> str:
        maker = self._makers.get(name)
        return maker() if maker else self.made(name)


def halves(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return every other text and the rest: one half to tune on, one to report."""
    both = list(texts)
    return both[::2], both[1::2]
