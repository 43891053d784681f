"""What the gate learns from, and what the encoder says of it."""

from __future__ import annotations

import hashlib
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from calibrate import SERIOUS  # noqa: E402
from sampling import Sampler  # noqa: E402

from grown import LABELS, Text  # noqa: E402
from leeward.models.encoder import Encoder  # noqa: E402
from leeward.models.front import Front  # noqa: E402
from leeward.models.gate import reading  # noqa: E402
from leeward.models.parts import PART_CHARS  # noqa: E402

F32 = npt.NDArray[np.float32]
LIGHTER = {"misinformation": 0.6}  # how much less a hazard counts that is noted only, as its rule fires later
ROUNDS = 4  # of the training fold, drawn as for fine-tuning
MIXED = 6000  # windows of ordinary texts one after another; as many hold a harmful one in ordinary company
SAVED_EACH = 5000
WINDOW_STEP = 430  # between windows of a long ordinary text


@dataclass(frozen=True, slots=True)
class Sample:
    """A text to learn from, at most PART_CHARS characters, and its language."""

    text: str
    lang: str


def samples(texts: Sequence[Text], random: np.random.Generator) -> list[Sample]:
    """Return what the gate learns from: rounds of the training fold, all long ordinary texts, and mixtures."""
    train = [text for text in texts if text.row.fold == "train"]
    sampler = Sampler(train)
    drawn = np.unique(np.concatenate([sampler.draw(random) for _ in range(ROUNDS)]))
    found = [Sample(_cut(train[at].row.text, random), train[at].row.lang) for at in drawn.tolist()]
    ordinary: dict[str, list[str]] = defaultdict(list)
    for text in train:
        if text.row.everyday:
            ordinary[text.row.lang].append(text.row.text)
    found += [
        Sample(text[at : at + PART_CHARS], lang)
        for lang, members in ordinary.items()
        for text in members
        if len(text) > PART_CHARS // 2
        for at in range(0, max(1, len(text) - PART_CHARS // 2), WINDOW_STEP)
    ]
    found += _strung(ordinary, random)
    harmful = [
        text for text in train if text.row.hazards.get("harm") == 1.0 and 15 < len(text.row.text) < 300
        and text.row.lang in ordinary
    ]  # fmt: skip
    found += _in_company(harmful, ordinary, random)
    return list(dict.fromkeys(found))


def _cut(text: str, random: np.random.Generator) -> str:
    start = int(random.integers(0, len(text) - PART_CHARS // 2)) if len(text) > PART_CHARS else 0
    return text[start : start + PART_CHARS]


def _strung(ordinary: dict[str, list[str]], random: np.random.Generator) -> Iterator[Sample]:
    """Yield windows of ordinary texts, one after another."""
    langs = list(ordinary)
    for _ in range(MIXED):
        lang = langs[int(random.integers(len(langs)))]
        text = ""
        while len(text) < PART_CHARS:
            text += ordinary[lang][int(random.integers(len(ordinary[lang])))] + " "
        yield Sample(_cut(text, random), lang)


def _in_company(
    harmful: Sequence[Text], ordinary: dict[str, list[str]], random: np.random.Generator
) -> Iterator[Sample]:
    """Yield harmful texts with ordinary ones around them."""
    for at in random.choice(len(harmful), min(MIXED, len(harmful)), replace=False).tolist():
        row = harmful[at].row
        before, after = (ordinary[row.lang][int(random.integers(len(ordinary[row.lang])))] for _ in range(2))
        text = f"{before[: int(random.integers(0, PART_CHARS * 5 // 8))]} {row.text} {after}"
        yield Sample(text[:PART_CHARS], row.lang)


def raw_scores(found: Sequence[Sample], front: Front, encoder: Encoder, saved: Path) -> F32:
    """Return the raw scores of every sample [samples, LABELS]; goes on from `saved` when it was cut off."""
    digest = hashlib.sha256("\0".join(one.text for one in found).encode("utf-8", "surrogatepass")).hexdigest()
    done = np.zeros((0, len(LABELS)), np.float32)
    if saved.exists():
        with np.load(saved) as old:
            done = old["scores"] if str(old["digest"]) == digest else done
    lines = list(done)
    for at in range(len(lines), len(found)):
        text = found[at].text
        lines.append(encoder.judge([text])[0].logits + front.voice(text, LABELS))
        if (at + 1) % SAVED_EACH == 0 or at + 1 == len(found):
            np.savez(saved, scores=np.array(lines, np.float32), digest=digest)
            print(f"\rgate: {at + 1} of {len(found)} texts scored", end="", flush=True)
    print()
    return np.array(lines, np.float32)


def danger(encoder: Encoder, scores: npt.NDArray[np.floating], langs: Sequence[str]) -> F32:
    """Return the highest probability of a hazard that has a rule of each text [texts]."""
    weighs = np.array([1.0 if label in SERIOUS else LIGHTER.get(label, 0.0) for label in LABELS], np.float32)
    return np.array([
        (encoder.calibrated(one.astype(np.float32), lang) * weighs).max()
        for one, lang in zip(scores, langs, strict=True)
    ])  # fmt: skip


def readings(front: Front, texts: Sequence[str]) -> F32:
    """Return what the gate reads of each text [texts, inputs]; zeros where there is nothing to read."""
    found = map(front.activations, texts)
    return np.stack([np.zeros(2 * front.activity, np.float32) if one is None else reading(one) for one in found])


def doubts(inputs: F32, layers: dict[str, F32]) -> F32:
    """Return the gate's sum for each text, without its bias [texts]."""
    return np.asarray(np.maximum(inputs @ layers["first"] + layers["first_bias"], 0.0) @ layers["out"], np.float32)
