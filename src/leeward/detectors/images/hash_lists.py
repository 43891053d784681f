"""Reads lists of known hashes in the formats that hash-sharing programmes use."""

from __future__ import annotations

import csv
import io
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from leeward.detectors.images.pdq import LEAST_QUALITY, Words, from_hex_many
from leeward.errors import DetectorError

MD5, SHA1, SHA256, PDQ = "md5", "sha1", "sha256", "pdq"
DIGITS: Final[Mapping[str, int]] = {MD5: 32, SHA1: 40, SHA256: 64, PDQ: 64}
# Names of a kind as programmes write them: ThreatExchange `HASH_PDQ`, HMA `pdq`, NCMEC `md5`.
_KINDS: Final[Mapping[str, str]] = {
    alias: kind
    for kind, aliases in {
        MD5: ("md5", "hash_md5"),
        SHA1: ("sha1", "sha-1", "sha_1", "hash_sha1"),
        SHA256: ("sha256", "sha-256", "sha_256", "hash_sha256"),
        PDQ: ("pdq", "hash_pdq", "pdqhash", "pdq_hash"),
    }.items()
    for alias in aliases
}
_TYPE_KEYS: Final = ("type", "signal_type", "hash_type", "indicator_type", "algorithm")
_VALUE_KEYS: Final = ("value", "hash", "signal_value", "hash_value", "raw_indicator", "indicator", "content")


class _Row(NamedTuple):
    kind: str
    digits: str
    quality: int | None


class _Misread(Exception):
    """A place in a list that cannot be read, and why."""


@dataclass(frozen=True, slots=True)
class ListCount:
    """What one file brought.

    Attributes:
        name: File name.
        hashes: How many hashes it holds, by kind; repeated ones count again.
        left_out: PDQ hashes left out because of their low quality.
    """

    name: str
    hashes: Mapping[str, int]
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class KnownHashes:
    """All hashes of all files.

    Attributes:
        exact: Digest of a file, raw -> number of its list in `lists`.
        pdq: [N, 16] uint16.
        pdq_list: [N] number of the list.
    """

    lists: tuple[ListCount, ...]
    exact: Mapping[bytes, int]
    pdq: Words
    pdq_list: tuple[int, ...]


def read_folder(folder: Path) -> KnownHashes:
    """Return the hashes of every file in `folder`.

    Raises:
        DetectorError: If the folder or a file cannot be read whole: a list with holes would go unnoticed.
    """
    if not folder.is_dir():
        raise DetectorError(
            f"the folder of hash lists does not exist: {folder}",
            meaning="No image could be compared with known ones, so the gateway does not start.",
            remedy="Create it, or unset LEEWARD_HASH_LISTS to run without lists.",
        )
    paths = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith((".", "README")))
    lists: list[ListCount] = []
    exact: dict[bytes, int] = {}
    pdq: list[str] = []
    pdq_list: list[int] = []
    for number, path in enumerate(paths):
        count, rows = _read_file(path)
        lists.append(count)
        for row in rows:
            if row.kind == PDQ:
                pdq.append(row.digits)
                pdq_list.append(number)
            else:
                exact.setdefault(bytes.fromhex(row.digits), number)
    return KnownHashes(tuple(lists), exact, from_hex_many(pdq), tuple(pdq_list))


def _read_file(path: Path) -> tuple[ListCount, list[_Row]]:
    read = _READERS.get(path.suffix.lower())
    if read is None:
        known = ", ".join(sorted(_READERS))
        raise DetectorError(
            f"{path.name}: not a hash list; known endings are {known}",
            meaning="A list that is not read protects nobody, so the gateway does not start.",
            remedy="Rename the file, or move it out of the folder.",
        )
    try:
        rows = list(read(path.read_bytes(), "sha256" in path.name.lower()))
    except (OSError, _Misread, ValueError, csv.Error, ElementTree.ParseError, msgspec.DecodeError) as error:
        raise DetectorError(
            f"{path.name}: {error}",
            meaning="A list that is read in part leaves known images unrecognised, so the gateway does not start.",
            remedy="Fetch the list again, or correct the place named above.",
        ) from error
    kept = [row for row in rows if row.quality is None or row.quality >= LEAST_QUALITY]
    counts = {kind: total for kind in DIGITS if (total := sum(row.kind == kind for row in kept))}
    return ListCount(path.name, counts, len(rows) - len(kept)), kept


def _row(kind: str, digits: str, where: str, quality: object = None) -> _Row:
    digits = digits.strip().lower()
    if len(digits) != DIGITS[kind] or digits.strip("0123456789abcdef"):
        raise _Misread(f"{where}: a {kind} hash has {DIGITS[kind]} hexadecimal digits")
    if quality is None or quality == "":
        return _Row(kind, digits, None)
    try:
        return _Row(kind, digits, int(float(str(quality))))
    except (ValueError, OverflowError):
        raise _Misread(f"{where}: the quality is not a number") from None


def _guess(digits: str, wants_sha256: bool, where: str) -> str:
    """Return the kind that a bare hash has, by its length; 64 digits are PDQ unless the file's name says SHA-256."""
    by_length = {32: MD5, 40: SHA1, 64: SHA256 if wants_sha256 else PDQ}
    kind = by_length.get(len(digits))
    if kind is None:
        raise _Misread(f"{where}: not a hash; expected 32 (MD5), 40 (SHA-1) or 64 (PDQ) hexadecimal digits")
    return kind


