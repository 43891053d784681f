from itertools import pairwise

from hypothesis import example, given
from hypothesis import strategies as st

from leeward.inspection.fences import CodeBlock, FenceTracker

LINES = st.lists(
    st.sampled_from(["```", "```python", "~~~", "~~~~ js", "   ```", "    ```", "````", "- ```sh", "> ```"])
    | st.sampled_from(["a `b` c", "x = 1", "", "``", "``` a`b", "```\r", "``` \t"])
    | st.text("`~ \n\r>-1.ab", max_size=12),
    max_size=14,
)


def blocks(pieces: list[str]) -> list[CodeBlock]:
    tracker = FenceTracker()
    found = [block for piece in pieces for block in tracker.feed(piece)]
    return [*found, *tracker.end()]


def cut(text: str, at: list[int]) -> list[str]:
    edges = [0, *sorted(i % (len(text) + 1) for i in at), len(text)]
    return [text[a:b] for a, b in pairwise(edges)]


@given(LINES, st.lists(st.integers(0, 10_000), max_size=12))
@example(["```py", "x", "```"], [1, 2, 3, 4, 5, 6, 7])
def test_blocks_are_alike_however_the_text_is_cut(lines: list[str], at: list[int]) -> None:
    text = "\n".join(lines)

    assert blocks([text]) == blocks(cut(text, at))


@given(LINES)
def test_blocks_are_alike_when_fed_by_the_character(lines: list[str]) -> None:
    text = "\n".join(lines)

    assert blocks([text]) == blocks(list(text))


@given(LINES)
def test_blocks_lie_in_the_text_in_order_and_apart(lines: list[str]) -> None:
    text = "\n".join(lines)
    found = blocks([text])
    edges = [edge for block in found for edge in (block.start, block.stop)]

    assert edges == sorted(edges)
    assert not edges or edges[-1] <= len(text)


@given(st.text("abc \n.`", max_size=200).filter(lambda text: "```" not in text))
def test_text_without_a_run_of_three_marks_has_no_block(text: str) -> None:
    assert blocks([text]) == []
