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
_HARMLESS = ("fair", "fine", "health", "financial", "law")


def seed_rows() -> Iterator[Row]:
    """Yield each seed text; those with `{g}` once for each group of people of the language.

    A text with a hazard leaves the other hazards unknown; a harmless one is none of them. What stands at one
    place of one kind says the same in all languages, and so shares a fold.
    """
    table = tomllib.loads((Path(__file__).parent / "seeds.toml").read_text(encoding="utf-8"))
    for lang, kinds in table.items():
        groups = kinds["groups"]
        for kind, hazards in _KINDS.items():
            for place, template in enumerate(kinds.get(kind, [])):
                for number, people in enumerate(groups if "{g}" in template else [""]):
                    said = dict.fromkeys(HAZARDS, 0.0) if kind in _HARMLESS else dict.fromkeys(TOPICS, 0.0)
                    said |= dict.fromkeys(hazards, 1.0)
                    if kind == "distress":
                        said["self-harm"] = 0.0
                    group = f"seeds-{kind}-{place}"
                    text = folded(template.replace("{g}", people))
                    yield Row(f"seed:{lang}-{kind}-{place}-{number}", text, lang, "seeds", group, fold_of(group), said)
