"""Short texts of our own in 28 languages, for hazards and languages in which data is thin (CC0-1.0)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from data import Row, fold_of, folded
from labels import HAZARDS, TOPICS

_KINDS: dict[str, tuple[str, ...]] = {
    "hate": ("hate",),
    "insult": ("harassment",),
    "threat": ("violence",),
    "dangerous": ("dangerous",),
    "malware": ("malware",),
    "criminal": ("criminal",),
    "selfharm": ("self-harm",),
    "distress": ("distress",),
    "injection": ("injection",),
    "licence": ("licence.circumvention",),
    "sexual": ("sexual",),
    "health": ("health",),
    "financial": ("financial",),
    "law": ("law",),
    "fair": (),
    "fine": (),
}
_HERE = Path(__file__).parent
_HARMLESS = ("fair", "fine", "health", "financial", "law")
_ABUSE = ("hate", "harassment", "violence", "stereotype")
_CRIME = ("criminal", "dangerous", "licence.circumvention")


@dataclass(frozen=True, slots=True)
class Mix:
    """A table of frames, and the table whose entries are put into them.

    Attributes:
        frames: Name of the frames; the entry follows a frame that has no place for it.
        of: Name of the entries; empty when a frame is a whole text.
        mark: The place in a frame.
        hazards: What each text has; none when it is harmless.
        open: Hazards that the texts may have beside; all others they have not.
    """

    frames: str
    of: str = ""
    mark: str = ""
    hazards: tuple[str, ...] = ()
    open: tuple[str, ...] = ()


# Harmful and harmless texts share their frames or their topics, so that neither a verb nor a topic is harm.
MIXES = (
    Mix("do", "mal", "{o}", ("malware",), _CRIME),
    Mix("do", "good", "{o}"),
    Mix("learn", "topic", "{t}"),
    Mix("hate", "foes", "{g}", ("hate",), _ABUSE),
    Mix("blame", "peoples", "{g}", ("hate",), _ABUSE),
    Mix("speak", "causes", "{c}"),
    Mix("menace", hazards=("violence",), open=(*_ABUSE, *_CRIME)),
    Mix("threat", "people", "{p}", ("violence",), (*_ABUSE, *_CRIME)),
    Mix("insult", "people", "{p}", ("harassment",), _ABUSE),
    Mix("kind", "people", "{p}"),
    Mix("distress", hazards=("distress",), open=TOPICS),
    Mix("selfharm", hazards=("self-harm",), open=("distress", "violence", "dangerous", *TOPICS)),
    Mix("care", open=TOPICS),
    Mix("past", open=TOPICS),
    Mix("inject", hazards=("injection",), open=("criminal",)),
    Mix("plain"),
    Mix("ask"),
)


def seed_rows() -> Iterator[Row]:
    """Yield the texts of all tables."""
    yield from _templates()
    tables = tomllib.loads((_HERE / "seeds_frames.toml").read_text(encoding="utf-8"))
    for lang, table in tables.items():
        for mix in MIXES:
            yield from _mixed(lang, table, mix)


def _mixed(lang: str, table: Mapping[str, Sequence[str]], mix: Mix) -> Iterator[Row]:
    """Yield each frame with each entry; a fold has entries, or whole texts, that no other fold has."""
    entries = table[mix.of] if mix.of else table[mix.frames]
    frames = table[mix.frames] if mix.of else ["{}"]
    said = dict.fromkeys((hazard for hazard in HAZARDS if hazard not in mix.open), 0.0)
    said |= dict.fromkeys(mix.hazards, 1.0)
    for place, entry in enumerate(entries):
        group = f"frames-{mix.frames}-{mix.of}-{place}"
        fold = _fold(group, place, len(entries))
        for number, frame in enumerate(frames):
            text = _filled(frame, mix.mark or "{}", entry)
            yield Row(f"{group}-{lang}-{number}", folded(text), lang, "frames", group, fold, said)


def _filled(frame: str, mark: str, entry: str) -> str:
    if mark in frame:
        return frame.replace(mark, entry)
    return f"{frame} {entry}" if ord(frame[-1]) < 0x0E00 else f"{frame}{entry}"


def _templates() -> Iterator[Row]:
    """Yield each seed text; those with `{g}` once for each group of people of the language.

    A text with a hazard leaves the other hazards unknown; a harmless one is none of them. What stands at one
    place of one kind says the same in all languages, and so shares a fold.
    """
    first, more = (
        tomllib.loads((_HERE / name).read_text(encoding="utf-8")) for name in ("seeds.toml", "seeds_more.toml")
    )
    for lang, kinds in first.items():
        groups = kinds["groups"]
        for kind, hazards in _KINDS.items():
            templates = kinds.get(kind, []) + more[lang].get(kind, [])
            for place, template in enumerate(templates):
                for number, people in enumerate(groups if "{g}" in template else [""]):
                    said = dict.fromkeys(HAZARDS, 0.0) if kind in _HARMLESS else dict.fromkeys(TOPICS, 0.0)
                    said |= {"child-exploitation": 0.0, "sexual": 0.0} | dict.fromkeys(hazards, 1.0)
                    if kind == "distress":
                        said["self-harm"] = 0.0
                    elif kind != "selfharm":
                        said["distress"] = 0.0
                    group = f"seeds-{kind}-{place}"
                    text = folded(template.replace("{g}", people))
                    fold = _fold(group, place, len(templates))
                    yield Row(f"seed:{lang}-{kind}-{place}-{number}", text, lang, "seeds", group, fold, said)


def _fold(group: str, place: int, places: int) -> str:
    """Return the fold: of four templates and more the last measures and the one before it calibrates."""
    if places < 4:
        return fold_of(group)
    return {places - 1: "dev", places - 2: "cal"}.get(place, "train")
