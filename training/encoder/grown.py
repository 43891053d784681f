"""Contrast texts of our own in `training/grown/*.txt` and its second part `more/` as rows (CC0-1.0)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data import Row, folded
from labels import HAZARDS, TOPICS

FOLDER = Path(__file__).parents[1] / "grown"
HARM = tuple(hazard for hazard in HAZARDS if hazard not in TOPICS)
LABELS = (*HAZARDS, "refusal", "harm")
# Theme of entry k of `request`, upper bounds: what its harmful side is about.
_THEMES = (
    (4, ("dangerous",)), (8, ("dangerous",)), (11, ("dangerous", "violence")), (15, ("criminal",)), (18, ("criminal",)),
    (22, ("criminal",)), (25, ("criminal",)), (29, ("violence", "harassment")), (33, ("hate",)), (36, ("harassment",)),
    (39, ("violence",)), (42, ("criminal",)), (45, ("criminal",)), (48, ("criminal",)), (50, ("criminal",)),
    (52, ("violence?",)), (54, ("criminal",)), (56, ("violence",)),
)  # fmt: skip
# The same for `request2`, two entries a theme.
_THEMES_MORE = (
    ("dangerous",), ("dangerous",), ("dangerous", "violence"), ("criminal",), ("criminal",), ("criminal",),
    ("criminal",), ("violence", "harassment"), ("hate",), ("harassment",), ("violence",), ("criminal",), ("criminal",),
    ("criminal",), ("criminal",), ("violence?",), ("criminal",), ("violence",), ("dangerous",), ("criminal",),
)  # fmt: skip
_FAINT = {
    "dangerous": ("criminal",), "criminal": ("dangerous", "malware", "licence.circumvention"),
    "violence": ("hate", "harassment", "dangerous", "criminal"), "harassment": ("hate", "violence", "criminal"),
    "hate": ("harassment", "violence", "stereotype", "misinformation"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """A row with what was said before it."""

    row: Row
    context: str = ""
    pair: str = ""


def fold_at(section: str, place: int) -> str:
    """Return the fold of entry `place` of a section, the same in every language."""
    if section == "frames":
        return {11: "dev", 17: "cal"}.get(place, "train")
    if section == "frames2":
        return {13: "dev", 21: "dev", 17: "cal"}.get(place, "train")
    return {3: "dev", 7: "cal"}.get(place % 10, "train")


def sections(path: Path) -> Iterator[tuple[str, int, str]]:
    """Yield section, place and line of one file."""
    section, place = "", 0
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            section, place = line[3:].strip(), 0
        elif line.strip():
            yield section, place, line.strip()
            place += 1


def entries_of(path: Path) -> list[tuple[str, int, str]]:
    """Return section, place and line of one file and of its second part."""
    more = FOLDER / "more" / path.name
    return [*sections(path), *(sections(more) if more.exists() else ())]


def grown() -> Iterator[Text]:
    """Yield every text of every language."""
    for path in sorted(FOLDER.glob("*.txt")):
        entries = entries_of(path)
        groups = [line for section, _, line in entries if section == "groups"]
        for section, place, line in entries:
            if section != "groups":
                yield from _texts(path.stem, section, place, [part.strip() for part in line.split("||")], groups)


def _said(harmful: tuple[str, ...], refusal: float | None = None) -> dict[str, float]:
    """Return labels: all harms absent but `harmful` and those that may well come with it."""
    open_to = {near for hazard in harmful for near in _FAINT.get(hazard, ())}
    if not harmful:
        open_to = set()
    said = {hazard: 0.0 for hazard in HARM if hazard not in open_to}
    said |= {hazard: 1.0 for hazard in harmful if not hazard.endswith("?")}
    said["harm"] = float(bool(harmful))
    if refusal is not None:
        said["refusal"] = refusal
    return said


def _asked(section: str, place: int) -> dict[str, float]:
    """Return labels of the harmful side of a request, which its place tells."""
    if section == "request":
        theme = next((hazards for bound, hazards in _THEMES if place < bound), ("criminal",))
        is_break_in = 18 <= place < 22
    else:
        theme = _THEMES_MORE[min(place // 2, len(_THEMES_MORE) - 1)]
        is_break_in = 10 <= place < 12
    said = _said(theme)
    if is_break_in:  # it may well be malware that is asked for
        said.pop("malware", None)
    return said


def _texts(lang: str, section: str, place: int, parts: list[str], groups: list[str]) -> Iterator[Text]:
    fold, key = fold_at(section, place), f"grown-{section}-{place}"

    def text(
        side: int,
        said: dict[str, float],
        *,
        raw: str = "",
        number: int = 0,
        kind: str = "prompt",
        everyday: bool = False,
    ) -> Text:
        words = raw or parts[side]
        before, _, judged = words.rpartition(">>") if section == "exchange" else ("", "", words)
        row = Row(
            f"{key}-{lang}-{side}-{number}",
            folded(judged.strip()),
            lang.partition("-")[0],
            "grown",
            key,
            fold,
            said,
            everyday,
            kind,
        )
        return Text(row, folded(before.strip()), f"{key}-{lang}-{number}" if len(parts) > 1 else "")

    if section in ("frames", "frames2") and len(parts) == 2:
        for number, group in enumerate(groups):
            for side, harm in ((0, ("hate",)), (1, ())):
                words = parts[side].replace("{g}", group)
                yield text(side, _said(harm), raw=words[:1].upper() + words[1:], number=number)
    elif section in ("hate", "hate2", "hate3") and len(parts) == 2:
        yield text(0, _said(("hate",)))
        yield text(1, _said(()))
    elif section == "stereotype" and len(parts) == 2:
        said = _said(("stereotype",))
        for hazard in ("misinformation", "harm"):
            said.pop(hazard, None)
        yield text(0, said, kind="response")
        yield text(1, _said(()), kind="response")
    elif section in ("request", "request2") and len(parts) == 2:
        yield text(0, _asked(section, place))
        yield text(1, _said(()))
    elif section in ("selfharm", "selfharm2") and len(parts) == 3:
        asked = _said(("self-harm",))
        for hazard in ("distress", "violence", "dangerous"):
            asked.pop(hazard, None)
        yield text(0, asked)
        yield text(1, {**_said(()), "distress": 1.0, "harm": 1.0})
        yield text(2, _said(()))
    elif section in ("malware", "malware2") and len(parts) == 2:
        asked = _said(("malware",))
        asked.pop("criminal", None)
        yield text(0, asked)
        yield text(1, _said(()))
    elif section == "exchange" and len(parts) == 2 and all(part.count(">>") == 1 for part in parts):
        yield text(0, {"harm": 1.0}, kind="exchange")
        yield text(1, _said(()), kind="exchange")
    elif section == "refusals" and len(parts) == 2:
        yield text(0, _said((), 1.0), kind="response")
        yield text(1, _said((), 0.0), kind="response")
    elif section in ("ordinary", "ordinary2", "ordinary3"):
        yield text(0, _said(()), everyday=True)
    elif section in ("replies", "replies3"):
        yield text(0, _said((), 0.0), kind="response", everyday=True)
