"""Prunes the encoder's vocabulary to the pieces that our languages use, and writes its tokenizer."""

from __future__ import annotations

import argparse
import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as proto

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import LANGUAGES, LONGEST, Row  # noqa: E402

from encoder import Encoder  # noqa: E402
from grown import grown  # noqa: E402

SPECIAL = 4  # <s>, <pad>, </s>, <unk>
PIECES = 82_000
FEWEST = 1e-9  # a piece that never occurs is not kept


def tokenizer_of(pieces: list[str], scores: npt.NDArray[np.float32]) -> bytes:
    """Return a unigram model of `pieces`, of which the first four are marks, as sentencepiece reads it."""
    model = proto.ModelProto()
    kinds = proto.ModelProto.SentencePiece
    for number, (piece, score) in enumerate(zip(pieces, scores, strict=True)):
        kind = kinds.UNKNOWN if number == 3 else kinds.CONTROL if number < SPECIAL else kinds.NORMAL
        model.pieces.add(piece=piece, score=float(score), type=kind)
    trainer = model.trainer_spec
    trainer.model_type = proto.TrainerSpec.UNIGRAM
    trainer.bos_id, trainer.pad_id, trainer.eos_id, trainer.unk_id = 0, 1, 2, 3
    trainer.pad_piece, trainer.vocab_size = "<pad>", len(pieces)
    normaliser = model.normalizer_spec
    normaliser.name, normaliser.add_dummy_prefix = "identity", True
    normaliser.remove_extra_whitespaces, normaliser.escape_whitespaces = True, True
    return bytes(model.SerializeToString())


def counted(model: bytes, rows: list[Row]) -> npt.NDArray[np.float64]:
    """Return how often each piece occurs; a language counts by the root of its size, our main ones threefold."""
    tokenizer = sentencepiece.SentencePieceProcessor(model_proto=model)
    by_language: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_language[row.lang].append(row.text[:LONGEST])
    total = np.zeros(tokenizer.vocab_size())
    for lang, texts in by_language.items():
        counts = np.bincount(
            np.concatenate([np.array(found, np.int64) for found in tokenizer.encode(texts)]), minlength=len(total)
        )
        share = (3.0 if lang in LANGUAGES else 0.5) * 3000 / max(counts.sum(), 1) ** 0.5
        total += np.where(counts >= 2, counts, 0) * min(share, 3.0)
    return total


def is_picture(piece: str) -> bool:
    """Whether `piece` is emoji: they carry hate and threats of which the words say nothing."""
    signs = piece.removeprefix("▁")
    return bool(signs) and all(
        unicodedata.category(sign) in ("So", "Sk", "Mn", "Cf") and (ord(sign) >= 0x2190) for sign in signs
    )


def kept(encoder: Encoder, counts: npt.NDArray[np.float64], most: int) -> npt.NDArray[np.int64]:
    """Return the numbers of the pieces to keep: marks, emoji, single characters in use, then the most frequent."""
    single = np.array([len(piece.removeprefix("▁")) <= 1 for piece in encoder.pieces])
    rank = counts.astype(np.float64)
    rank[single & (counts > 0)] += 1e12  # without its letters a word could not be written at all
    rank[[at for at, piece in enumerate(encoder.pieces) if is_picture(piece)]] += 1e12
    rank[:SPECIAL] = np.inf
    order = np.argsort(-rank, kind="stable")[:most]
    return np.sort(order[rank[order] >= FEWEST])


def main() -> None:
    """Write `tokenizer.model` and `kept.npy` into the work folder."""
    import pickle

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    encoder = Encoder(arguments.image)
    rows = [*pickle.loads(arguments.rows.read_bytes()), *(text.row for text in grown())]
    counts = counted(tokenizer_of(encoder.pieces, encoder.scores), rows)
    for most in (40_000, 60_000, PIECES, 100_000):
        print(most, "pieces cover", counts[kept(encoder, counts, most)].sum() / counts.sum())
    keep = kept(encoder, counts, PIECES)
    np.save(arguments.out / "kept.npy", keep)
    model = tokenizer_of([encoder.pieces[at] for at in keep], encoder.scores[keep])
    (arguments.out / "tokenizer.model").write_bytes(model)
    print(len(keep), "pieces", len(model), "bytes")


if __name__ == "__main__":
    main()
