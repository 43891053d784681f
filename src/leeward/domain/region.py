"""What differs from region to region, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

ANY_LANGUAGE: Final = "any"
"""Language of a wording that is the same in every language, such as a slogan or a symbol."""
FAMILY: Final = "region."

_CODE: Final = re.compile(r"[a-z]{2}")
_ENTRY: Final = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_LANGUAGE: Final = re.compile(r"[a-z]{2,3}")
_MARK: Final = re.compile(r"[0-9a-f]{8}-[0-9a-f]{16}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """Terms of one language that must stand together in one sentence.

    Attributes:
        language: Primary tag, or `any`.
        parts: Lists of terms with commas between them; one term of each list must occur, the rarest list first. A `*`
            at either end of a term leaves that end open.
        unless: Terms, likewise; one near the match withdraws it, whatever the entry's contexts say.
        within: Longest distance from a term of the first part to one of another part, in characters.
    """

    language: str
    parts: tuple[str, ...]
    unless: str = ""
    within: int = 60

    def __post_init__(self) -> None:
        if not _LANGUAGE.fullmatch(self.language):
            raise ValueError(f"language {self.language!r} is neither a lower-case tag such as 'fr' nor 'any'")
        if not self.parts or not all(part.strip(" ,*") for part in self.parts):
            raise ValueError(f"a wording in {self.language!r} has an empty list of terms")


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionEntry:
    """One thing that a region's law or culture treats otherwise than the rest of the world.

    Attributes:
        id: Name within the region, e.g. `holocaust-denial`.
        title: What it is, for a person.
        hazard: Which harm of RULE-MIST-001 it is: `hate`, `harassment` or `violence`.
        source: Law, judgement, study or lexicon that it rests on.
        excused_by: Contexts in which the words are not meant, e.g. `education`.
        enforce: Whether choosing the region enforces it; otherwise a ruleset must name it.
        note: What a person who chooses should know.
        lists: Names of wordings that regions share.
        wording: Wordings of this region alone.
        marks: Single words that are not spelled out; see `leeward.detectors.word_marks`.
        matches: Texts in which it must be found.
        passes: Texts near to it in which it must not.
    """

    id: str
    title: str
    hazard: str
    source: str
    excused_by: tuple[str, ...]
    enforce: bool = True
    note: str = ""
    lists: tuple[str, ...] = ()
    wording: tuple[Wording, ...] = ()
    marks: tuple[str, ...] = ()
    matches: tuple[str, ...] = ()
    passes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not _ENTRY.fullmatch(self.id):
            raise ValueError(f"entry {self.id!r}: use lower-case letters, digits and '-'")
        if self.hazard not in ("hate", "harassment", "violence"):
            raise ValueError(f"entry {self.id!r}: hazard {self.hazard!r} is none of hate, harassment, violence")
        if not self.source.strip() or not self.title.strip():
            raise ValueError(f"entry {self.id!r} needs a title and a source")
        if not (self.lists or self.wording or self.marks):
            raise ValueError(f"entry {self.id!r} looks for nothing; give it lists, wording or marks")
        for mark in self.marks:
            if not _MARK.fullmatch(mark):
                raise ValueError(f"entry {self.id!r}: {mark!r} is no mark; make one with leeward.detectors.word_marks")


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """One region.

    Attributes:
        code: ISO 3166-1 alpha-2, lower case.
        name: In English.
        entry: What differs there; no two share an id.
    """

    code: str
    name: str
    entry: tuple[RegionEntry, ...]

    def __post_init__(self) -> None:
        if not _CODE.fullmatch(self.code):
            raise ValueError(f"region {self.code!r} is no two-letter code in lower case")
        if len({entry.id for entry in self.entry}) < len(self.entry):
            raise ValueError(f"two entries of region {self.code!r} share an id")

    def hazard(self, entry: RegionEntry) -> str:
        """Return the hazard of findings of `entry`, e.g. `region.de.holocaust-denial`."""
        return f"{FAMILY}{self.code}.{entry.id}"
