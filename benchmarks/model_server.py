"""A model server that answers at once, so that the proxy in front of it is what costs: `python model_server.py`.

A request with `"stream": true` gets one event a word, one each `--delay-ms`; any other gets about 200 tokens at once.
Every reply differs from the one before it.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from typing import TextIO

import uvloop

from prose import SENTENCES, prose

EVENTS = 101  # role, 98 words, finish, [DONE]
_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: %s\r\n%s\r\n"
_MODELS = b'{"object":"list","data":[{"id":"mock","object":"model","created":1700000000,"owned_by":"nobody"}]}'


def whole(number: int) -> bytes:
    body = json.dumps(
        {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": "mock",
            "choices": [
                {
                    "index": 0,
                    "finish_reason": "stop",
                    "message": {"role": "assistant", "content": prose(number, SENTENCES)},
                }
            ],
            "usage": {"prompt_tokens": 180, "completion_tokens": 200, "total_tokens": 380},
        }
    ).encode()
    return sized(body)


def sized(body: bytes) -> bytes:
    return _HEAD % (b"application/json", b"content-length: %d\r\n" % len(body)) + body


def words_of(number: int) -> list[str]:
    """Return the words of a stream; the role comes before them, two events after them."""
    return prose(number, 8).split()[: EVENTS - 3]


def events(number: int) -> list[bytes]:
    """Return the stream, head included, as what is written at each beat."""
    words = words_of(number)
    pieces = [_event(number, {"role": "assistant", "content": ""})]
    pieces += [_event(number, {"content": word + " "}) for word in words]
    pieces += [_event(number, {}, "stop"), b"data: [DONE]\n\n"]
    framed = [b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces]
    framed[0] = _HEAD % (b"text/event-stream", b"transfer-encoding: chunked\r\n") + framed[0]
    framed[-1] += b"0\r\n\r\n"
    return framed


def _event(number: int, delta: dict[str, str], finish: str | None = None) -> bytes:
    chunk = {
        "id": f"chatcmpl-{number}",
        "object": "chat.completion.chunk",
        "created": 1_700_000_000,
        "model": "mock",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


class ModelServer(asyncio.Protocol):
    """One connection; requests with a content length, one at a time."""

    numbers = itertools.count()

    def __init__(self, delay_seconds: float, journal: TextIO | None) -> None:
        self._delay = delay_seconds
        self._journal = journal
        self._buffer = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found or self._transport is None:
            return
        length = _length(head)
        if len(rest) < length:
            return
        self._buffer = rest[length:]
        number = next(self.numbers)
        if head.startswith(b"GET"):
            self._transport.write(sized(_MODELS))
        elif b'"stream":true' in rest or b'"stream": true' in rest:
            self._beat(number, iter(events(number)), [])
        else:
            self._transport.write(whole(number))

    def _beat(self, number: int, pieces: Iterator[bytes], sent: list[float]) -> None:
        piece = next(pieces, None)
        if piece is None or self._transport is None:
            return
        sent.append(time.monotonic())
        if len(sent) == EVENTS and self._journal is not None:
            # Before the last event leaves, since the client may look once it has that.
            self._journal.write(json.dumps({"words": words_of(number), "sent": sent[1:-2]}) + "\n")
        self._transport.write(piece)
        asyncio.get_running_loop().call_later(self._delay, self._beat, number, pieces, sent)


def _length(head: bytes) -> int:
    lower = head.lower()
    start = lower.find(b"content-length:")
    return int(lower[start + 15 :].split(b"\r\n", 1)[0]) if start >= 0 else 0


async def main(arguments: argparse.Namespace) -> None:
    loop = asyncio.get_running_loop()
    # Line by line, so that a client that has seen the end of a stream a moment ago finds it there.
    journal = open(arguments.journal, "w", buffering=1) if arguments.journal else None  # noqa: SIM115
    server = await loop.create_server(
        lambda: ModelServer(arguments.delay_ms / 1000, journal), "127.0.0.1", arguments.port, backlog=1024
    )
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=9101)
    parser.add_argument("--delay-ms", type=float, default=10.0)
    parser.add_argument("--journal", help="file: of each stream, its words and when each was sent, as JSON lines")
    uvloop.run(main(parser.parse_args()))
