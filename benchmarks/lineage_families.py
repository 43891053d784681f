"""Small transformers and what people make of them, in numpy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

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
