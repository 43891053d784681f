"""Streams, read and written: upstream events to deltas, released text to frames."""

from __future__ import annotations

from typing import Protocol

from leeward.gateway.wire.body import Json, Object
from leeward.gateway.wire.channels import Delta, Kind
from leeward.gateway.wire.chat_stream import ChatStream
from leeward.gateway.wire.request import Request
from leeward.gateway.wire.responses_stream import ResponsesStream
from leeward.gateway.wire.sse import Event, SseReader

__all__ = ["Delta", "Event", "Kind", "SseReader", "StreamCodec", "stream_codec"]


class StreamCodec(Protocol):
    """Both directions of one stream.

    Log probabilities are never sent on: they would spell out text that is held back or replaced.
    Tool calls are sent whole, one frame a call, by `finish`: half a call cannot be used, and Mistral's client
    refuses a delta without the name.

    Attributes:
        id, model, created: Of the reply; upstream's once its first event was read.
        usage: Upstream's, numbers only; None until it came.
        is_done: Whether upstream said that the stream is complete.
        dropped: How many members were left out because nobody could examine them.
    """

    id: str
    model: str
    created: int
    usage: Object | None
    is_done: bool
    dropped: int

    def on_event(self, event: Event) -> list[Delta]:
        """Return what an upstream event adds.

        Raises:
            UpstreamError: `garbage` when it cannot be read, `status` when it is an error object.
        """
        ...

    def end(self) -> list[Delta]:
        """Return what was held back when upstream ends without a finish reason."""
        ...

    def opening(self) -> bytes:
        """Return the frame that begins the reply, without text of the model; empty when it was given already."""
        ...

    def chunk(self, choice: int, kind: Kind, index: int, text: str) -> bytes:
        """Return the frames that release `text`; empty for tool calls, which `finish` sends whole."""
        ...

    def calls(self, choice: int) -> list[tuple[int, str]]:
        """Return index and arguments, escapes undone, of each tool call of a choice that was released."""
        ...

    def take_call(self, choice: int, index: int) -> Object:
        """Take a tool call out of a choice and return it in the shape of the endpoint's whole replies."""
        ...

    def drop_tools(self, choice: int) -> None:
        """Forget the tool calls of a choice."""
        ...

    def finish(self, choice: int, reason: str) -> bytes:
        """Return frames that end a choice; its very last frame waits for `closing` or for another choice.

        Tool calls are dropped when `reason` is `content_filter` or `error`.
        """
        ...

    def closing(self, leeward: Object, guardrails: Json = None) -> bytes:
        """Return the frames before `done`: the last finish with usage, and `leeward` on the last of them."""
        ...

    def done(self) -> bytes:
        """Return the end mark of the endpoint; empty where there is none."""
        ...

    def keepalive(self) -> bytes:
        """Return a comment that every client skips."""
        ...


def stream_codec(request: Request, *, id: str, created: int) -> StreamCodec:
    """Return the codec for the stream of a request.

    Args:
        request: Whose reply it is.
        id: Of the reply, used when no model server was asked or it gave none.
        created: Seconds since the epoch, used likewise.
    """
    if request.endpoint == "responses":
        return ResponsesStream(request, id=id, created=created)
    return ChatStream(request, id=id, created=created)
