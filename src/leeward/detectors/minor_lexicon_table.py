"""A table of sexual terms that holds keyed hashes and no words."""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from hashlib import blake2b
from typing import Final, TypeAlias

from leeward.detectors.patterns import fold
from leeward.errors import DetectorError

_MAGIC: Final = b"leeward-terms-1\n"
_SALT_BYTES: Final = 16
_DIGEST_BYTES: Final = 6
_RECORD: Final = struct.Struct(f"<{_DIGEST_BYTES}sBB")  # digest, size, kind with flags
_START: Final = struct.Struct("<I")
_COUNTS: Final = struct.Struct("<II")
_START_BITS: Final = 0xFFFFF
_OPEN: Final = 0x10
_UNSPACED_FLAG: Final = 0x20
_LONGEST_ENDING: Final = 3
_SHORTEST_STEM: Final = 2
_UNSPACED_START_CHARS: Final = 2

WORD: Final = re.compile(r"\w+")
# Thai, Lao, Burmese, Khmer; kana; ideographs: written without spaces.
UNSPACED: Final = re.compile("[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3041-\u30ff\u31f0-\u31ff\u3400-\u9fff]+")


class TermKind(IntEnum):
    """How much a term says."""

    EXPLICIT = 1  # hardly said but of sexual acts or pornography
    VULGAR = 2  # also an expletive, or a word of law and medicine: says little alone


_Known: TypeAlias = tuple[bytes, TermKind, bool]  # hash, kind, whether its end is open


@dataclass(frozen=True, slots=True)
class Term:
    """One term while a table is made.

    Attributes:
        text: The term as its list writes it.
        kind: How much it says.
        is_open: Whether up to three letters may follow it: endings.
    """

    text: str
    kind: TermKind
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """A term of the table found at `start..stop` of the text.

    Attributes:
        key: The term's hash: the same term has the same key wherever it stands.
    """

    start: int
    stop: int
    kind: TermKind
    key: bytes


@dataclass(frozen=True, slots=True)
class TermTable:
    """Hashed terms, and how to find them.

    Words are looked up one by one and in runs of as many words as some term has; text without spaces in every run
    of as many characters as some term has. A first filter (20 bits of a CRC) lets nearly all other text go.

    Attributes:
        salt: Key of the hashes, 16 bytes.
        records: Hash of each term, with kind and whether its end is open.
        words: Most words that a term has.
        lengths: Lengths in characters of the terms in text without spaces, ascending.
        starts: First filter: of the first word or the first two characters.
    """

    salt: bytes
    records: Mapping[bytes, tuple[TermKind, bool]]
    words: int
    lengths: tuple[int, ...]
    starts: frozenset[int]
    _seed: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_seed", zlib.crc32(self.salt))

    def find(self, text: str, start: int, stop: int) -> list[Place]:
        """Return the terms in `text[start:stop]`, sorted; `text` is folded (`patterns.fold`)."""
        found = [*self._spaced(text, start, stop), *self._unspaced(text, start, stop)]
        return sorted(found, key=lambda place: (place.start, place.stop))

    def _spaced(self, text: str, start: int, stop: int) -> Iterator[Place]:
        tokens = [(match[0], match.start(), match.end()) for match in WORD.finditer(text, *_whole(text, start, stop))]
        looked: dict[str, tuple[bool, _Known | None]] = {}
        for at, (word, begin, end) in enumerate(tokens):
            if word not in looked:
                looked[word] = self._may_start(word), self._stem(word)
            may_start, stem = looked[word]
            if may_start:
                for size in range(1, self.words + 1):
                    run = tokens[at : at + size]
                    if len(run) == size and (known := self._known(" ".join(token[0] for token in run))):
                        yield Place(begin, run[-1][2], known[1], known[0])
            if stem:
                yield Place(begin, end, stem[1], stem[0])

    def _stem(self, word: str) -> _Known | None:
        """Return the term with an open end that `word` is an ending of, if any."""
        for shorter in range(1, min(_LONGEST_ENDING, len(word) - _SHORTEST_STEM) + 1):
            stem = word[:-shorter]
            if self._may_start(stem) and (known := self._known(stem)) and known[2]:
                return known
        return None

    def _unspaced(self, text: str, start: int, stop: int) -> Iterator[Place]:
        if not self.lengths:
            return
        for run in UNSPACED.finditer(text, start, stop):
            for at in range(run.start(), run.end() - _UNSPACED_START_CHARS + 1):
                if self._may_start(text[at : at + _UNSPACED_START_CHARS]):
                    for length in self.lengths:
                        if at + length <= run.end() and (known := self._known(text[at : at + length])):
                            yield Place(at, at + length, known[1], known[0])

    def _may_start(self, piece: str) -> bool:
        return zlib.crc32(piece.encode(), self._seed) & _START_BITS in self.starts

    def _known(self, piece: str) -> _Known | None:
        key = digest_of(piece, self.salt)
        record = self.records.get(key)
        return None if record is None else (key, *record)


