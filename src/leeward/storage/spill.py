"""The file that takes what the database cannot take now."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from leeward.errors import StorageError
from leeward.storage.rows import Batch, Row
from leeward.storage.sink import RowRefused, Sink

SPILL_NAME = "records.spill.jsonl"
REFUSED_NAME = "records.refused.jsonl"
_CHUNK_LINES = 1_000

_OpenedCells = tuple[str, float, str, str, str, str, str, str, str, bool, str]
_ClosedCells = tuple[
    str, float, str, int, str, str, str, str, str, str, str, int, int, int, str, str, int, float, str
]  # fmt: skip
_EvidenceCells = tuple[str, str, float, str, bytes | None, bytes | None, str, float | None]


class Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One row in the file; exactly one of the three is set. Evidence is encrypted before it gets here."""

    opened: _OpenedCells | None = None
    closed: _ClosedCells | None = None
    evidence: _EvidenceCells | None = None


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Line).decode


class Spill:
    """An append-only file shared by the workers of a machine; every access holds a lock on it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SPILL_NAME
        self.refused_path = folder / REFUSED_NAME

    def append(self, batch: Batch) -> None:
        """Return when the rows are on the disk.

        Raises:
            StorageError: If the file cannot be written.
        """
        content = b"".join(_encode(line) + b"\n" for line in _lines(batch))
        try:
            with _locked(self.path) as file:
                _write(file, content)
        except OSError as error:
            raise StorageError(f"The spill file {self.path} cannot be written: {error.strerror}.") from error

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits in the file."""
        try:
            return self.path.stat().st_size == 0
        except OSError:
            return True

    def replay(self, sink: Sink) -> int:
        """Write what waits to the store, then empty the file; a row that is there already stays as it is.

        Lines that no store takes go to a file beside it, for a person.

        Returns:
            Rows written.

        Raises:
            StorageError: If the store fails; the file then stays as it was.
        """
        if self.is_empty:
            return 0
        try:
            with _locked(self.path) as file:
                lines = os.pread(file, os.fstat(file).st_size, 0).splitlines()
                written = sum(self._replay_chunk(sink, lines[at : at + _CHUNK_LINES]) for at in _starts(lines))
                os.ftruncate(file, 0)
                os.fsync(file)
        except OSError as error:
            raise StorageError(f"The spill file {self.path} cannot be read: {error.strerror}.") from error
        return written

    def _replay_chunk(self, sink: Sink, lines: Sequence[bytes]) -> int:
        rows = [(line, row) for line in lines if (row := self._read(line)) is not None]
        try:
            sink.commit(_batch(row for _, row in rows))
        except RowRefused:
            return sum(self._replay_one(sink, line, row) for line, row in rows)
        return len(rows)

    def _replay_one(self, sink: Sink, line: bytes, row: Line) -> int:
        try:
            sink.commit(_batch([row]))
        except RowRefused:
            self._set_aside(line)
            return 0
        return 1

    def _read(self, line: bytes) -> Line | None:
        try:
            return _decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            self._set_aside(line)
            return None

    def _set_aside(self, line: bytes) -> None:
        with _locked(self.refused_path) as file:
            _write(file, line + b"\n")


def _starts(lines: Sequence[bytes]) -> range:
    return range(0, len(lines), _CHUNK_LINES)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _write(file: int, content: bytes) -> None:
    """Append all of `content` or nothing: half a line would be half a record."""
    before = os.fstat(file).st_size
    # A process that died while writing leaves a line without its end; do not glue the next one to it.
    if before and os.pread(file, 1, before - 1) != b"\n":
        content = b"\n" + content
    view = memoryview(content)
    try:
        while view:
            view = view[os.write(file, view) :]
        os.fsync(file)
    except OSError:
        os.ftruncate(file, before)
        raise


def _lines(batch: Batch) -> Iterator[dict[str, Row]]:
    for row in batch.opened:
        yield {"opened": row}
    for row in batch.closed:
        yield {"closed": row}
    for row in batch.evidence:
        yield {"evidence": row}


def _batch(lines: Iterator[Line] | Sequence[Line]) -> Batch:
    batch = Batch()
    for line in lines:
        if line.opened is not None:
            batch.opened.append(line.opened)
        if line.closed is not None:
            batch.closed.append(line.closed)
        if line.evidence is not None:
            batch.evidence.append(line.evidence)
    return batch
