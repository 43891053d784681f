from __future__ import annotations

import pytest

from leeward.licences.lineage.names import Place, is_computed, place_of


@pytest.mark.parametrize(
    ("names", "place"),
    [
        (("model.layers.3.self_attn.q_proj.weight", "layers.3.attention.wq.weight", "blk.3.attn_q.weight",
          "h.3.attn.q.weight", "layers.3.wq", "layer_3.q", "model.layers.3.self_attn.q_proj.qweight"), Place(3, "q")),
        (("model.layers.0.mlp.down_proj.weight", "layers.0.feed_forward.w2.weight", "blk.0.ffn_down.weight"),
         Place(0, "down")),
        (("model.embed_tokens.weight", "tok_embeddings.weight", "token_embd.weight", "transformer.wte.weight"),
         Place(None, "embed")),
        (("lm_head.weight", "output.weight"), Place(None, "head")),
        (("model.layers.1.block_sparse_moe.experts.5.w1.weight",), Place(1, "gate.5")),
    ],
)  # fmt: skip
def test_programs_call_the_same_part_by_other_names(names: tuple[str, ...], place: Place) -> None:
    assert {place_of(name) for name in names} == {place}


def test_what_is_unknown_goes_by_its_own_name() -> None:
    assert place_of("layers.2.mixer.weird.weight") == Place(2, "mixer.weird")


@pytest.mark.parametrize(
    "name", ["transformer.wpe.weight", "rope_freqs.weight", "rotary_emb.inv_freq", "attn.causal_mask"]
)
def test_tables_that_programs_compute_are_known(name: str) -> None:
    assert is_computed(name)


@pytest.mark.parametrize("name", ["model.layers.0.self_attn.o_proj.weight", "lm_head.weight", "composer.weight"])
def test_weights_are_not_taken_for_computed(name: str) -> None:
    assert not is_computed(name)
