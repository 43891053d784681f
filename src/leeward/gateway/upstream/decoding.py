"""Bodies that come compressed although we asked for plain ones."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from leeward.errors import UpstreamError

_PIECE_BYTES = 65_536
_GZIP_BITS = 16 + zlib.MAX_WBITS


class Inflater:
    """Undoes gzip or deflate piece by piece; never makes more than 64 KiB at a time, so a bomb cannot fill memory.

    Args:
        coding: Lower-case content coding.

    Raises:
        UpstreamError: If the coding is not one that we read.

    Source:
        RFC 9110, section 8.4.1.
    """

    def __init__(self, coding: bytes) -> None:
        if coding not in (b"gzip", b"x-gzip", b"deflate"):
            name = coding[:40].decode("latin-1")
            raise UpstreamError(
                f"the model server sent a body in content coding {name!r} although identity was asked for",
                kind="garbage",
            )
        self._is_gzip = coding != b"deflate"
        self._machine = zlib.decompressobj(_GZIP_BITS) if self._is_gzip else None

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Yield what `data` unfolds to.

        Raises:
            UpstreamError: If the data is not of the coding.
        """
        try:
            yield from self._unfold(data)
        except zlib.error as error:
            raise UpstreamError(f"the model server sent a broken compressed body: {error}", kind="garbage") from error

    def end(self) -> None:
        """Check that the compressed stream was complete.

        Raises:
            UpstreamError: If it was not.
        """
        if self._machine is None or not self._machine.eof:
            raise UpstreamError("the model server's compressed body ended early", kind="cut")

    def _unfold(self, data: bytes) -> Iterator[bytes]:
        if self._machine is None and data:
            # "deflate" means the zlib format, yet some servers send raw deflate; the low half of the first byte tells.
            self._machine = zlib.decompressobj(zlib.MAX_WBITS if data[0] & 0x0F == 8 else -zlib.MAX_WBITS)
        while data and self._machine is not None:
            if self._machine.eof:
                if not self._is_gzip:
                    raise zlib.error("data after the end")
                self._machine = zlib.decompressobj(_GZIP_BITS)
            piece = self._machine.decompress(data, _PIECE_BYTES)
            data = self._machine.unused_data if self._machine.eof else self._machine.unconsumed_tail
            if piece:
                yield piece
