"""Where a model comes from, as a drawing: boxes for models, oldest on the left, and arrows to what was made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from leeward.licences.derivatives.entry import Link, filed

# In the drawing's own units, which are pixels at its natural size.
_BOX_WIDTH: Final = 236
_BOX_HEIGHT: Final = 52
_GAP_ACROSS: Final = 132
_GAP_DOWN: Final = 26
_MARGIN: Final = 4
_LONGEST_WORD: Final = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """One model.

    Attributes:
        maker: What stands before the slash of its name; may be empty.
        word: The rest of its name, shortened where it is too long.
        entry: Id of its entry; empty when it has none or is the one shown.
    """

    x: int
    y: int
    width: int
    height: int
    name: str
    maker: str
    word: str
    is_shown: bool
    entry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One model made from another.

    Attributes:
        path: An SVG path.
        x, y: Middle of its label.
        is_undeclared: Whether the weights alone show it.
    """

    path: str
    x: int
    y: int
    label: str
    is_undeclared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """A lineage.

    Attributes:
        says: The same in words.
    """

    width: int
    height: int
    boxes: tuple[Box, ...]
    arrows: tuple[Arrow, ...]
    says: str


def draw(name: str, links: Sequence[Link], entries: Mapping[str, str]) -> Drawing:
    """Return the drawing of all that lies above a model.

    Args:
        name: The model that is shown; it stands on the right.
        links: Who was made from whom.
        entries: Ids of entries, by filed name.
    """
    columns = _columns(_levels(name, links))
    height = max(len(column) for column in columns)
    boxes: dict[str, Box] = {}
    for at, column in enumerate(columns):
        top = (height - len(column)) * (_BOX_HEIGHT + _GAP_DOWN) // 2
        for row, model in enumerate(column):
            x, y = at * (_BOX_WIDTH + _GAP_ACROSS), top + row * (_BOX_HEIGHT + _GAP_DOWN)
            entry = "" if model == name else entries.get(filed(model), "")
            boxes[model] = _box(model, _MARGIN + x, _MARGIN + y, is_shown=model == name, entry=entry)
    return Drawing(
        width=len(columns) * (_BOX_WIDTH + _GAP_ACROSS) - _GAP_ACROSS + 2 * _MARGIN,
        height=height * (_BOX_HEIGHT + _GAP_DOWN) - _GAP_DOWN + 2 * _MARGIN,
        boxes=tuple(boxes.values()),
        arrows=tuple(_arrow(link, boxes) for link in links if {link.child, link.parent} <= boxes.keys()),
        says=". ".join(in_words(link) for link in links) or f"Nothing is known of where {name} comes from",
    )


def in_words(link: Link) -> str:
    """Return what one arrow says, e.g. `b is a fine-tune of a`."""
    if link.score is not None:
        return f"the weights of {link.child} were made from those of {link.parent}, likeness {link.score:.2f}"
    article = "an" if link.relation[:1] in "aeiou" else "a"
    return f"{link.child} is {article} {link.relation} of {link.parent}"


def _levels(name: str, links: Sequence[Link]) -> dict[str, int]:
    """Return how far above `name` each model lies: the longest way counts, and a loop is walked once."""
    parents: dict[str, list[str]] = {}
    for link in links:
        parents.setdefault(link.child, []).append(link.parent)
    levels = {name: 0}
    waiting: list[tuple[str, tuple[str, ...]]] = [(name, ())]
    while waiting:
        model, way = waiting.pop()
        for parent in parents.get(model, []):
            if parent in way or parent == model or levels.get(parent, -1) > len(way):
                continue
            levels[parent] = len(way) + 1
            waiting.append((parent, (*way, model)))
    return levels


def _columns(levels: Mapping[str, int]) -> list[list[str]]:
    most = max(levels.values())
    return [[model for model, level in levels.items() if level == at] for at in range(most, -1, -1)]


def _box(name: str, x: int, y: int, *, is_shown: bool, entry: str) -> Box:
    maker, _, word = name.rpartition("/")
    return Box(
        x=x,
        y=y,
        width=_BOX_WIDTH,
        height=_BOX_HEIGHT,
        name=name,
        maker=_short(maker),
        word=_short(word or name),
        is_shown=is_shown,
        entry=entry,
    )


def _short(word: str) -> str:
    half = _LONGEST_WORD // 2
    return word if len(word) <= _LONGEST_WORD else f"{word[: half - 1]}…{word[-half:]}"


def _arrow(link: Link, boxes: Mapping[str, Box]) -> Arrow:
    parent, child = boxes[link.parent], boxes[link.child]
    x1, y1 = parent.x + parent.width, parent.y + parent.height // 2
    x2, y2 = child.x - 7, child.y + child.height // 2
    middle = (x1 + x2) // 2
    return Arrow(
        path=f"M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}",
        x=middle,
        y=(y1 + y2) // 2 - 7,
        label=f"weights {link.score:.2f}" if link.score is not None else link.relation,
        is_undeclared=link.score is not None,
    )
