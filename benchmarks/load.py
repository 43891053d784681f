"""Sends chat requests for some seconds and tells what came back, as one JSON line: `python load.py --help`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httptools
import uvloop

from prose import SENTENCES, prose

# LiteLLM does not start without a key of some length; the others take any.
KEY = "sk-benchmark-0123456789abcdef0123456789abcdef"
# How long answers may still come in after the last request went out.
_PATIENCE_SECONDS = 20.0
# So many characters tell which stream of the model server a reply is; later on a note may stand in it.
_TELLING_CHARS = 60


@dataclass(slots=True)
class Tally:
    """What came back; times in milliseconds from sending.

    Attributes:
        refused: Answers that say so: false alarms, since every text here is harmless.
        first_texts: Of each stream, when its first text came (monotonic seconds) and its body.
    """

    done: int = 0
    errors: int = 0
    refused: int = 0
    sample: str = ""
    whole_ms: list[float] = field(default_factory=list)
    first_byte_ms: list[float] = field(default_factory=list)
    first_text_ms: list[float] = field(default_factory=list)
    first_texts: list[tuple[float, bytes]] = field(default_factory=list)


class Caller(asyncio.Protocol):
    """One keep-alive connection that asks, waits for the whole answer and asks again until time is up."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._begin()

    def _begin(self) -> None:
        self._body: list[bytes] = []
        self._first_byte = self._first_text = 0.0
        self._is_done = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._ask()

    def _ask(self) -> None:
        assert self._transport is not None
        if time.monotonic() >= self._job.stop_at:
            self._transport.close()
            return
        self._begin()
        self._sent = time.monotonic()
        self._transport.write(self._job.request())

    def on_body(self, data: bytes) -> None:
        if (
            not self._first_text
            and self._job.is_stream
            and b'"content":"' in data.replace(b'": "', b'":"').replace(b'"content":""', b"")
        ):
            self._first_text = time.monotonic()
        self._body.append(data)

    def on_message_complete(self) -> None:
        self._is_done = True

    def data_received(self, data: bytes) -> None:
        self._first_byte = self._first_byte or time.monotonic()
        self._parser.feed_data(data)
        if self._is_done:
            self._count()
            self._ask()

    def _count(self) -> None:
        tally, now = self._job.tally, time.monotonic()
        body = b"".join(self._body)
        finished = b"data: [DONE]" in body if self._job.is_stream else b'"choices"' in body
        if self._parser.get_status_code() != 200 or not finished:
            tally.errors += 1
            tally.sample = tally.sample or body[:300].decode("utf-8", "replace")
            return
        if b"content_filter" in body:
            tally.refused += 1
            tally.sample = tally.sample or body[:300].decode("utf-8", "replace")
            return
        tally.done += 1
        tally.whole_ms.append((now - self._sent) * 1e3)
        tally.first_byte_ms.append((self._first_byte - self._sent) * 1e3)
        if self._first_text:
            tally.first_text_ms.append((self._first_text - self._sent) * 1e3)
            tally.first_texts.append((self._first_text, body))

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None or not self._is_done:
            self._job.tally.errors += 1
            self._job.tally.sample = self._job.tally.sample or f"connection lost: {exc!r}"
        self._job.ended()


class Job:
    """All callers of one run.

    Args:
        first: Number of the first text; runs with distant numbers share no text.
    """

    def __init__(self, url: str, *, is_stream: bool, connections: int, seconds: float, first: int) -> None:
        self.is_stream = is_stream
        self.tally = Tally()
        self.stop_at = time.monotonic() + seconds
        self._numbers = itertools.count(first)
        self._left = connections
        self._over = asyncio.get_running_loop().create_future()
        parts = urlsplit(url)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nhost: {parts.netloc}\r\ncontent-type: application/json\r\n"
            f"authorization: Bearer {KEY}\r\naccept: */*\r\nuser-agent: bench\r\ncontent-length: "
        ).encode()

    def request(self) -> bytes:
        body = json.dumps(
            {
                "model": "mock",
                "messages": [
                    {"role": "system", "content": "You are a helpful assistant."},
                    {"role": "user", "content": prose(next(self._numbers), SENTENCES)},
                ],
                "temperature": 0.3,
                "stream": self.is_stream,
            },
            separators=(",", ":"),
        ).encode()
        return b"%s%d\r\n\r\n%s" % (self._head, len(body), body)

    def ended(self) -> None:
        self._left -= 1
        if self._left == 0 and not self._over.done():
            self._over.set_result(None)

    async def over(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._over, seconds)
        except TimeoutError:
            self.tally.errors += self._left
            self.tally.sample = self.tally.sample or "no answer in time"


def beyond_hold_ms(tally: Tally, journal: str, window_chars: int) -> list[float]:
    """Return how long after the event that filled the first window the first text came, for each stream.

    Args:
        tally: What came back.
        journal: File of the model server: words and times of each stream.
        window_chars: What has to be there before the first text may leave.

    Returns:
        Milliseconds; less than zero where text left before so much was there, as in a proxy that holds nothing back.
    """
    with open(journal, encoding="utf-8") as lines:
        streams = [json.loads(line) for line in lines]
    known = {" ".join(each["words"])[:_TELLING_CHARS]: each for each in streams}
    waits = []
    for came, body in tally.first_texts:
        stream = known[_text_of(body)[:_TELLING_CHARS]]
        filled = next(i for i, chars in enumerate(_chars(stream["words"])) if chars >= window_chars)
        waits.append((came - stream["sent"][filled]) * 1e3)
    return waits


def _chars(words: list[str]) -> Iterator[int]:
    return itertools.accumulate(len(word) + 1 for word in words)


def _text_of(body: bytes) -> str:
    lines = [line[6:] for line in body.split(b"\n") if line.startswith(b"data: {")]
    choices = [choice for line in lines for choice in json.loads(line)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


async def main(arguments: argparse.Namespace) -> None:
    parts = urlsplit(arguments.url)
    job = Job(
        arguments.url,
        is_stream=arguments.stream,
        connections=arguments.connections,
        seconds=arguments.seconds,
        first=arguments.first,
    )
    loop = asyncio.get_running_loop()
    begun = time.monotonic()
    for _ in range(arguments.connections):
        await loop.create_connection(lambda: Caller(job), parts.hostname, parts.port)
    await job.over(arguments.seconds + _PATIENCE_SECONDS)
    tally = job.tally
    beyond = beyond_hold_ms(tally, arguments.journal, arguments.window_chars) if arguments.journal else []
    print(
        json.dumps(
            {
                "done": tally.done,
                "errors": tally.errors,
                "refused": tally.refused,
                "sample": tally.sample,
                "seconds": time.monotonic() - begun,
                **{
                    f"{name}_{share}": percentile(getattr(tally, name), share)
                    for name in ("whole_ms", "first_byte_ms", "first_text_ms")
                    for share in (50, 99)
                },
                "beyond_hold_ms_50": percentile(beyond, 50),
            }
        )
    )


def percentile(values: list[float], share: int) -> float:
    """Return the `share`th percentile; 0 when there is none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * share // 100)] if ordered else 0.0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--stream", action="store_true")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3.0)
    parser.add_argument("--first", type=int, default=0, help="number of the first text")
    parser.add_argument("--journal", help="of the model server: tells the wait beyond the hold-back of streams")
    parser.add_argument("--window-chars", type=int, default=384, help="that a stream holds back at first")
    uvloop.run(main(parser.parse_args()))