def _lines(data: bytes, wants_sha256: bool) -> Iterator[_Row]:
    """Yield the hashes of a file with one hash a line, bare or as `kind:hash`; `#` begins a comment."""
    for number, line in enumerate(data.decode("utf-8-sig").splitlines(), 1):
        said = line.split("#", 1)[0].strip()
        if not said:
            continue
        name, _, rest = said.rpartition(":")
        where, digits = f"line {number}", rest.strip()
        kind = _kind(name, where) if name else _guess(digits, wants_sha256, where)
        yield _row(kind, digits, where)


def _csv(data: bytes, wants_sha256: bool) -> Iterator[_Row]:
    """Yield the hashes of a CSV file: with a header, or `hash,quality,...` as PDQ's own hasher writes it."""
    rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
    first = next(rows, None)
    if first is None:
        return
    header = [cell.strip().lower() for cell in first]
    if not any(name in _KINDS or name in _VALUE_KEYS for name in header):
        yield from _bare_row(first, wants_sha256, "line 1")
        for row in rows:
            yield from _bare_row(row, wants_sha256, f"line {rows.line_num}")
        return
    for row in rows:
        if any(cell.strip() for cell in row):
            yield from _named(dict(zip(header, row, strict=False)), wants_sha256, f"line {rows.line_num}")


def _bare_row(row: list[str], wants_sha256: bool, where: str) -> Iterator[_Row]:
    if not row or not row[0].strip():
        return
    digits = row[0].strip()
    quality = row[1].strip() if len(row) > 1 and row[1].strip().isdigit() else None
    yield _row(_guess(digits, wants_sha256, where), digits, where, quality)


def _named(row: Mapping[str, object], wants_sha256: bool, where: str) -> Iterator[_Row]:
    """Yield the hashes of named cells: a column for each kind, or a value whose kind stands beside it."""
    quality = row.get("quality", row.get("pdq_quality"))
    for name, value in row.items():
        if (kind := _KINDS.get(name)) and isinstance(value, str) and value.strip():
            yield _row(kind, value, where, quality if kind == PDQ else None)
    value = next((v for key in _VALUE_KEYS if isinstance(v := row.get(key), str) and v.strip()), None)
    if value is None:
        return
    told = next((t for key in _TYPE_KEYS if isinstance(t := row.get(key), str) and t.strip()), None)
    kind = _kind(told, where) if told else _guess(value.strip(), wants_sha256, where)
    yield _row(kind, value, where, quality if kind == PDQ else None)


def _kind(name: str, where: str) -> str:
    kind = _KINDS.get(name.strip().lower())
    if kind is None:
        raise _Misread(f"{where}: hashes of this kind cannot be compared; known kinds are {', '.join(DIGITS)}")
    return kind


def _json(data: bytes, wants_sha256: bool) -> Iterator[_Row]:
    """Yield the hashes of every object in a JSON document, however deep: ThreatExchange, HMA, NCMEC."""
    yield from _objects([("top", msgspec.json.decode(data))], wants_sha256)


def _json_lines(data: bytes, wants_sha256: bool) -> Iterator[_Row]:
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            yield from _objects([(f"line {number}", msgspec.json.decode(line))], wants_sha256)


def _objects(left: list[tuple[str, object]], wants_sha256: bool) -> Iterator[_Row]:
    while left:
        where, value = left.pop()
        if isinstance(value, dict):
            yield from _named({str(key).lower(): v for key, v in value.items()}, wants_sha256, where)
            left.extend((f"{where}.{key}", v) for key, v in value.items() if isinstance(v, dict | list))
        elif isinstance(value, list):
            left.extend(_elements(where, value))
        else:
            raise _Misread(f"{where}: expected an object or a list")


def _elements(where: str, value: Iterable[object]) -> Iterator[tuple[str, object]]:
    for number, element in enumerate(value):
        if isinstance(element, str):
            yield f"{where}[{number}]", {"value": element}
        elif isinstance(element, dict | list):
            yield f"{where}[{number}]", element


def _xml(data: bytes, _: bool) -> Iterator[_Row]:
    """Yield the hashes of elements called `md5`, `sha1`, `sha256` and `pdq`; entries marked as deleted are left out."""
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise _Misread("a document type is not allowed here")
    deleted = 0
    for event, element in ElementTree.iterparse(io.BytesIO(data), events=("start", "end")):
        name = element.tag.rsplit("}", 1)[-1].lower()
        if name.startswith("deleted"):
            deleted += 1 if event == "start" else -1
        elif event == "end" and not deleted and (kind := _KINDS.get(name)) and (element.text or "").strip():
            yield _row(kind, element.text or "", f"<{name}>")
        if event == "end":
            element.clear()


_READERS: Final[Mapping[str, Callable[[bytes, bool], Iterator[_Row]]]] = {
    ".txt": _lines,
    ".hash": _lines,
    ".csv": _csv,
    ".json": _json,
    ".jsonl": _json_lines,
    ".ndjson": _json_lines,
    ".xml": _xml,
}
