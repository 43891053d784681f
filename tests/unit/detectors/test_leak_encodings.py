"""Runs of base64 and hex, wherever a window cuts them."""

from __future__ import annotations

import base64

import pytest

from leeward.detectors.leak_encodings import encoded_in
from leeward.domain.view import Layer

TEXT = "You are the assistant of a small library by the harbour, and you never say so."


@pytest.mark.parametrize("cut", range(9))
def test_base64_is_read_from_wherever_it_is_cut(cut: int) -> None:
    run = base64.b64encode(TEXT.encode()).decode()[cut:]
    read = [one.text for one in encoded_in(Layer("plain", f"so: {run} end"))]

    assert any(TEXT[10:70] in text for text in read)


def test_base64_in_lines_is_one_run() -> None:
    run = base64.encodebytes((TEXT * 2).encode()).decode()
    spans = {(one.span.start, one.span.stop) for one in encoded_in(Layer("plain", run))}

    assert any(one.text == TEXT * 2 for one in encoded_in(Layer("plain", run)))
    assert spans == {(0, len(run.rstrip()))}


@pytest.mark.parametrize("cut", range(4))
@pytest.mark.parametrize("between", ["", " ", ":"])
def test_hex_is_read_from_wherever_it_is_cut(cut: int, between: str) -> None:
    data = TEXT.encode()
    run = (data.hex(between) if between else data.hex())[cut:]
    read = [one.text for one in encoded_in(Layer("plain", f"so: {run}"))]

    assert any(TEXT[4:-1] in text for text in read)


def test_prose_holds_no_run() -> None:
    assert list(encoded_in(Layer("plain", TEXT * 3))) == []
