"""Writes small checkpoints: safetensors, whole or in shards, with codes and scales, and GGUF."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path

import numpy as np

Arrays = Mapping[str, np.ndarray]

_DTYPES = {"float32": "F32", "float16": "F16", "float64": "F64", "int8": "I8", "uint8": "U8", "int32": "I32"}
_GGUF_NUMBERS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q8_0": 8, "BF16": 30}
_GGUF_NAMES = {
    "embed_tokens": "token_embd", "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
    "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down", "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}  # fmt: skip


def bf16_bytes(array: np.ndarray) -> bytes:
    """Return numbers as bfloat16, rounded to nearest."""
    bits = np.ascontiguousarray(array, np.float32).view(np.uint32)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype("<u2").tobytes()


def write_safetensors(path: Path, arrays: Arrays, *, bf16: bool = False, metadata: dict | None = None) -> Path:
    header: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    bodies, place = [], 0
    for name, array in arrays.items():
        as_bf16 = bf16 and array.dtype == np.float32
        body = bf16_bytes(array) if as_bf16 else np.ascontiguousarray(array).tobytes()
        kind = "BF16" if as_bf16 else _DTYPES[array.dtype.name]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [place, place + len(body)]}
        bodies.append(body)
        place += len(body)
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    path.write_bytes(struct.pack("<Q", len(head)) + head + b"".join(bodies))
    return path


def write_shards(folder: Path, arrays: Arrays, count: int) -> Path:
    """Write a folder of shards with their index."""
    folder.mkdir(parents=True, exist_ok=True)
    names = list(arrays)
    weight_map = {}
    for shard in range(count):
        file = f"model-{shard + 1:05d}-of-{count:05d}.safetensors"
        part = {name: arrays[name] for name in names[shard::count]}
        write_safetensors(folder / file, part)
        weight_map |= dict.fromkeys(part, file)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))
    return folder


def int8_codes(arrays: Arrays) -> dict[str, np.ndarray]:
    """Return matrices as int8 with a scale a row."""
    out: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim < 2:
            out[name] = array
            continue
        scale = np.maximum(np.abs(array).max(axis=1), 1e-9) / 127
        out[name] = np.clip(np.rint(array / scale[:, None]), -127, 127).astype(np.int8)
        out[f"{name}_scale"] = scale.astype(np.float32)
    return out


def int4_codes(arrays: Arrays, group: int = 16, *, high_first: bool = False) -> dict[str, np.ndarray]:
    """Return matrices as two 4-bit codes a byte with a scale a group of columns."""
    out: dict[str, np.ndarray] = {}
    for name, array in arrays.items():
        if array.ndim < 2 or array.shape[1] % group:
            out[name] = array
            continue
        grouped = array.reshape(len(array), -1, group)
        scale = np.maximum(np.abs(grouped).max(axis=2, keepdims=True), 1e-9) / 7
        codes = (np.clip(np.rint(grouped / scale), -8, 7) + 8).astype(np.uint8).reshape(array.shape)
        first, second = codes[:, 0::2], codes[:, 1::2]
        root = name.removesuffix(".weight")
        out[f"{root}.qweight"] = (first << 4 | second) if high_first else (first | second << 4)
        out[f"{root}.scales"] = scale[:, :, 0].astype(np.float32)
    return out


def gguf_rows(array: np.ndarray, kind: str) -> bytes:
    """Return a matrix in one of llama.cpp's number formats."""
    if kind == "F32":
        return np.ascontiguousarray(array, "<f4").tobytes()
    if kind == "F16":
        return array.astype("<f2").tobytes()
    if kind == "BF16":
        return bf16_bytes(array)
    blocks = array.reshape(-1, 32).astype(np.float32)
    if kind == "Q8_0":
        scale = np.maximum(np.abs(blocks).max(axis=1, keepdims=True), 1e-9) / 127
        codes = np.rint(blocks / scale).astype(np.int8)
        return np.concatenate([scale.astype("<f2").view(np.uint8), codes.view(np.uint8)], axis=1).tobytes()
    at = np.abs(blocks).argmax(axis=1)
    scale = blocks[np.arange(len(blocks)), at][:, None] / -8
    inverse = np.divide(1, scale, out=np.zeros_like(scale), where=scale != 0)
    codes = np.clip(np.floor(blocks * inverse + 8.5), 0, 15).astype(np.uint8)
    packed = codes[:, :16] | codes[:, 16:] << 4
    return np.concatenate([scale.astype("<f2").view(np.uint8), packed], axis=1).tobytes()


def gguf_name(name: str) -> str:
    """Return the name that llama.cpp gives a tensor."""
    words = name.removeprefix("model.").split(".")
    if words[0] == "lm_head":
        return "output.weight"
    if words[0] == "norm":
        return "output_norm.weight"
    prefix = f"blk.{words[1]}." if words[0] == "layers" else ""
    return f"{prefix}{_GGUF_NAMES[words[-2]]}.weight"


def write_gguf(path: Path, arrays: Arrays, kind: str, *, words: Mapping[str, str] | None = None) -> Path:
    def text(word: str) -> bytes:
        return struct.pack("<Q", len(word.encode())) + word.encode()

    words = {"general.architecture": "llama", **(words or {})}
    head = b"GGUF" + struct.pack("<IQQ", 3, len(arrays), len(words))
    for key, value in words.items():
        head += text(key) + struct.pack("<I", 8) + text(value)
    bodies, place = [], 0
    for name, array in arrays.items():
        used = kind if array.ndim > 1 and array.shape[-1] % 32 == 0 else "F32"
        body = gguf_rows(array, used)
        head += text(gguf_name(name)) + struct.pack("<I", array.ndim)
        head += b"".join(struct.pack("<Q", size) for size in reversed(array.shape))
        head += struct.pack("<IQ", _GGUF_NUMBERS[used], place)
        padding = -len(body) % 32
        bodies.append(body + b"\0" * padding)
        place += len(body) + padding
    path.write_bytes(head + b"\0" * (-len(head) % 32) + b"".join(bodies))
    return path
