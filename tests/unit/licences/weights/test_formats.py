from __future__ import annotations

import struct

import numpy as np
import pytest

from leeward.licences.weights.formats import GGUF, SAFETENSORS

RNG = np.random.default_rng(0)
HALF = 0.25


def _half(value: float) -> bytes:
    return struct.pack("<e", value)


def _decode(number: int, raw: bytes) -> list[float]:
    return GGUF[number][1].decode(np.frombuffer(raw, np.uint8).reshape(1, -1)).ravel().tolist()


def test_q8_0_is_a_scale_and_32_bytes() -> None:
    codes = list(range(-16, 16))

    assert _decode(8, _half(HALF) + struct.pack("32b", *codes)) == [HALF * code for code in codes]


def test_q4_0_has_the_first_half_of_a_block_in_the_low_halves() -> None:
    low, high = [at % 16 for at in range(16)], [(at * 7) % 16 for at in range(16)]
    raw = _half(HALF) + bytes(one | other << 4 for one, other in zip(low, high, strict=True))

    assert _decode(2, raw) == [HALF * (code - 8) for code in low + high]


def test_q4_1_adds_a_minimum() -> None:
    assert _decode(3, _half(HALF) + _half(-1) + bytes([0x21] * 16)) == [HALF - 1] * 16 + [2 * HALF - 1] * 16


def test_q5_0_takes_its_fifth_bits_from_a_word() -> None:
    raw = _half(1) + struct.pack("<I", 0b1 | 1 << 31) + bytes([0x00] * 16)

    assert _decode(6, raw) == [0.0] + [-16.0] * 30 + [0.0]


def test_q5_1_takes_its_fifth_bits_from_a_word_and_adds_a_minimum() -> None:
    raw = _half(1) + _half(2) + struct.pack("<I", 0b10) + bytes([0x00] * 16)

    assert _decode(7, raw) == [2.0, 18.0] + [2.0] * 30


def _scales(scale: list[int], least: list[int]) -> bytes:
    """Pack eight scales and eight minima of 6 bits as ggml does."""
    first = [scale[at] | (scale[at + 4] >> 4) << 6 for at in range(4)]
    second = [least[at] | (least[at + 4] >> 4) << 6 for at in range(4)]
    third = [(scale[at + 4] & 15) | (least[at + 4] & 15) << 4 for at in range(4)]
    return bytes(first + second + third)


def test_q4_k_has_a_scale_and_a_minimum_for_each_32() -> None:
    scale, least = [1, 2, 3, 4, 50, 60, 7, 63], [8, 7, 6, 5, 40, 30, 20, 33]
    raw = _half(1) + _half(1) + _scales(scale, least) + bytes([0x53] * 128)
    expected = [scale[at] * (3 if at % 2 == 0 else 5) - least[at] for at in range(8) for _ in range(32)]

    assert _decode(12, raw) == expected


def test_q5_k_has_a_bit_plane_for_each_32() -> None:
    ones, zeros = [1] * 8, [0] * 8
    raw = _half(1) + _half(0) + _scales(ones, zeros) + bytes([0b0000_0101] * 32) + bytes([0x00] * 128)

    assert _decode(13, raw) == [16.0] * 32 + [0.0] * 32 + [16.0] * 32 + [0.0] * 160


def test_q6_k_has_a_scale_for_each_16() -> None:
    raw = bytes([0x21] * 128) + bytes([0b11_10_01_00] * 64) + struct.pack("16b", *range(-8, 8)) + _half(1)
    codes = [1 + 16 * 0, 1 + 16 * 1, 2 + 16 * 2, 2 + 16 * 3] * 2
    scale = [[at * 2 - 8, at * 2 - 7] for at in range(8)]
    expected = [(code - 32) * its for at, code in enumerate(codes) for its in scale[at] for _ in range(16)]

    assert _decode(14, raw) == expected


def test_bfloat16_is_the_upper_half_of_a_float() -> None:
    values = np.array([0.0, 1.0, -2.5, 3.0e38], np.float32)
    upper = (values.view(np.uint32) >> 16).astype("<u2").view(np.uint8).reshape(-1, 2)

    assert SAFETENSORS["BF16"].decode(upper).ravel() == pytest.approx(values, rel=0.01)


@pytest.mark.parametrize(
    ("kind", "code", "value"),
    [("F8_E4M3", 0x38, 1.0), ("F8_E4M3", 0x7E, 448.0), ("F8_E4M3", 0x7F, 0.0), ("F8_E4M3", 0x01, 2**-9),
     ("F8_E5M2", 0xBC, -1.0), ("F8_E5M2", 0x7B, 57_344.0), ("F8_E5M2", 0x7C, 0.0)],
)  # fmt: skip
def test_8_bit_floats_read_as_their_tables_say(kind: str, code: int, value: float) -> None:
    assert SAFETENSORS[kind].decode(np.array([[code]], np.uint8)).item() == value
