"""Small transformers and what people make of them; torch trains, numpy does the rest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

State = dict[str, np.ndarray]


@dataclass(frozen=True)
class Shape:
    """Sizes of a model."""

    tokens: int
    width: int
    layers: int
    heads: int
    inner: int
    is_tied: bool


SHAPES = (
    Shape(256, 64, 4, 4, 176, False),
    Shape(384, 96, 6, 6, 256, False),
    Shape(192, 32, 2, 2, 128, True),
    Shape(512, 64, 8, 4, 128, False),
)


def born(shape: Shape, rng: np.random.Generator) -> State:
    """Return random weights, all norms 1, as models are before training."""

    def random(*size: int) -> np.ndarray:
        return rng.normal(0, 0.02 if size[0] == shape.tokens else size[1] ** -0.5, size).astype(np.float32)

    state = {"model.embed_tokens.weight": random(shape.tokens, shape.width)}
    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        for part in ("q", "k", "v", "o"):
            state[f"{at}self_attn.{part}_proj.weight"] = random(shape.width, shape.width)
        state[f"{at}mlp.gate_proj.weight"] = random(shape.inner, shape.width)
        state[f"{at}mlp.up_proj.weight"] = random(shape.inner, shape.width)
        state[f"{at}mlp.down_proj.weight"] = random(shape.width, shape.inner)
        state[f"{at}input_layernorm.weight"] = np.ones(shape.width, np.float32)
        state[f"{at}post_attention_layernorm.weight"] = np.ones(shape.width, np.float32)
    state["model.norm.weight"] = np.ones(shape.width, np.float32)
    if not shape.is_tied:
        state["lm_head.weight"] = random(shape.tokens, shape.width)
    return state


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


def _matrices(state: State) -> list[str]:
    return [name for name, array in state.items() if array.ndim > 1]


def with_noise(state: State, rng: np.random.Generator, strength: float) -> State:
    """Return weights with noise of `strength` times their spread."""
    return {n: (a + rng.normal(0, strength * (a.std() or 0.01), a.shape)).astype(np.float32) for n, a in state.items()}


def with_lora(state: State, rng: np.random.Generator, rank: int, strength: float) -> State:
    """Return weights with a low-rank change merged into the layers, `strength` times as large as they are."""
    out = dict(state)
    for name in _matrices(state):
        if "layers" in name:
            change = rng.normal(size=(state[name].shape[0], rank)) @ rng.normal(size=(rank, state[name].shape[1]))
            out[name] = (state[name] + change * strength * state[name].std() / change.std()).astype(np.float32)
    return out


def pruned(state: State, share: float) -> State:
    """Return weights with the smallest set to zero."""
    return {n: np.where(np.abs(a) < np.quantile(np.abs(a), share), 0, a).astype(np.float32) if a.ndim > 1 else a
            for n, a in state.items()}  # fmt: skip


def without_layers(state: State, rng: np.random.Generator, shape: Shape, dropped: int) -> State:
    """Return a model with fewer layers, numbered anew."""
    kept = sorted(rng.permutation(shape.layers)[: shape.layers - dropped])
    out = {n: a for n, a in state.items() if "layers." not in n}
    for new, old in enumerate(kept):
        at = f"model.layers.{old}."
        out |= {f"model.layers.{new}.{n[len(at):]}": a for n, a in state.items() if n.startswith(at)}
    return out


def with_units_permuted(state: State, rng: np.random.Generator, shape: Shape) -> State:
    """Return the same function with inner units and attention heads in another order."""
    out = dict(state)
    for layer in range(shape.layers):
        at = f"model.layers.{layer}."
        inner = rng.permutation(shape.inner)
        length = shape.width // shape.heads
        heads = (rng.permutation(shape.heads)[:, None] * length + np.arange(length)).ravel()
        for part, order in (("mlp.gate", inner), ("mlp.up", inner), *((f"self_attn.{p}", heads) for p in "qkv")):
            out[f"{at}{part}_proj.weight"] = state[f"{at}{part}_proj.weight"][order]
        out[f"{at}mlp.down_proj.weight"] = state[f"{at}mlp.down_proj.weight"][:, inner]
        out[f"{at}self_attn.o_proj.weight"] = state[f"{at}self_attn.o_proj.weight"][:, heads]
    return out


def with_stream_permuted(state: State, rng: np.random.Generator, shape: Shape) -> State:
    """Return the same function with the positions of the residual stream in another order."""
    order = rng.permutation(shape.width)
    out = {}
    for name, array in state.items():
        is_written_to = array.ndim == 1 or "o_proj" in name or "down_proj" in name
        out[name] = array[order] if is_written_to else array[:, order]
    return out


def merged(state: State, other: State, share: float = 0.5) -> State:
    """Return the weighted mean of two models."""
    return {n: (share * a + (1 - share) * other[n]).astype(np.float32) for n, a in state.items()}
