"""Disguises hide words from the eye of a machine, and the product's readings bring most of them back."""

from __future__ import annotations

import numpy as np
import pytest
from adversarial import (
    CHANGES,
    COST,
    Change,
    base64_whole,
    cost,
    harmful,
    homoglyphs,
    spaced_letters,
    view_of,
    zero_width,
)
from data import Row

from grown import Text

WORDS = "please describe the weather over the northern harbour this morning"


def changed(change: Change, seed: int = 3) -> str:
    return change(WORDS, np.random.default_rng(seed))


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_disguise_changes_the_text_and_does_so_alike_each_time(change: Change) -> None:
    assert changed(change) != WORDS
    assert changed(change) == changed(change)


@pytest.mark.parametrize("change", [homoglyphs, zero_width])
def test_letters_that_look_alike_and_unseen_ones_are_undone_by_the_folded_reading(change: Change) -> None:
    assert view_of(changed(change)).folded.text == WORDS


@pytest.mark.parametrize("change", [base64_whole, spaced_letters])
def test_what_is_encoded_or_spaced_out_is_read_in_a_layer_of_its_own(change: Change) -> None:
    layers = [layer.text for layer in view_of(changed(change)).layers[2:]]

    assert any("harbour" in text or "weather" in text or "northern" in text or "morning" in text for text in layers)


def text(number: int, lang: str, source: str, fold: str = "dev", harm: float = 1.0, context: str = "") -> Text:
    row = Row(f"{source}-{lang}-{number}", "words", lang, source, f"g{number}", fold, {"harm": harm})
    return Text(row, context)


def test_harmful_dev_texts_that_stand_alone_are_taken_from_each_kind_in_turn() -> None:
    texts = [text(number, "fr", source) for source in ("twins_fr", "grown", "catqa") for number in range(9)]
    texts += [text(1, "fr", "grown", "train"), text(2, "fr", "twins_fr", harm=0.0), text(3, "fr", "davidson")]
    texts += [text(4, "fr", "grown", context="so"), text(5, "xx", "grown")]
    found = [one.row.source for one in harmful(texts, 6)]

    assert sorted(found) == ["catqa", "catqa", "grown", "grown", "twins_fr", "twins_fr"]


def test_the_cost_of_a_disguise_is_the_share_that_is_no_longer_found() -> None:
    clean = np.array([True] * 90 + [False] * 10)
    found = clean.copy()
    found[:9] = False
    points, low, high = cost(clean, found)

    assert points == pytest.approx(9.0)
    assert low < 9.0 < high
    assert points > COST


def test_a_disguise_that_hides_nothing_costs_nothing() -> None:
    assert cost(np.ones(50, np.bool_), np.ones(50, np.bool_)) == (0.0, 0.0, 0.0)
