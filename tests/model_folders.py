"""Folders of models as tests need them."""

from __future__ import annotations

import json
from pathlib import Path

MRL_TEXT = "Mistral AI Research License\nversion 0.1"
MRL_NOTICE = "Licensed by Mistral AI under the Mistral AI Research License"
APACHE_TEXT = "Apache License\nVersion 2.0, January 2004"
LARGE = "mistralai/Mistral-Large-Instruct-2411"


def model(root: Path, name: str, head: str = "", card: str = "", **others: str | dict[str, object]) -> Path:
    """Write a folder; a double underscore in a keyword stands for the dot of a file's name."""
    folder = root / name
    folder.mkdir(parents=True)
    if head or card:
        (folder / "README.md").write_text(f"---\n{head}\n---\n{card}\n")
    for file, content in others.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / file.replace("__", ".")).write_text(text)
    return folder
