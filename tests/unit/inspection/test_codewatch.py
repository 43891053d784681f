from __future__ import annotations

import itertools

from leeward.inspection.codewatch import CodeView, CodeWatch
from leeward.inspection.windows import CodePlan

PLAN = CodePlan(stride_chars=10, size_chars=100)


def watch(*, is_code: bool = False, plan: CodePlan = PLAN, language: str = "") -> CodeWatch:
    return CodeWatch(plan, is_code=is_code, language=language)


def seen(watching: CodeWatch) -> list[CodeView]:
    views = []
    while (view := watching.due()) is not None:
        views.append(view)
        watching.settle(view)
    return views


def test_prose_has_nothing_to_examine() -> None:
    watching = watch()
    watching.feed("Only words.\n")
    watching.end()

    assert not watching.is_busy
    assert watching.due() is None
    assert watching.limit() is None
    assert watching.keeps_from() is None


def test_a_closed_block_is_examined_whole_with_its_language() -> None:
    watching = watch()
    text = "Look:\n```python\nx = 1\n```\nDone.\n"
    watching.feed(text)

    (view,) = seen(watching)

    assert (text[view.start : view.stop].strip(), view.language, view.is_closed) == ("x = 1", "python", True)
    assert not watching.is_busy


def test_a_growing_block_is_examined_each_stride_and_held_from_there() -> None:
    watching = watch()
    watching.feed("```c\n")
    start = watching.limit()
    assert start is not None
    watching.feed("a = 1;\n" * 4)

    strides = seen(watching)

    assert [(v.stop - start, v.is_closed) for v in strides] == [(10, False), (20, False)]
    assert watching.limit() == start + 20
    watching.feed("```\n")
    assert [v.is_closed for v in seen(watching)] == [True]
    assert watching.limit() is None


def test_a_block_that_never_closes_is_examined_when_the_text_ends() -> None:
    watching = watch()
    watching.feed("```c\nx\n")
    assert watching.due() is None

    watching.end()

    assert [v.is_closed for v in seen(watching)] == [True]


def test_blocks_are_examined_in_order() -> None:
    watching = watch()
    watching.feed("```a\n1\n```\n```b\n2\n```\n")

    assert [v.language for v in seen(watching)] == ["a", "b"]


def test_the_last_part_of_a_long_block_is_seen() -> None:
    watching = watch(plan=CodePlan(stride_chars=10, size_chars=15))
    watching.feed("```c\n" + "x = 1;\n" * 8 + "```\n")

    views = seen(watching)

    assert all(v.stop - v.start <= 15 for v in views)
    assert views[-1].is_closed
    assert all(later.start <= earlier.stop for earlier, later in itertools.pairwise(views))


def test_what_a_later_view_needs_is_kept() -> None:
    watching = watch(plan=CodePlan(stride_chars=10, size_chars=15))
    watching.feed("```c\n" + "x = 1;\n" * 8)
    seen(watching)
    covered = watching.limit()
    assert covered is not None

    assert watching.keeps_from() == covered - 15


def test_code_that_no_rule_can_stop_is_not_held() -> None:
    watching = watch(plan=CodePlan(stride_chars=10, size_chars=100, holds=False))
    watching.feed("```c\nx = 1;\n")

    assert watching.is_busy
    assert watching.limit() is None


def test_a_part_that_is_all_code_needs_no_fence() -> None:
    watching = watch(is_code=True, language="go")
    watching.feed("x := 1\n")
    assert watching.limit() == 0
    assert watching.due() is None

    watching.end()

    assert seen(watching) == [CodeView(0, 7, "go", is_closed=True)]
    assert not watching.is_busy


def test_a_part_that_is_all_code_and_empty_is_never_due() -> None:
    watching = watch(is_code=True)
    watching.end()

    assert watching.due() is None
