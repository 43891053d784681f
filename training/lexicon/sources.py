"""Reads the openly licensed word lists that whoever rebuilds brings along; none lies in this repository."""

from __future__ import annotations

import hashlib
import json
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

SALT = b"leeward minors 1"  # 16 bytes; public: it keeps plain words out of sight, not out of reach


@dataclass(frozen=True, slots=True)
class Source:
    """A package with word lists.

    Attributes:
        archive: File name that `npm pack` gives.
        sha256: Of the archive.
    """

    name: str
    version: str
    licence: str
    archive: str
    sha256: str
    languages: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a list."""

    text: str
    language: str


NAUGHTY_LANGUAGES = (
    "ar", "cs", "da", "de", "en", "es", "fa", "fi", "fil", "fr", "hi", "hu",
    "it", "ja", "ko", "nl", "no", "pl", "pt", "ru", "sv", "th", "tr", "zh",
)  # fmt: skip
NAUGHTY = Source(
    "naughty-words (LDNOOBW)",
    "1.2.0",
    "CC-BY-4.0",
    "naughty-words-1.2.0.tgz",
    "c34b05e10a97ec7b9e0c3dd91d09888187c0f08d0812eaea79679795585b217e",
    NAUGHTY_LANGUAGES,
)
SOAP = Source(
    "washyourmouthoutwithsoap",
    "1.0.2",
    "MIT",
    "washyourmouthoutwithsoap-1.0.2.tgz",
    "b57914a38ddddd5ef8fca51bf38410b26183c5437b7993b539d15d787408dae0",
    ("bg", "el", "id", "ro", "uk", "vi"),
)
SOURCES = (NAUGHTY, SOAP)


def words(folder: Path) -> Iterator[Word]:
    """Yield the words of all lists in `folder`, in a fixed order.

    Raises:
        SystemExit: If an archive is missing or is another version.
    """
    for source in SOURCES:
        path = folder / source.archive
        if not path.is_file():
            package = source.archive.removesuffix(f"-{source.version}.tgz")
            raise SystemExit(f"{path} is missing: run `npm pack {package}@{source.version}` in {folder}")
        if hashlib.sha256(path.read_bytes()).hexdigest() != source.sha256:
            raise SystemExit(f"{path} is not version {source.version} of {source.name}")
        with tarfile.open(path) as archive:
            for language in source.languages:
                yield from (
                    Word(text.strip(), language) for text in _list_of(archive, source, language) if text.strip()
                )


def _list_of(archive: tarfile.TarFile, source: Source, language: str) -> list[str]:
    name = f"package/{language}.json" if source is NAUGHTY else "package/data/build.json"
    member = archive.extractfile(name)
    assert member is not None, name
    found = json.load(member)
    return list(found if source is NAUGHTY else found[language])
