"""Files and functions stay small enough to be read at once."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
MOST_LINES_OF_A_FILE = 500
MOST_LINES_OF_A_FUNCTION = 60
USUAL_LINES_OF_A_FUNCTION = 40
USUAL_SHARE = 0.9


def functions() -> Iterator[tuple[str, int]]:
    """Yield the name and the number of lines of every function."""
    for source in SOURCES:
        for node in ast.walk(ast.parse(source.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                yield f"{source.relative_to(ROOT)}:{node.lineno} {node.name}", node.end_lineno - node.lineno + 1


def is_table(source: Path) -> bool:
    """Whether a file holds data: next to nothing but assignments."""
    body = ast.parse(source.read_text("utf-8")).body
    lines = sum(
        (node.end_lineno or 0) - node.lineno + 1 for node in body if isinstance(node, ast.Assign | ast.AnnAssign)
    )
    return lines > 0.8 * sum((node.end_lineno or 0) - node.lineno + 1 for node in body)


def test_no_file_is_longer_than_its_reader_can_hold() -> None:
    long = [
        str(source.relative_to(ROOT))
        for source in SOURCES
        if source.read_text("utf-8").count("\n") > MOST_LINES_OF_A_FILE and not is_table(source)
    ]

    assert long == []


def test_no_function_is_longer_than_a_screen() -> None:
    assert [name for name, lines in functions() if lines > MOST_LINES_OF_A_FUNCTION] == []


def test_nine_in_ten_functions_are_short() -> None:
    sizes = [lines for _, lines in functions()]

    assert sum(lines < USUAL_LINES_OF_A_FUNCTION for lines in sizes) >= USUAL_SHARE * len(sizes)
