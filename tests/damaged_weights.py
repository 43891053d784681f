"""Copies of the shipped weights in which one file is at fault."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

from leeward.models.front import WEIGHTS

FAULTS = ("missing", "empty", "cut short", "something else")


def damaged(parent: Path, name: str, fault: str, leaving_out: str = "") -> Path:
    """Return weights whose file `name` has `fault`; files with `leaving_out` in their names are not copied."""
    folder = parent / "weights"
    copytree(WEIGHTS, folder, ignore=lambda _, names: [n for n in names if leaving_out and leaving_out in n])
    whole = (folder / name).read_bytes()
    (folder / name).unlink()
    if fault != "missing":
        (folder / name).write_bytes(
            {"empty": b"", "cut short": whole[: len(whole) // 2], "something else": b"PK\x03\x04 no weights"}[fault]
        )
    return folder
