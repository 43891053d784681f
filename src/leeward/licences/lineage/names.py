"""What a tensor is, from its name: layer and part, alike for all programs that write checkpoints."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from leeward.licences.weights.scaled import stem

_LAYER: Final = re.compile(r"(?:^|[._/])(?:layers?|blocks?|blk|h|l)?[._]?(\d{1,6})(?=[._/]|$)", re.IGNORECASE)
_END: Final = re.compile(r"[._](?:weight|kernel|w|base_layer\.weight)$", re.IGNORECASE)
# Parts under the names that transformers, Mistral's own format and llama.cpp give them.
_PARTS: Final = {
    "q": ("q_proj", "wq", "attn_q", "query", "to_q", "q"),
    "k": ("k_proj", "wk", "attn_k", "key", "to_k", "k"),
    "v": ("v_proj", "wv", "attn_v", "value", "to_v", "v"),
    "o": ("o_proj", "wo", "attn_output", "out_proj", "to_out", "o"),
    "qkv": ("qkv_proj", "attn_qkv", "query_key_value", "c_attn", "qkv", "wqkv"),
    "gate": ("gate_proj", "w1", "ffn_gate"),
    "up": ("up_proj", "w3", "ffn_up", "fc1", "c_fc", "fc_in", "fc_up"),
    "down": ("down_proj", "w2", "ffn_down", "fc2", "fc_out", "fc_down"),
    "embed": ("embed_tokens", "tok_embeddings", "token_embd", "wte", "word_embeddings", "embed", "embedding",
              "embeddings", "tok_emb", "tok_embed", "token_embedding", "emb"),
    "head": ("lm_head", "output", "embed_out", "unembed", "head", "output_layer"),
}  # fmt: skip
_PART_OF: Final = {word: part for part, words in _PARTS.items() for word in words}
# Tables that a program computes, and switches that tell nothing about who trained the model.
_COMPUTED: Final = re.compile(
    r"(?:^|[._/])(?:wpe|pos\w*|position\w*|rotary\w*|inv_freq|freqs?\w*|rope\w*|\w*mask\w*|alibi\w*|sin|cos|sinus\w*"
    r"|relative_attention\w*|token_types|token_type\w*)(?:[._/]|$)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where in a model a tensor belongs.

    Attributes:
        layer: Number in its name; None outside the layers.
        part: `q`, `down`, ...; the name itself where nothing better is known.
    """

    layer: int | None
    part: str

    @property
    def is_token_table(self) -> bool:
        """Whether one axis of it counts tokens."""
        return self.layer is None and self.part in ("embed", "head")


def place_of(name: str) -> Place:
    """Return where the tensor `name` belongs."""
    bare = _END.sub("", stem(name))
    found = _LAYER.search(bare)
    layer, rest = (int(found[1]), bare[found.end() :].strip("._/")) if found else (None, bare)
    words = re.split(r"[./]", rest)
    part = _PART_OF.get(words[-1].lower(), "")
    if not part:
        return Place(layer, rest or bare)
    experts = [word for word in words[:-1] if word.isdigit()]
    if "shared_expert" in rest or "shared_experts" in rest:
        experts.append("shared")
    return Place(layer, ".".join([part, *experts]))


def is_computed(name: str) -> bool:
    """Whether the tensor is a table that every model of its kind shares: positions, masks, rotations."""
    return _COMPUTED.search(name) is not None
