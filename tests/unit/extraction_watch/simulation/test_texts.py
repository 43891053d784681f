from __future__ import annotations

from itertools import islice
from random import Random

import pytest

from leeward.extraction_watch.simulation.texts import ROLES, Texts, halves


@pytest.mark.parametrize(
    "make", [Texts.human, Texts.follow_up, Texts.document, Texts.instruction, Texts.exam, Texts.words]
)
def test_every_slot_of_a_made_up_text_is_filled(make: object) -> None:
    texts = Texts(Random(1))
    made = [make(texts) for _ in range(300)]  # type: ignore[operator]

    assert all(text.strip() for text in made)
    assert not [text for text in made if "{" in text or "}" in text]


def test_the_same_seed_makes_the_same_texts() -> None:
    first, second = Texts(Random(7)), Texts(Random(7))

    assert [first.instruction() for _ in range(50)] == [second.instruction() for _ in range(50)]


def test_a_pool_is_drawn_from_and_a_sweep_takes_each_of_its_texts_once() -> None:
    pool = [f"question {n}" for n in range(20)]
    texts = Texts(Random(1), {"exam": pool, "human": ["only this"]})

    assert texts.human() == "only this"
    swept = list(islice(texts.swept("exam"), 30))
    assert sorted(swept[:20]) == sorted(pool)
    assert set(swept[20:]).isdisjoint(pool)


def test_an_empty_pool_counts_as_none() -> None:
    assert Texts(Random(1), {role: [] for role in ROLES}).exam()


def test_halves_share_no_text() -> None:
    tuned, reported = halves(str(n) for n in range(11))

    assert (len(tuned), len(reported)) == (6, 5)
    assert set(tuned).isdisjoint(reported)
