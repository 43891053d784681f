from __future__ import annotations

import pytest

from leeward.domain.disposition import Disposition
from leeward.domain.verdict import Cause, Firing
from leeward.inspection.notes import NoteBook

TEXT = "intro\n```\ncode()\n```\nafter\nmore"
FENCE = TEXT.index("```\nafter")
FIRING = Firing(
    rule="R", name="r", disposition=Disposition.ANNOTATE, duties=frozenset(), level=1, cause=Cause.FINDING,
    detector="d", counts=False, part="p",
)  # fmt: skip


@pytest.mark.parametrize("released", [0, FENCE, FENCE + 1, FENCE + 4])
def test_a_note_stays_behind_its_line_while_the_text_before_it_leaves(released: int) -> None:
    notes = NoteBook()
    notes.add(FIRING, behind=FENCE)

    assert notes.place(TEXT, 0, released, ended=False) == FENCE + len("```\n")


def test_a_note_whose_line_has_left_in_part_of_the_next_waits_for_the_next_to_end() -> None:
    notes = NoteBook()
    notes.add(FIRING, behind=FENCE)

    assert notes.place(TEXT, 0, FENCE + 6, ended=False) == TEXT.index("more")
