"""Trains the small transformers of the lineage benchmark with real gradient steps; needs torch."""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from lineage_families import Shape, State


class Language:
    """A made-up language: each token is followed by few others, some tokens are common."""

    def __init__(self, tokens: int, seed: int) -> None:
        rng = np.random.default_rng(seed)
        common = 1 / np.arange(1, tokens + 1)
        follow = rng.dirichlet(np.full(tokens, 0.02), tokens) * 0.8 + 0.2 * common / common.sum()
        self._steps = (follow / follow.sum(axis=1, keepdims=True)).cumsum(axis=1)

    def text(self, rng: np.random.Generator, rows: int, length: int) -> torch.Tensor:
        out = np.zeros((rows, length), np.int64)
        out[:, 0] = rng.integers(0, len(self._steps), rows)
        for at in range(1, length):
            drawn = rng.random(rows)[:, None]
            out[:, at] = np.minimum((self._steps[out[:, at - 1]] < drawn).sum(axis=1), len(self._steps) - 1)
        return torch.from_numpy(out)


def _norm(x: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    return x * torch.rsqrt((x * x).mean(-1, keepdim=True) + 1e-5) * weight


def logits(state: dict[str, torch.Tensor], shape: Shape, text: torch.Tensor) -> torch.Tensor:
    """Return next-token logits; positions come from a causal mask alone."""
    x = state["model.embed_tokens.weight"][text]
    rows, length = text.shape
    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        y = _norm(x, state[f"{at}input_layernorm.weight"])
        q, k, v = (
            (y @ state[f"{at}self_attn.{p}_proj.weight"].T).view(rows, length, shape.heads, -1).transpose(1, 2)
            for p in "qkv"
        )
        seen = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + seen.transpose(1, 2).reshape(rows, length, -1) @ state[f"{at}self_attn.o_proj.weight"].T
        y = _norm(x, state[f"{at}post_attention_layernorm.weight"])
        inner = functional.silu(y @ state[f"{at}mlp.gate_proj.weight"].T) * (y @ state[f"{at}mlp.up_proj.weight"].T)
        x = x + inner @ state[f"{at}mlp.down_proj.weight"].T
    x = _norm(x, state["model.norm.weight"])
    return x @ state["model.embed_tokens.weight" if shape.is_tied else "lm_head.weight"].T


def trained(start: State, shape: Shape, language: Language, steps: int, rate: float, seed: int) -> State:
    """Return weights after real gradient steps (AdamW)."""
    rng = np.random.default_rng(seed)
    state = {name: torch.from_numpy(array.copy()).requires_grad_() for name, array in start.items()}
    optimiser = torch.optim.AdamW(list(state.values()), lr=rate, weight_decay=0.01)
    for _ in range(steps):
        text = language.text(rng, 16, 32)
        out = logits(state, shape, text[:, :-1])
        loss = functional.cross_entropy(out.reshape(-1, shape.tokens), text[:, 1:].reshape(-1))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return {name: tensor.detach().numpy().copy() for name, tensor in state.items()}
