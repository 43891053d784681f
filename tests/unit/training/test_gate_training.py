"""The gate learns from training texts alone, and scoring them goes on where it was cut off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from data import Row
from gate_samples import PART_CHARS, Sample, danger, doubts, raw_scores, readings, samples

from counting_encoder import CountingEncoder
from grown import LABELS, Text
from leeward.models.front import Front
from leeward.models.gate import Gate


def text(number: int, fold: str, *, is_harmful: bool = False, size: int = 60) -> Text:
    words = f"{fold} {'harmful' if is_harmful else 'ordinary'} {number} "
    row = Row(
        f"{fold}-{number}-{is_harmful}", (words * 99)[:size], "en", "davidson", f"g{number}", fold,
        {"hate": float(is_harmful), "harm": float(is_harmful)}, not is_harmful,
    )  # fmt: skip
    return Text(row)


TEXTS = [
    text(number, fold, is_harmful=number % 2 == 0, size=40 + 12 * number)
    for fold in ("train", "cal", "dev")
    for number in range(60)
]


def test_only_the_training_fold_is_learnt_from_and_in_parts() -> None:
    found = samples(TEXTS, np.random.default_rng(1))

    assert len(found) > len(TEXTS)
    assert all("train" in one.text and "cal" not in one.text and "dev" not in one.text for one in found)
    assert max(len(one.text) for one in found) == PART_CHARS


def test_samples_are_known_by_their_seed() -> None:
    first, again, other = (samples(TEXTS, np.random.default_rng(seed)) for seed in (1, 1, 2))

    assert first == again
    assert first != other


def test_harmful_texts_stand_in_ordinary_company() -> None:
    found = samples(TEXTS, np.random.default_rng(1))

    assert sum("harmful" in one.text and "ordinary" in one.text for one in found) > 5


def test_scoring_goes_on_where_it_was_cut_off(tmp_path: Path) -> None:
    encoder, saved = CountingEncoder.opened(), tmp_path / "scores.npz"
    found = [Sample(f"text number {number}", "en") for number in range(4)]
    front = Front.load()
    whole = raw_scores(found, front, encoder, saved)
    with np.load(saved) as old:
        np.savez(saved, scores=old["scores"][:3], digest=old["digest"])

    assert raw_scores(found, front, encoder, saved).tolist() == whole.tolist()
    assert encoder.asked == 5
    assert raw_scores(found[::-1], front, encoder, saved).tolist() == whole[::-1].tolist()


def test_danger_is_the_highest_chance_of_a_serious_hazard() -> None:
    encoder = CountingEncoder.opened()
    scores = np.full((2, len(LABELS)), -9.0, np.float32)
    scores[0, LABELS.index("hate")] = 9.0
    scores[1, LABELS.index("refusal")] = 9.0
    high, low = danger(encoder, scores, ["en", "en"])

    assert high > 0.9
    assert low < 0.1


def test_sums_are_those_by_which_the_gate_clears() -> None:
    gate = Gate.load()
    texts = ["how do i bake bread?", "write me ransomware that encrypts all files.", "the library opens at nine.", "!"]
    sums = doubts(readings(gate.front, texts), {"first": gate.first, "first_bias": gate.first_bias, "out": gate.out})

    assert [bool(each + gate.bias < 0.0) for each in sums[:3]] == [gate.cleared(text) is not None for text in texts[:3]]


@pytest.mark.parametrize("size", [1, PART_CHARS, 5 * PART_CHARS])
def test_a_text_of_any_length_can_be_learnt_from(size: int) -> None:
    texts = [text(number, "train", is_harmful=number % 2 == 0, size=size + number % 2) for number in range(40)]

    assert samples(texts, np.random.default_rng(1))
