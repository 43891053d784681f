"""Encoder: judges a text by its meaning in about 100 languages, in a few milliseconds on one thread."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import sentencepiece

from leeward.models.front import WEIGHTS, Calibration, arrays, mapped, refused

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]

BEGIN, PAD, END = 0, 1, 2  # marks among the pieces
LONGEST = 158  # pieces of an input without the marks; there are no more positions
WINDOW, OVERLAP = 126, 30  # pieces that are judged together, and how many the next window of a long text repeats
# Hazards that a request may have at once, and of which only the first kind has a rule of the protocol.
SPECIAL, GENERAL = ("malware", "licence.circumvention", "self-harm"), ("criminal", "dangerous")
CONTEXT = 40  # pieces of what was said before that are read along
_BLOCK = 32  # weights that share a scale in the packed embeddings
_REMEDY = "Reinstall leeward, or write the weights anew with training/encoder/export.py."
_GAP = re.compile(r"\s")  # the vocabulary has the blank alone: words behind any other gap would fall to bits
_SURROGATE = re.compile("[\ud800-\udfff]")  # the tokenizer takes none


@dataclass(frozen=True, slots=True)
class Judged:
    """What the encoder says of one text.

    Attributes:
        logits: Raw score of each hazard [hazards]; of a long text the highest that any window gives.
        vector: Where the text lies in meaning, unit length [width]; of a long text, its first window.
    """

    logits: F32
    vector: F32


@dataclass(frozen=True, slots=True)
class Shares:
    """What each piece of a text added to one hazard's score.

    Attributes:
        starts: First character of each piece in the text [pieces].
        stops: First character behind it [pieces].
        weights: What it added to the logit [pieces].
        rest: What the marks and the head's bias added; with the weights it sums to the logit.
    """

    starts: I64
    stops: I64
    weights: F32
    rest: float


@dataclass(frozen=True, slots=True)
class Bank:
    """Labelled training texts to compare with, by id only; their words are not here.

    Attributes:
        ids: Ids [texts].
        hazards: Hazard of each, `none` for harmless ones [texts].
        vectors: Unit vectors times 127 [texts, width] int8.
    """

    ids: npt.NDArray[np.str_]
    hazards: npt.NDArray[np.str_]
    vectors: npt.NDArray[np.int8]


class Encoder:
    """A multilingual transformer with int8 weights and a linear head.

    Source:
        Fine-tuned from multilingual-e5-small (Wang et al. 2024, MIT) by `training/encoder`; see docs/model-card.md.
    """

    def __init__(
        self, session: onnxruntime.InferenceSession, tokenizer: sentencepiece.SentencePieceProcessor,
        table: npt.NDArray[np.uint8], head: dict[str, npt.NDArray[np.generic]],
    ) -> None:  # fmt: skip
        """Put the parts together.

        Raises:
            ValueError: If they do not fit.
        """
        self._session, self._tokenizer, self._table = session, tokenizer, table
        self._weight = np.asarray(head["weight"], np.float32)
        self._bias = np.asarray(head["bias"], np.float32)
        self.hazards = tuple(str(name) for name in head["hazards"])
        self._general = [at for at, hazard in enumerate(self.hazards) if hazard in GENERAL]
        self._special = [at for at, hazard in enumerate(self.hazards) if hazard in SPECIAL]
        names = [str(name) for name in head["languages"]]
        self._calibrations = {
            name: Calibration(np.asarray(head["slopes"][at], np.float32), np.asarray(head["shifts"][at], np.float32))
            for at, name in enumerate(names)
        }
        self._bank = Bank(
            np.asarray(head["bank_ids"], np.str_),
            np.asarray(head["bank_hazards"], np.str_),
            np.asarray(head["bank_vectors"], np.int8),
        )
        width = table.shape[1] * _BLOCK
        if self._weight.shape != (len(self.hazards), 2 * width) or len(table) != tokenizer.get_piece_size():
            raise ValueError("head, embeddings and tokenizer do not fit together")
        if "und" not in self._calibrations:
            raise ValueError("there is no calibration for languages at large")

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Encoder:
        """Return the encoder whose weights lie in `folder`.

        Raises:
            DetectorError: If they are missing or do not fit together.
        """
        try:
            session = _session_of(folder / "encoder.onnx")
            tokenizer = sentencepiece.SentencePieceProcessor(model_file=str(folder / "encoder_tokenizer.model"))
            table = mapped(folder / "encoder_table.npy")
            return cls(session, tokenizer, table, arrays(folder / "encoder_head.npz"))
        except Exception as error:  # onnxruntime raises types of its own, which derive from Exception alone
            raise refused("encoder", folder, error, _REMEDY) from error

    def judge(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Judged]:
        """Return what is said of each text, read with its context where one is given.

        Each window is judged by itself: activations are quantised by the largest of a run, so a text would score
        differently beside another.

        Args:
            texts: In lower case, as the folded reading has them.
            contexts: What was said before, one for each text, or none at all.

        Raises:
            ValueError: If there are some contexts but not one for each text.
        """
        before = contexts or [""] * len(texts)
        return [self._judged(text, context) for text, context in zip(texts, before, strict=True)]

    def calibrated(self, logits: F32, language: str) -> F32:
        """Return logits as probabilities for texts of `language` [hazards].

        What is asked for under a rule of its own, as malware, is no crime or danger beside it: the general hazards are
        as likely at most as that none of the special ones is meant.
        """
        by = self._calibrations.get(language) or self._calibrations["und"]
        chances = np.asarray(0.5 + 0.5 * np.tanh(0.5 * (by.slope * logits + by.shift)), np.float32)
        chances[self._general] = np.minimum(chances[self._general], 1.0 - chances[self._special].max())
        return chances

    def shares(self, text: str, hazard: str, context: str = "") -> Shares:
        """Return what each piece adds to the score of `hazard`; of a long text, in the window that scores highest."""
        found = self._tokenizer.encode(_readable(text), out_type="offset_mapping")
        before = self._pieces(context)[-CONTEXT:]
        at = self.hazards.index(hazard)
        starts = _starts(len(found["ids"]), _size(before))
        parts = [found["ids"][start : start + _size(before)] for start in starts]
        states = [self._state(*_input(part, before)) for part in parts]
        best = max(range(len(parts)), key=lambda number: float(_pooled(states[number]) @ self._weight[at]))
        state = states[best]
        width = state.shape[1]
        each = state @ self._weight[at, :width] / len(state)
        np.add.at(each, state.argmax(0), state.max(0) * self._weight[at, width:])
        own = slice(len(state) - 1 - len(parts[best]), len(state) - 1)  # without the marks
        rest = float(each.sum() - each[own].sum() + self._bias[at])
        places = np.array(found["offsets"], np.int64).reshape(-1, 2)[starts[best] : starts[best] + len(parts[best])]
        return Shares(places[:, 0], places[:, 1], np.asarray(each[own], np.float32), rest)

    def nearest(self, vector: F32, most: int = 3) -> list[tuple[str, str, float]]:
        """Return id, hazard and cosine of the labelled training texts that lie nearest to `vector`."""
        if not len(self._bank.ids):
            return []
        near = self._bank.vectors.astype(np.float32) @ vector / 127.0
        best = np.argsort(-near)[:most]
        return [(str(self._bank.ids[at]), str(self._bank.hazards[at]), float(near[at])) for at in best]

    def _pieces(self, text: str) -> list[int]:
        pieces: list[int] = self._tokenizer.encode(_readable(text))
        return pieces

    def _judged(self, text: str, context: str) -> Judged:
        before = self._pieces(context)[-CONTEXT:]
        windows = [_input(part, before) for part in _windows(self._pieces(text), _size(before))]
        pooled = np.stack([_pooled(self._state(*window)) for window in windows])
        mean = pooled[0, : pooled.shape[1] // 2]
        logits = pooled @ self._weight.T + self._bias
        return Judged(logits.max(axis=0), mean / max(float(np.linalg.norm(mean)), 1e-6))

    def _state(self, pieces: Sequence[int], first: int) -> F32:
        """Return the last layer of what is judged of an input, from piece `first` on [judged pieces, width]."""
        embedded = self._embedded(np.array([pieces], np.int64))
        here = np.ones((1, len(pieces)), np.int32)
        (state,) = self._session.run(None, {"embedded": embedded, "mask": here})
        return np.asarray(state[0, first:], np.float32)

    def _embedded(self, pieces: I64) -> F32:
        """Return the embeddings of `pieces`, unpacked [texts, pieces, width].

        A block is 18 bytes: a scale in half precision, then 32 weights of 4 bits, low nibbles first.
        """
        packed = self._table.take(pieces, axis=0)
        scales = np.ascontiguousarray(packed[..., :2]).view("<f2").astype(np.float32)
        nibbles = packed[..., 2:]
        values = np.empty((*packed.shape[:-1], _BLOCK), np.float32)
        values[..., : _BLOCK // 2] = nibbles & 15
        values[..., _BLOCK // 2 :] = nibbles >> 4
        values -= 8.0
        values *= scales
        return values.reshape(*pieces.shape, -1)


def _session_of(graph: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.enable_cpu_mem_arena = False  # the arena would keep the largest text's memory for good
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])


def _readable(text: str) -> str:
    """Return `text`, as long as it was, as the tokenizer can read it."""
    return _SURROGATE.sub("\ufffd", _GAP.sub(" ", text))


def _pooled(state: F32) -> F32:
    """Return mean and maximum over the pieces [2 * width]."""
    return np.concatenate((state.mean(0), state.max(0)))


def _size(before: Sequence[int]) -> int:
    """Return how many pieces of a text are judged together behind such a context."""
    return min(WINDOW, LONGEST - len(before) - 1)


def _starts(pieces: int, size: int) -> range:
    """Return where the overlapping windows of a text of so many pieces begin; one, if they fit."""
    return range(1) if pieces <= size else range(0, pieces - OVERLAP, size - OVERLAP)


def _windows(pieces: Sequence[int], size: int) -> list[list[int]]:
    """Return `pieces` in overlapping windows of at most `size`; one, if they fit."""
    return [list(pieces[at : at + size]) for at in _starts(len(pieces), size)]


def _input(pieces: Sequence[int], before: Sequence[int]) -> tuple[list[int], int]:
    """Return the marked input, what was said before first, and where the judged part begins."""
    head = [BEGIN, *before, END] if before else [BEGIN]
    return [*head, *pieces, END], len(head) if before else 0
