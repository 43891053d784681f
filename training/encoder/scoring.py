"""Scores texts with the weights as the package runs them, and keeps the scores on disk."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import LANGUAGES  # noqa: E402
from texts import all_texts  # noqa: E402

from grown import LABELS, Text  # noqa: E402
from leeward.models.encoder import Encoder  # noqa: E402
from leeward.models.front import Front  # noqa: E402

F64 = npt.NDArray[np.float64]
CELL = {"cal": 60, "dev": 110}  # most texts of one source, language and side
OTHER = 25  # the same for languages that are not among the main ones
EVERYDAY = 70
CHARS = 600


@dataclass(frozen=True, slots=True)
class Scores:
    """Texts of a fold with the encoder's raw scores.

    Attributes:
        logits: Raw scores [texts, LABELS].
        vectors: Where each lies in meaning [texts, width].
    """

    texts: Sequence[Text]
    logits: F64
    vectors: npt.NDArray[np.float32]

    @property
    def truth(self) -> F64:
        """Labels [texts, LABELS], NaN where unknown."""
        found = np.full((len(self.texts), len(LABELS)), np.nan)
        for at, text in enumerate(self.texts):
            for hazard, value in text.row.hazards.items():
                found[at, LABELS.index(hazard)] = value
        return found


def chosen(folder: Path, fold: str, cache: Path | None = None) -> list[Text]:
    """Return the texts of `fold` that are measured: so many of each source, language and side, by hash of their id.

    Texts that `leaks.py` found in training as well, listed in `leaks.txt` beside `cache`, are left out.
    """
    leaking = cache.with_name("leaks.txt") if cache else None
    left_out = set(leaking.read_text(encoding="utf-8").split("\n")) if leaking and leaking.exists() else set()
    cells: dict[tuple[str, str, bool, bool], list[Text]] = defaultdict(list)
    for text in all_texts(folder, cache):
        row = text.row
        if row.fold == fold and row.id not in left_out:
            cells[row.source, row.lang, max(row.hazards.values()) > 0, row.everyday].append(text)
    picked: list[Text] = []
    for (_, lang, _, everyday), members in sorted(cells.items()):
        members.sort(key=lambda text: hash_of(text.row.id))
        main = lang in LANGUAGES or lang == "code"
        picked += members[: (EVERYDAY if everyday else CELL[fold]) if main else OTHER]
    return picked


def hash_of(name: str) -> int:
    """Return a number for `name`, the same on every machine."""
    import hashlib

    return int.from_bytes(hashlib.sha1(name.encode()).digest()[:8], "big")


def scored(texts: Sequence[Text], encoder: Encoder, progress: str = "") -> Scores:
    """Return `texts` with their scores, in batches of similar length."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at].row.text))
    front = Front.load()
    logits = np.zeros((len(texts), len(LABELS)))
    vectors = np.zeros((len(texts), 384), np.float32)
    for first in range(0, len(order), 8):
        part = order[first : first + 8]
        judged = encoder.judge([texts[at].row.text[:CHARS] for at in part], [texts[at].context for at in part])
        for at, one in zip(part, judged, strict=True):
            logits[at] = one.logits + front.voice(texts[at].row.text[:CHARS], LABELS)
            vectors[at] = one.vector
        if progress and first % 4000 == 0:
            print(f"\r{progress}: {first} of {len(order)}", end="", flush=True)
    if progress:
        print(f"\r{progress}: {len(order)} texts scored")
    return Scores(texts, logits, vectors)


def kept(folder: Path, weights: Path, fold: str, work: Path) -> Scores:
    """Return the scores of a fold; those on disk when they are younger than the weights."""
    saved, graph = work / f"scores_{fold}.npz", weights / "encoder.onnx"
    texts = chosen(folder, fold, work / "rows.pkl")
    ids = np.array([text.row.id for text in texts])
    if saved.exists() and saved.stat().st_mtime > graph.stat().st_mtime:
        with np.load(saved) as found:
            if np.array_equal(found["ids"], ids):
                return Scores(texts, found["logits"], found["vectors"])
    made = scored(texts, Encoder.load(weights), fold)
    np.savez(saved, ids=ids, logits=made.logits, vectors=made.vectors)
    return made
