"""Server-sent events, cut anywhere."""

from __future__ import annotations

from typing import NamedTuple

from leeward.errors import UpstreamError

KEEP_ALIVE = b": keep-alive\n\n"
DONE = b"data: [DONE]\n\n"


class Event(NamedTuple):
    """One event: its joined data lines and its name, empty when unnamed."""

    data: bytes
    event: str = ""


class SseReader:
    """Reads events out of bytes that arrive in any pieces; work is linear in the bytes.

    Args:
        max_event_bytes: Longest event that is accepted.

    Source:
        WHATWG HTML, section 9.2.6 (any mix of CR, LF and CRLF ends a line; a blank line ends an event).
    """

    __slots__ = ("_ended_in_cr", "_pending", "_size", "max_event_bytes")

    def __init__(self, max_event_bytes: int = 4 * 1024 * 1024) -> None:
        self.max_event_bytes = max_event_bytes
        self._pending: list[bytes] = []
        self._size = 0
        self._ended_in_cr = False

    def feed(self, data: bytes) -> list[Event]:
        """Return the events that `data` completes.

        Raises:
            UpstreamError: `garbage` when an event is longer than allowed.
        """
        if self._ended_in_cr or b"\r" in data:
            data = self._only_lf(data)
        if not data:
            return []
        last = self._pending[-1][-1:] if self._pending else b""
        if b"\n\n" not in last + data:
            self._keep(data)
            return []
        self._pending.append(data)
        *blocks, rest = b"".join(self._pending).split(b"\n\n")
        self._pending, self._size = [], 0
        if rest:
            self._keep(rest)
        return self._events(blocks)

    def end(self) -> list[Event]:
        """Return the event that the end of the stream completes; a last blank line is often forgotten."""
        rest = b"".join(self._pending).strip(b"\n")
        self._pending, self._size = [], 0
        return self._events([rest]) if rest else []

    def _events(self, blocks: list[bytes]) -> list[Event]:
        events: list[Event] = []
        for block in blocks:
            if len(block) > self.max_event_bytes:
                raise self._too_long()
            if block[:6] == b"data: " and b"\n" not in block:
                events.append(Event(block[6:]))
            elif (event := _event(block)) is not None:
                events.append(event)
        return events

    def _keep(self, data: bytes) -> None:
        self._size += len(data)
        if self._size > self.max_event_bytes:
            raise self._too_long()
        self._pending.append(data)

    def _too_long(self) -> UpstreamError:
        return UpstreamError(
            f"The model server sent an event of more than {self.max_event_bytes} bytes.", kind="garbage"
        )

    def _only_lf(self, data: bytes) -> bytes:
        if self._ended_in_cr and data[:1] == b"\n":
            data = data[1:]
        elif not data:
            return data
        self._ended_in_cr = data[-1:] == b"\r"
        return data.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _event(block: bytes) -> Event | None:
    data: list[bytes] = []
    name = ""
    for line in block.split(b"\n"):
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"data":
            data.append(value)
        elif field == b"event":
            name = value.decode("utf-8", "replace")
    return Event(b"\n".join(data), name) if data else None
