"""The encoder as a torch module, from the packed image, with a linear head that can be read token by token."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from encoder import Encoder

POSITIONS = 160  # longest input, marks included


class Block(nn.Module):
    """One layer of BERT, norms after."""

    def __init__(self, width: int, inner: int, heads: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.qkv = nn.Linear(width, 3 * width)
        self.ao = nn.Linear(width, width)
        self.fi = nn.Linear(width, inner)
        self.fo = nn.Linear(inner, width)
        self.aln = nn.LayerNorm(width, eps=epsilon)
        self.oln = nn.LayerNorm(width, eps=epsilon)

    def forward(self, state: Tensor, mask: Tensor) -> Tensor:
        """Return the next state [texts, tokens, width]; `mask` is added to the attention scores."""
        texts, tokens, width = state.shape
        query, key, value = self.qkv(state).view(texts, tokens, 3, self.heads, width // self.heads).unbind(2)
        seen = functional.scaled_dot_product_attention(
            query.transpose(1, 2), key.transpose(1, 2), value.transpose(1, 2), attn_mask=mask.to(query.dtype)
        )
        state = self.aln(state + self.ao(seen.transpose(1, 2).reshape(texts, tokens, width)))
        out: Tensor = self.oln(state + self.fo(functional.gelu(self.fi(state))))
        return out


class Classifier(nn.Module):
    """Encoder and head.

    The head is linear in the mean and in the maximum over the tokens, so that each token's share of a score is known.
    """

    def __init__(self, hazards: int, width: int = 384, inner: int = 1536, depth: int = 12, heads: int = 12,
                 epsilon: float = 1e-12) -> None:  # fmt: skip
        super().__init__()
        self.places = nn.Parameter(torch.zeros(POSITIONS, width))
        self.norm = nn.LayerNorm(width, eps=epsilon)
        self.blocks = nn.ModuleList(Block(width, inner, heads, epsilon) for _ in range(depth))
        self.head = nn.Linear(2 * width, hazards)
        self.table = torch.empty(0)  # embeddings stay as they are, outside the parameters

    def state(self, embedded: Tensor, here: Tensor) -> Tensor:
        """Return the last layer [texts, tokens, width] for embedded tokens, of which `here` are no padding."""
        state = self.norm(embedded + self.places[: embedded.shape[1]])
        mask = torch.where(here, 0.0, -1e4)[:, None, None, :]
        for block in self.blocks:
            state = block(state, mask)
        return state

    def pooled(self, state: Tensor, here: Tensor) -> Tensor:
        """Return mean and maximum over the tokens [texts, 2 * width]."""
        state = state.float()
        mean = (state * here[..., None]).sum(1) / here.sum(1, keepdim=True)
        most = state.masked_fill(~here[..., None], -1e4).amax(1)
        return torch.cat((mean, most), 1)

    def forward(self, pieces: Tensor, here: Tensor, judged: Tensor) -> Tensor:
        """Return logits [texts, hazards]; only tokens that are `judged` are pooled, the others are context."""
        return self.head(
            functional.dropout(self.pooled(self.state(self.table[pieces], here), judged), 0.1, self.training)
        )


def start(image: Path, kept: npt.NDArray[np.int64], hazards: int) -> Classifier:
    """Return the classifier with the weights of the image and the embeddings of the kept pieces."""
    encoder: Any = Encoder(image)
    made = Classifier(hazards, encoder.width, encoder.inner, encoder.depth, encoder.heads, encoder.epsilon)
    with torch.no_grad():
        made.places.copy_(encoder._places[:POSITIONS] + encoder._kind)
        made.norm.weight.copy_(encoder._norm[0])
        made.norm.bias.copy_(encoder._norm[1])
        for block, layer in zip(made.blocks, encoder._layers, strict=True):
            block.qkv.weight.copy_(torch.cat([layer[n][0] for n in "qkv"]))
            block.qkv.bias.copy_(torch.cat([layer[n][1] for n in "qkv"]))
            for name in ("ao", "fi", "fo", "aln", "oln"):
                getattr(block, name).weight.copy_(layer[name][0])
                getattr(block, name).bias.copy_(layer[name][1])
        made.head.weight.zero_()
        made.head.bias.fill_(-3.0)
    made.table = encoder._embeddings[torch.from_numpy(kept)].clone()
    return made
