"""What the stream machine asks of its driver, and what it gives out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from leeward.domain.verdict import Firing, Verdict
from leeward.domain.view import View


@dataclass(frozen=True, slots=True)
class NeedText:
    """Nothing to do until more text comes or the part ends."""


@dataclass(frozen=True, slots=True)
class Examine:
    """Judge this view and tell the machine with `settle`."""

    view: View


@dataclass(frozen=True, slots=True)
class Release:
    """This text may leave."""

    text: str


@dataclass(frozen=True, slots=True)
class Annotate:
    """A note is due here, right after the text released so far."""

    firings: tuple[Firing, ...]


@dataclass(frozen=True, slots=True)
class Stop:
    """No further text may leave; what was not released is gone."""

    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Done:
    """The part has ended and all of it was released; `verdict` is over the whole part."""

    verdict: Verdict


Step: TypeAlias = NeedText | Examine | Release | Annotate | Stop | Done
Output: TypeAlias = Release | Annotate | Stop | Done
