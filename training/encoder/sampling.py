"""Draws rounds of training texts in which no source, side or language drowns the others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from data import LANGUAGES

from grown import Text

REQUESTS = {
    "catqa", "xsafety", "mlc_ailuminate_multi", "ailuminate", "advbench", "coconot", "r006_malware", "mlc_v05",
    "harmful", "singapore_safety",
}  # fmt: skip
ABUSE = ("hate", "harassment", "violence")
# Texts of one round by what they teach.
QUOTAS = {
    "twins": 3600, "frames-grown": 2200, "grown": 3800, "own": 1100, "requests": 2000, "abuse": 3000,
    "everyday": 3400, "harmless": 700, "injection": 700, "licence": 200, "stereotype": 600, "misinformation": 350,
    "support": 500, "code": 150,
}  # fmt: skip
OTHER_LANGUAGES = 0.12  # weight of a language that is not among the main ones
# The noisier or the more one-sided a source, the less one row of it says.
TRUST = {
    "uli": 0.4, "jigsaw_templates": 0.2, "redditbias": 0.5, "seegull": 0.3, "mlma": 0.25, "mlc_v05": 0.5,
    "roman_urdu": 0.5, "creak": 0.5, "ans_ar": 0.5, "cold": 0.6, "poleval_cbd": 0.7, "hatexplain": 0.7,
    "offenseval_tr": 0.8, "ogtd": 0.8,
}  # fmt: skip


def kind_of(text: Text) -> str:
    """Return the quota that `text` counts for."""
    row = text.row
    harmful = max(row.hazards.values()) > 0
    if row.source.startswith("twins"):
        return "twins"
    if row.source == "grown":
        return "frames-grown" if row.id.startswith("grown-frames") else "everyday" if row.everyday else "grown"
    if row.source in ("seeds", "frames"):
        return "own"
    if row.source in REQUESTS:
        return "requests"
    if row.source == "r009_injection":
        return "injection"
    if row.source.startswith("r003"):
        return "licence"
    if row.source in ("smilechat", "counselchat"):
        return "support"
    if row.source == "code":
        return "code"
    if row.everyday:
        return "everyday"
    if not harmful and len(row.hazards) > 8:
        return "harmless"
    if any(hazard in row.hazards for hazard in ABUSE):
        return "abuse"
    return "stereotype" if "stereotype" in row.hazards else "misinformation"


class Sampler:
    """Draws by weight and without putting back, in each round anew."""

    def __init__(self, texts: Sequence[Text]) -> None:
        self.weight = np.zeros(len(texts))
        cells: dict[tuple[str, str, bool], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
        for at, text in enumerate(texts):
            harmful = max(text.row.hazards.values()) > 0
            cells[kind_of(text), text.row.lang, harmful][text.row.source].append(at)
        self.members: dict[str, list[int]] = defaultdict(list)
        for (kind, lang, _), sources in cells.items():
            size = sum(map(len, sources.values()))
            share = size**0.4 * (1.0 if lang in LANGUAGES or lang == "code" else OTHER_LANGUAGES)
            roots = {source: len(members) ** 0.5 * TRUST.get(source, 1.0) for source, members in sources.items()}
            for source, members in sources.items():
                self.weight[members] = share * roots[source] / sum(roots.values()) / len(members)
                self.members[kind] += members

    def draw(self, random: np.random.Generator) -> npt.NDArray[np.int64]:
        """Return the texts of a round."""
        drawn = []
        for kind, members in self.members.items():
            pool = np.array(members)
            keys = np.log(random.random(len(pool))) / self.weight[pool]
            drawn.append(pool[np.argsort(-keys)[: QUOTAS[kind]]])
        return np.concatenate(drawn)


def noisy(words: str, random: np.random.Generator) -> str:
    """Return `words` as somebody types who is in haste or hides: slips, figures for letters, letters spaced out."""
    way = random.random()
    letters = list(words)
    if way < 0.7:
        for _ in range(max(1, len(letters) // int(random.integers(8, 22)))):
            at = int(random.integers(0, len(letters)))
            slip = random.random()
            if slip < 0.3 and at + 1 < len(letters):
                letters[at], letters[at + 1] = letters[at + 1], letters[at]
            elif slip < 0.55:
                letters[at] = ""
            elif slip < 0.8:
                letters[at] *= 2
            elif letters[at].isalpha():  # another letter of the same text, so of the same script
                letters[at] = next((c for c in random.permutation(letters).tolist() if c.isalpha()), letters[at])
        return "".join(letters)
    if way < 0.85:
        figures = {"a": "4", "e": "3", "i": "1", "o": "0", "s": "5", "t": "7"}
        return "".join(figures[c] if c in figures and random.random() < 0.5 else c for c in letters)
    parts = words.split(" ")
    for _ in range(max(1, len(parts) // 6)):
        at = int(random.integers(0, len(parts)))
        if 3 < len(parts[at]) < 15:
            parts[at] = (" ", ".", "-", "*")[int(random.integers(0, 4))].join(parts[at])
    return " ".join(parts)
