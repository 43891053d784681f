import pytest

from leeward.inspection.fences import CodeBlock, FenceTracker


def codes(text: str) -> list[tuple[str, str, bool]]:
    tracker = FenceTracker()
    found = [*tracker.feed(text), *tracker.end()]
    return [(block.language, text[block.start : block.stop], block.is_closed) for block in found]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi\n```python\nx = 1\n```\nbye", [("python", "x = 1\n", True)]),
        ("~~~ JS title\na\n~~~", [("js", "a\n", True)]),
        ("````md\n```\nin\n```\n````\n", [("md", "```\nin\n```\n", True)]),
        ("   ```sh\nls\n  ```\n", [("sh", "ls\n", True)]),
        ("```\nopen", [("", "open", False)]),
        ("```\n~~~\n```", [("", "~~~\n", True)]),
        ("```py\r\nx\r\n```\r\n", [("py", "x\r\n", True)]),
        ("```\n```\n", [("", "", True)]),
        ("1. step\n      ```c++\n      f();\n      ```\n", [("c++", "      f();\n", True)]),
        ("```python {.numbered}\nx\n```", [("python", "x\n", True)]),
        ("```{.haskell}\nx\n```", [("haskell", "x\n", True)]),
        ("```a\n1\n```\n```b\n2\n```", [("a", "1\n", True), ("b", "2\n", True)]),
    ],
)
def test_a_block_is_found(text: str, expected: list[tuple[str, str, bool]]) -> None:
    assert expected == codes(text)


@pytest.mark.parametrize("text", ["", "use `x` here", "``` a`b\nx", "``\nx\n``", "text ```py\nx\n", "```python"])
def test_no_block_is_found(text: str) -> None:
    assert codes(text) == []


def test_a_deeper_fence_inside_code_does_not_close_it() -> None:
    text = '```python\ndef f():\n    """\n    ```\n    """\n```\n'

    assert codes(text) == [("python", 'def f():\n    """\n    ```\n    """\n', True)]


def test_an_info_string_longer_than_the_head_still_opens() -> None:
    text = "```py " + "a" * 5_000 + "\nx\n```"

    assert codes(text) == [("py", "x\n", True)]


def test_a_backtick_far_behind_the_head_still_spoils_the_fence() -> None:
    assert codes("```py " + "a" * 5_000 + "`\nx\n") == []


def test_the_open_block_is_known_as_soon_as_its_first_line_ends() -> None:
    tracker = FenceTracker()
    tracker.feed("a\n``")
    tracker.feed("`go\nx")

    assert tracker.open_block == CodeBlock(8, None, "go", is_closed=False)


def test_a_long_info_string_may_come_letter_by_letter() -> None:
    text = f"```python {'x' * 400}\na = 1\n```\n"
    tracker = FenceTracker()
    found = [block for letter in text for block in tracker.feed(letter)]

    assert found == list(FenceTracker().feed(text))
    assert [block.language for block in found] == ["python"]
