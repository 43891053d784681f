"""Short texts of our own in 28 languages, for hazards and languages in which data is thin (CC0-1.0)."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
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


def seed_rows() -> Iterator[Row]:
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
