"""The walls of the house hold, and the repository speaks of the project alone."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NOT_OURS = frozenset(
    {".git", ".venv", ".cache", "build", "dist", "var", "__pycache__", ".hypothesis", ".mypy_cache", ".pytest_cache",
     ".ruff_cache", ".import_linter_cache"}
)  # fmt: skip
PROSE = frozenset({".md", ""})
SOMEBODYS_MACHINE = re.compile(r"(?<![\w.\]])/(?:work|root|home/[a-z]+)(?:/|\b)|[A-Z]:\\Users\\")
PLACE_OF_WORK = re.compile(r"\b(?:sandbox(?:es|ed)?|claude|this workplace)\b", re.IGNORECASE)
AMERICAN = re.compile(r"\blicenses?\b", re.IGNORECASE)  # the verb has an s on both sides of the ocean
# Names that are spelt so by others: the protocol, the API, licences, file names, examples of what callers write.
SPELT_BY_OTHERS = re.compile(
    r"`[^`]*`|\[[^\]]*\]\([^)]*\)|https?://\S+|\"[^\"]*\"|\|.*\|"
    r"|License Violation|(?:Apache|Creative Commons|General Public|Attribution-Share-?Alike)\s+License"
)
VAGUE = frozenset({"utils", "helpers", "common", "manager", "base", "misc", "util", "helper", "managers"})


@cache
def texts() -> tuple[tuple[Path, str], ...]:
    """Return every file of the repository that holds text."""
    return tuple(_texts(ROOT))


def _texts(folder: Path) -> Iterator[tuple[Path, str]]:
    for path in sorted(folder.iterdir()):
        if path.name in NOT_OURS or path.name.endswith(".egg-info"):
            continue
        if path.is_dir():
            yield from _texts(path)
            continue
        try:
            yield path.relative_to(ROOT), path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def found(pattern: re.Pattern[str], suffixes: frozenset[str] | None = None) -> list[str]:
    return [
        f"{path}: {match[0]}"
        for path, text in texts()
        if suffixes is None or path.suffix in suffixes
        for match in [pattern.search(text)]
        if match
    ]


def test_no_file_names_a_path_of_somebodys_machine() -> None:
    assert found(SOMEBODYS_MACHINE) == []


def test_prose_speaks_of_the_project_alone() -> None:
    assert found(PLACE_OF_WORK, PROSE) == []


@pytest.mark.parametrize("place", ["work", "root", "home/ada"])
def test_a_path_of_somebodys_machine_would_be_found(place: str) -> None:
    assert SOMEBODYS_MACHINE.search(f"see /{place}/leeward/README.md")


def test_a_licence_is_spelt_as_the_british_do_but_where_others_named_it() -> None:
    pages = [
        (path, text)
        for path, text in texts()
        if path.suffix == ".md" and path.name not in ("SOURCES.md", "code-rules.md")
    ]
    prose = [(path, re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)) for path, text in pages]

    assert [
        f"{path}: {line}"
        for path, text in prose
        for line in text.splitlines()
        if AMERICAN.search(SPELT_BY_OTHERS.sub("", line))
    ] == []


def test_no_module_is_named_for_nothing() -> None:
    modules = [path for path in (ROOT / "src").rglob("*") if path.suffix == ".py" or path.is_dir()]

    assert [str(path.relative_to(ROOT)) for path in modules if path.stem in VAGUE] == []


def test_imports_go_down_only() -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    told = subprocess.run([linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)

    assert told.returncode == 0, told.stdout


def test_every_package_of_the_house_is_in_a_layer() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    named = {name.strip().removeprefix("leeward.") for layer in layers for name in layer.split("|")}
    parts = {path.stem for path in (ROOT / "src/leeward").iterdir() if path.suffix == ".py" or path.is_dir()}

    assert parts - {"__init__", "__main__", "__pycache__"} == named


def test_the_layers_in_the_documentation_are_those_that_are_enforced() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = settings["tool"]["importlinter"]["contracts"][0]["layers"]
    section = (ROOT / "docs/architecture.md").read_text("utf-8").partition("## Layers")[2]
    block = section.partition("```\n")[2].partition("\n```")[0]
    shown = [re.findall(r"\w+", line.partition("   ")[0]) for line in block.splitlines()]

    assert shown == [[name.strip().removeprefix("leeward.") for name in layer.split("|")] for layer in layers]
