"""Contrast texts of our own in `training/grown/*.txt` as rows (CC0-1.0)."""

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


def grown() -> Iterator[Text]:
    """Yield every text of every language."""
    for path in sorted(FOLDER.glob("*.txt")):
        entries = list(sections(path))
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

    if section == "frames" and len(parts) == 2:
        for number, group in enumerate(groups):
            for side, harm in ((0, ("hate",)), (1, ())):
                words = parts[side].replace("{g}", group)
                yield text(side, _said(harm), raw=words[:1].upper() + words[1:], number=number)
    elif section == "hate" and len(parts) == 2:
        yield text(0, _said(("hate",)))
        yield text(1, _said(()))
    elif section == "request" and len(parts) == 2:
        theme = next((hazards for bound, hazards in _THEMES if place < bound), ("criminal",))
        if 18 <= place < 22:
            said = _said(theme)
            said.pop("malware", None)
        else:
            said = _said(theme)
        yield text(0, said)
        yield text(1, _said(()))
    elif section == "selfharm" and len(parts) == 3:
        asked = _said(("self-harm",))
        for hazard in ("distress", "violence", "dangerous"):
            asked.pop(hazard, None)
        yield text(0, asked)
        yield text(1, {**_said(()), "distress": 1.0, "harm": 1.0})
        yield text(2, _said(()))
    elif section == "malware" and len(parts) == 2:
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
    elif section == "ordinary":
        yield text(0, _said(()), everyday=True)
    elif section == "replies":
        yield text(0, _said((), 0.0), kind="response", everyday=True)
