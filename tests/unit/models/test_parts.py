from hypothesis import given
from hypothesis import strategies as st

from leeward.models.parts import PART_CHARS, parts


@given(st.text(st.sampled_from("ab .漢\n"), max_size=3_000))
def test_parts_overlap_and_lose_nothing(text: str) -> None:
    found, at = parts(text), 0
    for number, part in enumerate(found):
        start = text.index(part, at - PART_CHARS if number else 0) if number else 0
        assert number == 0 or start <= at
        at = max(at, start + len(part))

    assert at >= len(text) or not text
    assert all(len(part) <= PART_CHARS for part in found)


