"""A folder is told to be the one that the weights were trained from, or what it lacks."""

from __future__ import annotations

import gzip
import hashlib
import re
from pathlib import Path

import pytest

import manifest
from manifest import DataFile, Image, Manifest, Source, attributions, compared, read, told

TEXT = b'{"id": "a"}\n{"id": "b"}\n'
IMAGE = Image("e5.bin", "a package", "MIT", "an encoder (MIT)", "0" * 64)


def packed(text: bytes, level: int = 6) -> bytes:
    return gzip.compress(text, level, mtime=0)


def known(*names: str) -> Manifest:
    sources = (Source("owner/data", "MIT", 2, "owner/data, abc1234 (MIT)", "abc1234"),)
    digests = hashlib.sha256(packed(TEXT)).hexdigest(), hashlib.sha256(TEXT).hexdigest()
    return Manifest(IMAGE, (), tuple(DataFile(name, 2, *digests, sources) for name in names))


def test_the_shipped_manifest_names_each_file_once_with_digests_rows_and_licences() -> None:
    files = read().files

    assert len({file.name for file in files}) == len(files) > 100
    assert all(re.fullmatch("[0-9a-f]{64}", digest) for file in files for digest in (file.sha256, file.text_sha256))
    assert [file.name for file in files if sum(source.rows for source in file.sources) != file.rows] == []
    assert all(source.licence and source.repository and source.attribution for file in files for source in file.sources)


def test_the_same_files_are_the_same_folder(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(packed(TEXT))

    assert compared(tmp_path, known("a.jsonl.gz")).is_same


def test_a_file_packed_otherwise_is_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(packed(TEXT * 1, level=1) + gzip.compress(b"", mtime=7))

    assert compared(tmp_path, known("a.jsonl.gz")).is_same


@pytest.mark.parametrize("content", [packed(TEXT + b"{}\n"), b"not gzip", packed(TEXT)[:-9]])
def test_a_file_with_other_rows_or_none_at_all_differs(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.jsonl.gz").write_bytes(content)
    found = compared(tmp_path, known("a.jsonl.gz"))

    assert found.differing == ("a.jsonl.gz",)
    assert next(iter(told(tmp_path, known("a.jsonl.gz"), found))).startswith("differs  a.jsonl.gz")


def test_a_missing_file_is_told_with_where_to_get_it(tmp_path: Path) -> None:
    found = compared(tmp_path, known("a.jsonl.gz"))

    assert list(told(tmp_path, known("a.jsonl.gz"), found)) == [
        "missing  a.jsonl.gz (2 rows)", "         from owner/data abc1234",
    ]  # fmt: skip


def test_a_file_that_is_not_named_is_told(tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl.gz").write_bytes(packed(TEXT))

    assert compared(tmp_path, known()).unknown == ("mine.jsonl.gz",)


def test_an_entry_with_an_unknown_field_is_refused(tmp_path: Path) -> None:
    page = manifest.MANIFEST.read_text(encoding="utf-8").replace("[image]", '[image]\ncolour = "red"', 1)
    (tmp_path / "manifest.toml").write_text(page, encoding="utf-8")

    with pytest.raises(ValueError, match="colour"):
        read(tmp_path / "manifest.toml")


def test_every_licence_that_asks_for_it_is_attributed() -> None:
    said = {licence for _, licence in attributions(read())}

    assert {source.licence for file in read().files for source in file.sources} <= said
