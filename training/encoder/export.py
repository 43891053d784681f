"""Writes the encoder as a quantised ONNX graph, with packed embeddings, tokenizer and head beside it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from classifier import Classifier, start  # noqa: E402

from grown import LABELS  # noqa: E402

MICROSOFT = "com.microsoft"
BLOCK_BYTES = 18


class Graph:
    """Collects nodes and weights."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: list[onnx.TensorProto] = []

    def add(self, op: str, inputs: list[str], outputs: list[str], domain: str = "", **attributes: object) -> str:
        """Add a node and return its first output."""
        self.nodes.append(helper.make_node(op, inputs, outputs, domain=domain, **attributes))
        return outputs[0]

    def keep(self, name: str, values: npt.NDArray[np.generic]) -> str:
        """Add a weight and return its name."""
        self.weights.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def product(self, state: str, name: str, linear: torch.nn.Linear) -> str:
        """Add a product with int8 weights, one scale an output; activations are quantised as they come."""
        weight = linear.weight.detach().numpy().T  # [in, out]
        scale = np.maximum(np.abs(weight).max(0) / 127.0, 1e-9).astype(np.float32)
        quantised = np.clip(np.round(weight / scale), -127, 127).astype(np.int8)
        inputs = [
            state, self.keep(f"{name}.w", quantised), self.keep(f"{name}.s", scale),
            self.keep(f"{name}.z", np.zeros(len(scale), np.int8)), self.keep(f"{name}.b", linear.bias.detach().numpy()),
        ]  # fmt: skip
        return self.add("DynamicQuantizeMatMul", inputs, [f"{name}.out"], MICROSOFT)

    def norm(self, name: str, new: str, old: str, layer: torch.nn.LayerNorm) -> str:
        """Add the norm of a sum."""
        inputs = [
            new, old, self.keep(f"{name}.w", layer.weight.detach().numpy()),
            self.keep(f"{name}.b", layer.bias.detach().numpy()),
        ]  # fmt: skip
        return self.add("SkipLayerNormalization", inputs, [f"{name}.out"], MICROSOFT, epsilon=1e-12)


def graph_of(model: Classifier) -> onnx.ModelProto:
    """Return the graph from embedded tokens [texts, tokens, width] and their mask [texts, tokens] to the last layer."""
    graph, width = Graph(), model.norm.normalized_shape[0]
    graph.keep("places", model.places.detach().numpy())
    graph.add("Shape", ["embedded"], ["tokens"], start=1, end=2)
    graph.keep("zero", np.zeros(1, np.int64))
    graph.add("Slice", ["places", "zero", "tokens"], ["here"])
    graph.add("Unsqueeze", ["here", "zero"], ["here.row"])
    graph.add("Add", ["embedded", "here.row"], ["placed"])
    state = graph.add(
        "LayerNormalization",
        [
            "placed", graph.keep("norm.w", model.norm.weight.detach().numpy()),
            graph.keep("norm.b", model.norm.bias.detach().numpy()),
        ],
        ["state"], axis=-1, epsilon=1e-12,
    )  # fmt: skip
    for number, block in enumerate(model.blocks):
        name = f"l{number}"
        thirds = graph.product(state, f"{name}.qkv", block.qkv)
        parts = [f"{name}.{n}" for n in "qkv"]
        graph.add("Split", [thirds], parts, axis=2, num_outputs=3)
        seen = graph.add("MultiHeadAttention", [*parts, "", "mask"], [f"{name}.seen"], MICROSOFT, num_heads=block.heads)
        state = graph.norm(f"{name}.aln", graph.product(seen, f"{name}.ao", block.ao), state, block.aln)
        inner = graph.add("Gelu", [graph.product(state, f"{name}.fi", block.fi)], [f"{name}.inner"], MICROSOFT)
        state = graph.norm(f"{name}.oln", graph.product(inner, f"{name}.fo", block.fo), state, block.oln)
    graph.nodes[-1].output[0] = "last"
    made = helper.make_graph(
        graph.nodes, "leeward-encoder",
        [
            helper.make_tensor_value_info("embedded", TensorProto.FLOAT, ["texts", "tokens", width]),
            helper.make_tensor_value_info("mask", TensorProto.INT32, ["texts", "tokens"]),
        ],
        [helper.make_tensor_value_info("last", TensorProto.FLOAT, ["texts", "tokens", width])],
        graph.weights,
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(made, opset_imports=opsets, ir_version=9)


def packed_rows(image: Path, kept: npt.NDArray[np.int64]) -> npt.NDArray[np.uint8]:
    """Return the embeddings of the kept pieces exactly as they stand in the image, 4 bits a weight [pieces, 12, 18]."""
    from encoder import Encoder

    encoder = Encoder(image)
    kind, _, offset, size = encoder._entries["emb.word"]
    if kind != 1:
        raise ValueError("the image's embeddings are not packed in 4 bits")
    raw = np.frombuffer(encoder._bytes, np.uint8, size, offset)
    return raw.reshape(-1, encoder.width // 32, BLOCK_BYTES)[kept].copy()


def main() -> None:
    """Write all files into the weights folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--name", default="encoder")
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()
    kept = np.load(arguments.work / "kept.npy")
    model = start(arguments.image, kept, len(LABELS))
    model.load_state_dict(torch.load(arguments.work / f"{arguments.name}.pt")["model"])
    model.eval()
    arguments.out.mkdir(parents=True, exist_ok=True)
    onnx.save(graph_of(model), arguments.out / "encoder.onnx")
    np.save(arguments.out / "encoder_table.npy", packed_rows(arguments.image, kept))
    (arguments.out / "encoder_tokenizer.model").write_bytes((arguments.work / "tokenizer.model").read_bytes())
    np.savez_compressed(
        arguments.out / "encoder_head.npz",
        weight=model.head.weight.detach().numpy(), bias=model.head.bias.detach().numpy(), hazards=np.array(LABELS),
        # calibrate.py fills in what follows
        languages=np.array(["und"]), slopes=np.ones((1, len(LABELS)), np.float32),
        shifts=np.zeros((1, len(LABELS)), np.float32), bank_ids=np.array([], str), bank_hazards=np.array([], str),
        bank_vectors=np.zeros((0, model.places.shape[1]), np.int8),
    )  # fmt: skip
    for path in sorted(arguments.out.glob("encoder*")):
        print(f"{path.name}: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
