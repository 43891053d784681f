"""How numbers are stored: for each format the values in a block, its bytes, and how it is read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Format:
    """One way to store numbers.

    Attributes:
        values: Numbers in a block.
        size: Bytes of a block.
        decode: Bytes [N blocks, size] -> values [N blocks, values] float32.
        is_integer: Whether it stores codes whose scale lies in another tensor.
    """

    values: int
    size: int
    decode: Callable[[Bytes], Floats]
    is_integer: bool = False


def _plain(dtype: str, *, is_integer: bool = False) -> Format:
    kind = np.dtype(dtype)
    return Format(1, kind.itemsize, lambda raw: raw.view(kind).astype(np.float32), is_integer)


def _bf16(raw: Bytes) -> Floats:
    return (raw.view("<u2").astype(np.uint32) << 16).view(np.float32)


def _float8(exponent_bits: int, bias: int) -> Format:
    """Return an 8-bit float; codes that mean infinity or not-a-number read as 0, so that they count for nothing."""
    codes = np.arange(256)
    mantissa_bits = 7 - exponent_bits
    exponent = (codes >> mantissa_bits) & ((1 << exponent_bits) - 1)
    fraction = (codes & ((1 << mantissa_bits) - 1)) / (1 << mantissa_bits)
    size = np.where(exponent == 0, fraction * 2.0 ** (1 - bias), (1 + fraction) * 2.0 ** (exponent - bias))
    size[(codes & 0x7F) == 0x7F] = 0
    if exponent_bits == 5:
        size[exponent == 31] = 0
    table = np.where(codes >= 128, -size, size).astype(np.float32)
    return Format(1, 1, lambda raw: table[raw])


def _half(raw: Bytes) -> Floats:
    """Return one half-precision number a block, [N, 1]."""
    return np.ascontiguousarray(raw).view("<f2").astype(np.float32)


def _q8_0(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * np.ascontiguousarray(raw[:, 2:]).view(np.int8)


def _nibbles(raw: Bytes) -> NDArray[np.int16]:
    """Return the low halves of all bytes and then the high ones."""
    return np.concatenate([raw & 15, raw >> 4], axis=1).astype(np.int16)


def _fifth_bits(raw: Bytes) -> NDArray[np.int16]:
    return np.unpackbits(raw, axis=1, bitorder="little").astype(np.int16) << 4


def _q4_0(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * (_nibbles(raw[:, 2:]) - 8)


def _q4_1(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * _nibbles(raw[:, 4:]) + _half(raw[:, 2:4])


def _q5_0(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * ((_nibbles(raw[:, 6:]) | _fifth_bits(raw[:, 2:6])) - 16)


def _q5_1(raw: Bytes) -> Floats:
    return _half(raw[:, :2]) * (_nibbles(raw[:, 8:]) | _fifth_bits(raw[:, 4:8])) + _half(raw[:, 2:4])


def _k_scales(raw: Bytes) -> tuple[Floats, Floats]:
    """Return scales and minima [N, 8, 1] from 12 bytes of 6-bit numbers."""
    first, second, third = raw[:, 0:4], raw[:, 4:8], raw[:, 8:12]
    scale = np.concatenate([first & 63, (third & 15) | ((first >> 6) << 4)], axis=1)
    least = np.concatenate([second & 63, (third >> 4) | ((second >> 6) << 4)], axis=1)
    return scale.astype(np.float32)[:, :, None], least.astype(np.float32)[:, :, None]


def _pairs_of_32(raw: Bytes) -> NDArray[np.int16]:
    """Return [N, 8, 32]: of each 32 bytes first the low halves, then the high ones."""
    grouped = raw.reshape(len(raw), 4, 1, 32)
    return np.concatenate([grouped & 15, grouped >> 4], axis=2).reshape(len(raw), 8, 32).astype(np.int16)


def _q4_k(raw: Bytes) -> Floats:
    scale, least = _k_scales(raw[:, 4:16])
    step, floor = _half(raw[:, :2])[:, :, None], _half(raw[:, 2:4])[:, :, None]
    return (step * scale * _pairs_of_32(raw[:, 16:]) - floor * least).reshape(len(raw), 256)


def _q5_k(raw: Bytes) -> Floats:
    scale, least = _k_scales(raw[:, 4:16])
    step, floor = _half(raw[:, :2])[:, :, None], _half(raw[:, 2:4])[:, :, None]
    fifth = (raw[:, None, 16:48] >> np.arange(8, dtype=np.uint8)[None, :, None]) & 1
    codes = _pairs_of_32(raw[:, 48:]) + (fifth.astype(np.int16) << 4)
    return (step * scale * codes - floor * least).reshape(len(raw), 256)


def _q6_k(raw: Bytes) -> Floats:
    count = len(raw)
    low = raw[:, :128].reshape(count, 2, 1, 64) >> np.array([0, 4], np.uint8).reshape(1, 1, 2, 1) & 15
    high = raw[:, 128:192].reshape(count, 2, 1, 32) >> np.array([0, 2, 4, 6], np.uint8).reshape(1, 1, 4, 1) & 3
    codes = low.reshape(count, 8, 32).astype(np.int16) | (high.reshape(count, 8, 32).astype(np.int16) << 4)
    scale = np.ascontiguousarray(raw[:, 192:208]).view(np.int8).astype(np.float32)[:, :, None]
    return (_half(raw[:, 208:210])[:, :, None] * scale * (codes - 32).reshape(count, 16, 16)).reshape(count, 256)


SAFETENSORS: Final = {
    "F64": _plain("<f8"),
    "F32": _plain("<f4"),
    "F16": _plain("<f2"),
    "BF16": Format(1, 2, _bf16),
    "F8_E4M3": _float8(4, 7),
    "F8_E5M2": _float8(5, 15),
    "I64": _plain("<i8", is_integer=True),
    "I32": _plain("<i4", is_integer=True),
    "I16": _plain("<i2", is_integer=True),
    "I8": _plain("i1", is_integer=True),
    "U64": _plain("<u8", is_integer=True),
    "U32": _plain("<u4", is_integer=True),
    "U16": _plain("<u2", is_integer=True),
    "U8": _plain("u1", is_integer=True),
    "BOOL": _plain("u1", is_integer=True),
}
"""By the name in a safetensors header. Source: the format's README, huggingface/safetensors."""

GGUF: Final = {
    0: ("F32", SAFETENSORS["F32"]),
    1: ("F16", SAFETENSORS["F16"]),
    2: ("Q4_0", Format(32, 18, _q4_0)),
    3: ("Q4_1", Format(32, 20, _q4_1)),
    6: ("Q5_0", Format(32, 22, _q5_0)),
    7: ("Q5_1", Format(32, 24, _q5_1)),
    8: ("Q8_0", Format(32, 34, _q8_0)),
    12: ("Q4_K", Format(256, 144, _q4_k)),
    13: ("Q5_K", Format(256, 176, _q5_k)),
    14: ("Q6_K", Format(256, 210, _q6_k)),
    24: ("I8", SAFETENSORS["I8"]),
    25: ("I16", SAFETENSORS["I16"]),
    26: ("I32", SAFETENSORS["I32"]),
    27: ("I64", SAFETENSORS["I64"]),
    28: ("F64", SAFETENSORS["F64"]),
    30: ("BF16", SAFETENSORS["BF16"]),
}
"""By the number in a GGUF header. Source: ggml's `docs/gguf.md` and `ggml-common.h`."""
