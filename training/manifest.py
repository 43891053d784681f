"""Says which data files the weights were trained from, and whether a folder holds the same."""

from __future__ import annotations

import argparse
import gzip
import hashlib
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MANIFEST = Path(__file__).with_name("manifest.toml")


@dataclass(frozen=True, slots=True)
class Source:
    """Where rows of a file come from.

    Attributes:
        version: Commit, unless it names a package; empty when none is known.
        path: Place inside the source; empty when not known.
    """

    repository: str
    licence: str
    rows: int
    attribution: str
    version: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class DataFile:
    """A data file.

    Attributes:
        rows: Lines that are not empty.
        sha256: Of the packed file.
        text_sha256: Of what it holds, so that another packer's file counts as the same.
    """

    name: str
    rows: int
    sha256: str
    text_sha256: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Image:
    """The packed encoder that training starts from."""

    name: str
    source: str
    licence: str
    attribution: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that training reads.

    Attributes:
        own: Path in this repository, licence and attribution of texts of our own.
    """

    image: Image
    own: tuple[tuple[str, str, str], ...]
    files: tuple[DataFile, ...]


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a folder lacks, has otherwise, or has beside what the manifest names; file names in order."""

    missing: tuple[str, ...]
    differing: tuple[str, ...]
    unknown: tuple[str, ...]

    @property
    def is_same(self) -> bool:
        """Whether the folder holds exactly what the manifest names."""
        return not (self.missing or self.differing or self.unknown)


def read(path: Path = MANIFEST) -> Manifest:
    """Return the manifest.

    Raises:
        ValueError: If an entry lacks a field or has one that is not known.
    """
    raw = tomllib.loads(path.read_text(encoding="utf-8"))
    try:
        return Manifest(
            Image(**raw["image"]),
            tuple((own["path"], own["licence"], own["attribution"]) for own in raw["own"]),
            tuple(_file(entry) for entry in raw["file"]),
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path.name} has an entry that cannot be read: {error}") from error


def _file(entry: Mapping[str, Any]) -> DataFile:
    sources = tuple(Source(**source) for source in entry["sources"])
    return DataFile(entry["name"], entry["rows"], entry["sha256"], entry["text_sha256"], sources)


def compared(folder: Path, manifest: Manifest) -> Comparison:
    """Return how the `*.jsonl.gz` files of `folder` differ from those of the manifest."""
    found = {path.name: path for path in folder.glob("*.jsonl.gz")}
    named = {file.name: file for file in manifest.files}
    return Comparison(
        tuple(sorted(named.keys() - found.keys())),
        tuple(sorted(name for name in named.keys() & found.keys() if not _is_same(found[name], named[name]))),
        tuple(sorted(found.keys() - named.keys())),
    )


def _is_same(path: Path, file: DataFile) -> bool:
    packed = path.read_bytes()
    if hashlib.sha256(packed).hexdigest() == file.sha256:
        return True
    try:
        return hashlib.sha256(gzip.decompress(packed)).hexdigest() == file.text_sha256
    except (OSError, EOFError):
        return False


def rows_of(path: Path) -> int:
    """Return the number of lines that are not empty; 0 for a file that cannot be unpacked."""
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            return sum(1 for line in lines if line.strip())
    except (OSError, EOFError, UnicodeDecodeError):
        return 0


def told(folder: Path, manifest: Manifest, found: Comparison) -> Iterator[str]:
    """Yield a line for each file that is not as the manifest says, and where to get it."""
    named = {file.name: file for file in manifest.files}
    for name in found.missing:
        yield f"missing  {name} ({named[name].rows} rows)"
        for source in named[name].sources:
            yield f"         from {' '.join(part for part in (source.repository, source.version, source.path) if part)}"
    for name in found.differing:
        yield f"differs  {name}: {rows_of(folder / name)} rows, the manifest says {named[name].rows}"
    for name in found.unknown:
        yield f"unknown  {name}: not in the manifest; weights trained with it are other weights"


def attributions(manifest: Manifest) -> Sequence[tuple[str, str]]:
    """Return attribution and licence of every source once, in order of attribution."""
    lines = {(own[2], own[1]) for own in manifest.own} | {(manifest.image.attribution, manifest.image.licence)}
    lines |= {(source.attribution, source.licence) for file in manifest.files for source in file.sources}
    return sorted(lines, key=lambda line: (line[0].lower(), line[1]))


def main() -> int:
    """Check a folder; return 0 when it is the same, else 1, or 2 when there is no such folder."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("check",))
    parser.add_argument("--data", type=Path, required=True, help="folder with the *.jsonl.gz files")
    folder: Path = parser.parse_args().data
    if not folder.is_dir():
        print(f"{folder} is not a folder. Collect the files that training/manifest.toml names into one.")
        return 2
    manifest = read()
    found = compared(folder, manifest)
    for line in told(folder, manifest, found):
        print(line)
    same = len(manifest.files) - len(found.missing) - len(found.differing)
    print(f"{same} of {len(manifest.files)} files are the same.")
    return 0 if found.is_same else 1


if __name__ == "__main__":
    sys.exit(main())
