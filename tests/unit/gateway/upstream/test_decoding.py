import gzip
import zlib
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.errors import UpstreamError
from leeward.gateway.upstream.decoding import Inflater


@given(st.binary(max_size=300_000), st.lists(st.integers(0, 400), max_size=6), st.sampled_from([b"gzip", b"deflate"]))
def test_a_body_unfolds_alike_however_it_is_cut(text: bytes, cuts: list[int], coding: bytes) -> None:
    folded = gzip.compress(text) if coding == b"gzip" else zlib.compress(text)
    places = [0, *sorted(c for c in cuts if c < len(folded)), len(folded)]
    inflater = Inflater(coding)
    pieces = [p for a, b in pairwise(places) for p in inflater.feed(folded[a:b])]
    inflater.end()

    assert b"".join(pieces) == text


def test_a_bomb_comes_in_small_pieces() -> None:
    bomb = gzip.compress(bytes(30_000_000))

    assert max(len(p) for p in Inflater(b"gzip").feed(bomb)) <= 65_536


def test_data_after_the_end_of_deflate_is_refused() -> None:
    with pytest.raises(UpstreamError, match="data after the end"):
        list(Inflater(b"deflate").feed(zlib.compress(b"x") + b"y"))


def test_an_empty_body_is_not_a_complete_compressed_one() -> None:
    with pytest.raises(UpstreamError, match="ended early"):
        Inflater(b"gzip").end()


@pytest.mark.parametrize("coding", [b"br", b"zstd", b"gzip, gzip", b"x" * 1000])
def test_other_codings_are_refused_by_name(coding: bytes) -> None:
    with pytest.raises(UpstreamError, match="identity was asked for"):
        Inflater(coding)
