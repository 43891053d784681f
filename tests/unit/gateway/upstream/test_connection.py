"""The parser side of a connection, with a transport that only remembers; the event loop runs, no socket does."""

from __future__ import annotations

import asyncio
import gzip
from itertools import pairwise
from typing import cast

from hypothesis import given
from hypothesis import strategies as st

from leeward.errors import UpstreamError
from leeward.gateway.upstream.connection import Connection
from leeward.gateway.upstream.limits import Limits


class Remembering:
    """A transport's edge: what was written, whether reading is paused, whether it is closed."""

    def __init__(self) -> None:
        self.written = b""
        self.is_paused = False
        self.is_closed = False

    def write(self, data: bytes) -> None:
        self.written += data

    def writelines(self, data: tuple[bytes, ...]) -> None:
        self.written += b"".join(data)

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False

    def is_closing(self) -> bool:
        return self.is_closed

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_closed = True

    def get_extra_info(self, name: str) -> None:
        return None


class Line:
    """A connection that has sent one request."""

    def __init__(self, limits: Limits) -> None:
        loop = asyncio.get_running_loop()
        self.freed: list[Connection] = []
        self.gone: list[Connection] = []
        self.wire = Remembering()
        self.connection = Connection(limits, loop, self.freed.append, self.gone.append)
        self.connection.connection_made(cast(asyncio.Transport, self.wire))
        self.response = self.connection.send(b"GET / HTTP/1.1\r\n\r\n", b"", loop.time() + 60)

    def hear(self, pieces: list[bytes]) -> None:
        for piece in pieces:
            if self.wire.is_closed:
                break
            self.connection.data_received(piece)

    def hang_up(self) -> None:
        self.connection.connection_lost(None)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    marks = sorted({0, len(data), *(p % (len(data) + 1) for p in places)})
    return [data[a:b] for a, b in pairwise(marks)]


async def outcome(pieces: list[bytes], limits: Limits) -> tuple[object, ...]:
    """What a reader sees of a reply that comes in these pieces and ends with the connection."""
    line = Line(limits)
    line.hear(pieces)
    line.hang_up()
    response = line.response
    try:
        await response.head()
        body = await response.read(10_000)
    except UpstreamError as error:
        return (error.kind, len(line.gone))
    return (response.status, response.headers, body, len(line.freed), len(line.gone))


def run(pieces: list[bytes], limits: Limits) -> tuple[object, ...]:
    return asyncio.run(outcome(pieces, limits))


SMALL = Limits(head_bytes=300, max_headers=5, high_water_bytes=64, low_water_bytes=0)
GZIPPED = gzip.compress(b"folded text " * 9)
REPLIES = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;ext=1\r\nde\r\n0\r\nX-T: y\r\n\r\n",
    b"HTTP/1.1 103 Early\r\nlink: x\r\n\r\nHTTP/1.1 404 No\r\ncontent-length: 2\r\n\r\nno",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.0 200 OK\r\n\r\nuntil the end",
    b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 1\r\n\r\nx",
    b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n%s" % (len(GZIPPED), GZIPPED),
    b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n" + b"z" * 200,
    b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort",
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\nq",
    b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 6 + b"\r\n",
    b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    b"not http at all\r\n\r\n",
]


@given(st.sampled_from(REPLIES), st.lists(st.integers(0, 10_000), max_size=12))
def test_a_reply_is_read_alike_however_it_is_cut(reply: bytes, places: list[int]) -> None:
    assert run(cut(reply, places), SMALL) == run([reply], SMALL)


@given(st.sampled_from(REPLIES), st.integers(0, 400), st.binary(max_size=3), st.booleans())
def test_no_damage_to_a_reply_ends_in_anything_but_a_reply_or_one_error(
    reply: bytes, place: int, damage: bytes, is_cut: bool
) -> None:
    place %= len(reply) + 1
    damaged = reply[:place] + damage + (b"" if is_cut else reply[place + len(damage) :])
    end = run([damaged], SMALL)

    assert end[0] in ("cut", "garbage") or isinstance(end[0], int)
    assert end[-1] == 1


@given(st.binary(min_size=1, max_size=40))
def test_a_byte_too_many_condemns_the_connection(extra: bytes) -> None:
    async def story() -> tuple[bool, bytes, int]:
        line = Line(SMALL)
        line.hear([REPLIES[0] + b"H" + extra])
        return line.wire.is_closed, await line.response.read(10), len(line.freed)

    assert asyncio.run(story()) == (True, b"hello", 0)


async def test_an_unread_body_pauses_reading_until_it_is_taken() -> None:
    line = Line(SMALL)
    line.hear([b"HTTP/1.1 200 OK\r\ncontent-length: 200\r\n\r\n", b"z" * 63])
    before = line.wire.is_paused
    line.hear([b"z"])
    full = line.wire.is_paused
    chunks = line.response.chunks()
    first = await anext(chunks)

    assert (before, full, line.wire.is_paused, len(first)) == (False, True, False, 64)
    line.response.close()


async def test_a_body_that_ends_while_held_back_frees_a_connection_that_reads() -> None:
    line = Line(SMALL)
    line.hear([b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n", b"z" * 64, b"z" * 36])

    assert (line.freed, line.wire.is_paused) == ([line.connection], False)
    assert await line.response.read(100) == b"z" * 100


async def test_a_small_request_with_a_body_is_one_write_of_head_and_body() -> None:
    line = Line(SMALL)
    line.hear([REPLIES[0]])
    line.connection.send(b"POST / HTTP/1.1\r\n\r\n", b"body", asyncio.get_running_loop().time() + 60).close()

    assert line.wire.written.endswith(b"POST / HTTP/1.1\r\n\r\nbody")
