"""Shares, areas, calibration and Platt scaling are what their definitions say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from measures import Share, area, calibration_error
from platt import FEWEST, at_share, platt, share_of


@given(st.integers(0, 500), st.integers(1, 500))
def test_an_interval_holds_its_share_and_lies_between_0_and_1(hits: int, more: int) -> None:
    share = Share(hits, hits + more)
    low, high = share.bounds

    assert 0.0 <= low <= share.value + 1e-12
    assert share.value - 1e-12 <= high <= 1.0


def test_an_interval_is_that_of_wilson() -> None:
    low, high = Share(1, 10).bounds

    assert (round(low, 4), round(high, 4)) == (0.0179, 0.4042)


def test_a_share_of_nothing_is_not_a_number_and_anything_is_possible() -> None:
    assert np.isnan(Share(0, 0).value)
    assert Share(0, 0).bounds == (0.0, 1.0)
    assert str(Share(0, 0)) == "–"


@pytest.mark.parametrize(
    ("scores", "truth", "expected"),
    [
        ([0.1, 0.9], [0, 1], 1.0), ([0.9, 0.1], [0, 1], 0.0), ([0.5, 0.5], [0, 1], 0.5),
        ([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1], 0.75),
    ],
)  # fmt: skip
def test_the_area_is_the_chance_that_harm_scores_higher(scores: list[float], truth: list[int], expected: float) -> None:
    assert area(np.array(scores), np.array(truth, float)) == expected


def test_the_area_of_one_side_alone_is_not_known() -> None:
    assert np.isnan(area(np.array([0.2, 0.3]), np.array([1.0, 1.0])))


def test_scores_that_are_frequencies_have_no_calibration_error() -> None:
    scores, truth = np.repeat([0.25, 0.75], 4), np.array([0, 0, 0, 1, 0, 1, 1, 1], float)

    assert calibration_error(scores, truth) == 0.0
    assert calibration_error(np.full(4, 0.95), np.zeros(4)) == pytest.approx(0.95)


def drawn(slope: float, shift: float, size: int = 20_000) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(11)
    logits = random.normal(0, 2, size)
    return logits, (random.random(size) < 1 / (1 + np.exp(-(slope * logits + shift)))).astype(float)


def test_platt_scaling_finds_the_slope_and_shift_that_made_the_labels() -> None:
    logits, truth = drawn(0.7, -1.2)
    slope, shift = platt(logits, truth, np.ones_like(logits), None)

    assert (slope, shift) == (pytest.approx(0.7, abs=0.05), pytest.approx(-1.2, abs=0.08))


def test_unknown_labels_change_nothing() -> None:
    logits, truth = drawn(0.7, -1.2, 4_000)
    unknown = np.concatenate((truth, np.full(500, np.nan)))
    longer = np.concatenate((logits, np.full(500, 9.0)))

    assert np.array_equal(platt(longer, unknown, np.ones(4_500), None), platt(logits, truth, np.ones(4_000), None))


def test_too_few_texts_leave_the_calibration_of_all_languages() -> None:
    logits, truth = np.linspace(-3, 3, 200), np.zeros(200)
    truth[-(FEWEST - 1) :] = 1.0
    whole = np.array([0.9, -0.4])

    assert platt(logits, truth, np.ones(200), whole) is whole


def test_weights_make_a_hazard_as_frequent_as_asked() -> None:
    truth = np.array([1, 1, 0, 0, 0, 0, np.nan])
    weight = at_share(np.ones(7), truth, 0.2)

    assert share_of(weight, truth) == pytest.approx(0.2)