def _whole(text: str, start: int, stop: int) -> tuple[int, int]:
    """Return the range without the words that its ends cut."""
    if start and WORD.match(text[start - 1]) and (match := WORD.match(text, start, stop)):
        start = match.end()
    if stop < len(text) and WORD.match(text[stop]):
        while stop > start and WORD.match(text[stop - 1]):
            stop -= 1
    return start, stop


def digest_of(piece: str, salt: bytes) -> bytes:
    """Return the keyed hash of a normal form: BLAKE2b, cut to 6 bytes."""
    return blake2b(piece.encode(), key=salt, digest_size=_DIGEST_BYTES).digest()


def normal_form(text: str) -> str:
    """Return how a term is hashed: folded; words joined by one space, or as it is where no spaces are written."""
    folded = fold(text)
    return folded.replace(" ", "") if UNSPACED.search(folded) else " ".join(WORD.findall(folded))


def packed(terms: Sequence[Term], salt: bytes) -> bytes:
    """Return the table of `terms` as bytes; the same terms and salt give the same bytes.

    Raises:
        ValueError: If the salt is not 16 bytes long, or a term is empty or longer than 255.
    """
    if len(salt) != _SALT_BYTES:
        raise ValueError(f"the salt must have {_SALT_BYTES} bytes, not {len(salt)}")
    seed = zlib.crc32(salt)
    records: dict[bytes, bytes] = {}
    starts: set[int] = set()
    for term in terms:
        form = normal_form(term.text)
        is_unspaced = UNSPACED.search(form) is not None
        size = len(form) if is_unspaced else len(form.split())
        if not 0 < size < 256:
            raise ValueError("a term is empty or too long")
        first = form[:_UNSPACED_START_CHARS] if is_unspaced else form.split()[0]
        starts.add(zlib.crc32(first.encode(), seed) & _START_BITS)
        flags = term.kind | (_OPEN if term.is_open and size == 1 else 0) | (_UNSPACED_FLAG if is_unspaced else 0)
        key = digest_of(form, salt)
        records[key] = _RECORD.pack(key, size, flags)
    return b"".join(
        (
            _MAGIC,
            salt,
            _COUNTS.pack(len(records), len(starts)),
            *(records[key] for key in sorted(records)),
            *(_START.pack(start) for start in sorted(starts)),
        )
    )


def unpacked(data: bytes, name: str) -> TermTable:
    """Return the table that `packed` wrote.

    Raises:
        DetectorError: If `data` is no such table, or not whole; `name` says which.
    """
    head = len(_MAGIC) + _SALT_BYTES
    if data[: len(_MAGIC)] != _MAGIC or len(data) < head + _COUNTS.size:
        raise _unreadable(name)
    salt = data[len(_MAGIC) : head]
    records, starts = _COUNTS.unpack_from(data, head)
    body = head + _COUNTS.size
    middle = body + records * _RECORD.size
    if len(data) != middle + starts * _START.size:
        raise _unreadable(name)
    rows = list(_RECORD.iter_unpack(data[body:middle]))
    try:
        known = {key: (TermKind(flags & 0xF), bool(flags & _OPEN)) for key, _, flags in rows}
    except ValueError as error:
        raise _unreadable(name) from error
    return TermTable(
        salt=salt,
        records=known,
        words=max((size for _, size, flags in rows if not flags & _UNSPACED_FLAG), default=1),
        lengths=tuple(sorted({size for _, size, flags in rows if flags & _UNSPACED_FLAG})),
        starts=frozenset(start for (start,) in _START.iter_unpack(data[middle:])),
    )


def _unreadable(name: str) -> DetectorError:
    return DetectorError(
        f"{name} is not a table of terms, or not whole.",
        meaning="Text that concerns minors would not be looked at by it, so the gateway does not start.",
        remedy="Make it anew with training/lexicon/build.py, or reinstall leeward for the shipped one.",
    )
