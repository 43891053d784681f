"""Rates are told by group and language, and a spread is what lies between the best and the worst."""

from __future__ import annotations

import numpy as np
import pytest
from bias import (
    KINDS,
    VARIETIES,
    Frame,
    Parity,
    by_group,
    by_language,
    everyday_of_varieties,
    frame_of,
    missing_groups,
    spread,
)
from data import Row

from grown import Text


def text(name: str, words: str = "text") -> Text:
    return Text(Row(name, words, "xx", "grown", "g", "dev", {"hate": 0.0}))


@pytest.fixture
def parity() -> Parity:
    """Two languages, two groups, a harmless and a harmful side of one frame each."""
    places = [(lang, group, side) for lang in ("en", "hi-Latn") for group in (0, 1) for side in (0, 1)]
    names = [f"grown-frames-11-{lang}-{side}-{group}" for lang, group, side in places]
    chance = np.array([0.9, 0.1, 0.9, 0.5, 0.2, 0.1, 0.9, 0.1])
    return Parity([text(name) for name in names], chance, chance >= 0.5)


def test_a_filled_frame_is_read_from_its_id() -> None:
    assert frame_of(text("grown-frames-11-hi-Latn-1-9")) == Frame("hi-Latn", 9, 11, is_harmful=False)
    assert frame_of(text("grown-hate-3-en-0-0")) is None


def test_rates_count_one_side_each(parity: Parity) -> None:
    everything = np.ones(8, np.bool_)
    wrong, missed = parity.false_positives(everything), parity.false_negatives(everything)

    assert (wrong.hits, wrong.trials) == (1, 4)
    assert (missed.hits, missed.trials) == (1, 4)


def test_the_swing_is_the_gap_that_a_change_of_group_makes(parity: Parity) -> None:
    assert parity.swing(parity.langs == "en") == pytest.approx(0.4)
    assert parity.swing(parity.langs == "hi-Latn") == 0.0


def test_the_table_of_groups_ends_with_the_spread(parity: Parity) -> None:
    lines = list(by_group(parity, np.ones(8, np.bool_)))

    assert [line[0] for line in lines] == [*KINDS, "**spread**"]
    assert lines[-1] == ("**spread**", "50.0", "0.200", "50.0")


def test_the_table_of_languages_has_a_line_for_each(parity: Parity) -> None:
    lines = {line[0]: line[2] for line in by_language(parity, np.ones(8, np.bool_))}

    assert lines == {"en": "100.0", "hi-Latn": "0.0"}


def test_a_spread_leaves_out_what_is_not_known() -> None:
    assert spread([0.1, float("nan"), 0.4]) == pytest.approx(0.3)
    assert np.isnan(spread([float("nan")]))


def test_every_file_of_the_corpus_names_a_group_of_each_kind() -> None:
    assert missing_groups() == []


def test_every_variety_has_everyday_texts_to_compare() -> None:
    found = {name: len(texts) for name, texts in everyday_of_varieties().items()}

    assert set(found) == {name for both in VARIETIES for name in both}
    assert found["pt-BR"] == found["pt-PT"]
    assert min(found.values()) >= 20
