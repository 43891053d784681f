"""Ordinary English that hardly repeats, so that no cache of judged texts can answer for the work."""

from __future__ import annotations

_WHO = """The harbour office, A retired teacher, My neighbour, The night librarian, One of the gardeners,
The bakery on our street, Our youngest cousin, The railway museum, A travelling clockmaker, The village choir,
The woman at the post office, A student of geography, The ferry captain, The local newspaper, An old sailor,
The carpenter next door"""
_DOES = """keeps a careful list of, has written a short letter about, would like to learn more about,
often tells the children about, is planning an exhibition about, has collected photographs of, gave a cheerful talk on,
is reading a long book about, painted a small picture of, asked the council about, made a detailed map of,
prepared a simple guide to, found an early description of, compared two accounts of, taught a weekend class on,
recorded a programme about"""
_WHAT = """the wooden bridges over the river, apple varieties that ripen in late autumn, the lamps in the lighthouse,
migrating birds along the coast, the first timetable of the mountain railway, bread that is baked on stone,
the tides in the narrow bay, islands which appear on ancient maps, repairing clocks with brass wheels,
songs that fishermen used to sing, the market square before the fire station was built, growing tomatoes under glass,
letters sent between two lighthouses, the colours of the evening sky in winter, how paper was made in the valley,
the stone walls between the fields"""


def _pool() -> list[str]:
    who, does, what = ([each.strip() for each in text.split(",")] for text in (_WHO, _DOES, _WHAT))
    return [f"{a} {b} {c}." for a in who for b in does for c in what]


POOL = tuple(_pool())
# About 200 tokens.
SENTENCES = 13


def prose(number: int, sentences: int) -> str:
    """Return text number `number`; for millions of texts no two share more than a few sentences in a row."""
    place, step = number * 1_103 % len(POOL), number // len(POOL) * 2 + 257
    return " ".join(POOL[(place + i * step) % len(POOL)] for i in range(sentences))
