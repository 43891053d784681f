"""The drawing of a lineage."""

from __future__ import annotations

from leeward.desk.views.lineage import draw, in_words
from leeward.licences.derivatives.entry import Link


def _link(child: str, parent: str, score: float | None = None) -> Link:
    return Link(child=child, parent=parent, relation="merge", sources=("README.md",), score=score)


def test_origins_stand_left_of_what_was_made_from_them():
    drawing = draw("c", [_link("c", "b"), _link("b", "a"), _link("c", "a")], {})
    across = {box.name: box.x for box in drawing.boxes}

    assert across["a"] < across["b"] < across["c"]
    assert [box.name for box in drawing.boxes if box.is_shown] == ["c"]
    assert len(drawing.arrows) == 3


def test_origins_of_one_step_stand_below_each_other_inside_the_drawing():
    drawing = draw("c", [_link("c", "a"), _link("c", "b")], {})
    a, b, c = drawing.boxes

    assert a.x == b.x < c.x
    assert a.y + a.height < b.y
    assert max(box.x + box.width for box in drawing.boxes) <= drawing.width
    assert max(box.y + box.height for box in drawing.boxes) <= drawing.height


def test_a_model_that_is_said_to_come_from_itself_is_drawn_once():
    drawing = draw("a", [_link("a", "b"), _link("b", "a"), _link("a", "a")], {})

    assert sorted(box.name for box in drawing.boxes) == ["a", "b"]


def test_a_model_without_origins_is_drawn_alone():
    drawing = draw("a", [], {})

    assert ([box.name for box in drawing.boxes], drawing.arrows) == (["a"], ())
    assert drawing.says == "Nothing is known of where a comes from"


def test_models_with_an_entry_lead_to_it_but_the_shown_one_does_not():
    drawing = draw("c", [_link("c", "A")], {"a": "E1", "c": "E2"})

    assert {box.name: box.entry for box in drawing.boxes} == {"A": "E1", "c": ""}


def test_long_names_are_cut_in_the_middle_and_kept_whole_beside():
    name = "maker/" + "x" * 40 + "-end"
    (box,) = draw(name, [], {}).boxes

    assert (box.maker, box.name) == ("maker", name)
    assert len(box.word) == 28
    assert box.word.endswith("-end")


def test_links_are_told_in_words_with_the_likeness_of_the_weights():
    assert in_words(_link("b", "a")) == "b is a merge of a"
    assert in_words(_link("b", "a", 0.971)) == "the weights of b were made from those of a, likeness 0.97"
    assert [arrow.label for arrow in draw("b", [_link("b", "a", 0.971)], {}).arrows] == ["weights 0.97"]
