"""Rounds keep to their quotas, and no language or side drowns the others."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from data import Row, fold_of
from sampling import QUOTAS, Sampler, kind_of, noisy

from grown import Text


def text(number: int, source: str, lang: str, harm: float, **more: object) -> Text:
    hazards = {"hate": harm, "harm": harm}
    row = Row(f"{source}-{lang}-{number}", f"text {number}", lang, source, f"g{number}", "train", hazards)
    return Text(Row(**{name: getattr(row, name) for name in row.__slots__} | more))


def drawn(texts: list[Text], seed: int = 1) -> list[Text]:
    return [texts[at] for at in Sampler(texts).draw(np.random.default_rng(seed)).tolist()]


def test_a_round_takes_no_more_of_a_kind_than_its_quota() -> None:
    texts = [text(number, "davidson", "en", number % 2) for number in range(QUOTAS["abuse"] + 500)]

    assert len(drawn(texts)) == QUOTAS["abuse"]


def test_a_round_takes_all_of_a_kind_that_has_less_than_its_quota() -> None:
    texts = [text(number, "davidson", "en", number % 2) for number in range(40)]

    assert sorted(one.row.id for one in drawn(texts)) == sorted(one.row.id for one in texts)


def test_no_text_is_drawn_twice_in_a_round() -> None:
    texts = [text(number, "davidson", "en", number % 2) for number in range(4000)]

    assert max(Counter(one.row.id for one in drawn(texts)).values()) == 1


def test_a_small_language_gets_more_than_its_share_of_the_rows() -> None:
    texts = [text(number, "davidson", "en", number % 2) for number in range(12_000)]
    texts += [text(number, "ro_offense", "ro", number % 2) for number in range(1_200)]
    share = Counter(one.row.lang for one in drawn(texts))["ro"] / QUOTAS["abuse"]

    assert share > 2 * 1_200 / 13_200


def test_a_language_that_is_not_a_main_one_gets_less_than_a_main_one_of_its_size() -> None:
    texts = [text(number, "davidson", lang, number % 2) for lang in ("fr", "xx") for number in range(3_000)]
    by = Counter(one.row.lang for one in drawn(texts))

    assert by["xx"] < by["fr"] / 2


def test_a_round_is_known_by_its_seed() -> None:
    texts = [text(number, "davidson", "en", number % 2) for number in range(4000)]

    assert drawn(texts, 3) == drawn(texts, 3)
    assert drawn(texts, 3) != drawn(texts, 4)


@pytest.mark.parametrize(
    ("source", "more", "kind"),
    [
        ("twins_fr", {}, "twins"),
        ("grown", {"id": "grown-frames-1-fr-0-1"}, "frames-grown"),
        ("grown", {"id": "grown-hate-1-fr-0-0"}, "grown"),
        ("grown", {"id": "grown-ordinary-1-fr-0-0", "everyday": True}, "everyday"),
        ("catqa", {}, "requests"),
        ("code", {"everyday": True}, "code"),
        ("tatoeba", {"everyday": True}, "everyday"),
        ("kobbq", {"hazards": {"stereotype": 1.0}}, "stereotype"),
        ("creak", {"hazards": {"misinformation": 1.0}}, "misinformation"),
        ("davidson", {}, "abuse"),
    ],
)
def test_a_text_counts_for_the_quota_of_what_it_teaches(source: str, more: dict[str, object], kind: str) -> None:
    assert kind_of(text(1, source, "fr", 0.0, **more)) == kind


def test_every_kind_has_a_quota() -> None:
    sources = ("twins_fr", "grown", "seeds", "catqa", "r009_injection", "r003_licence", "smilechat", "code", "davidson")

    assert {kind_of(text(1, source, "fr", 1.0)) for source in sources} <= set(QUOTAS)


def test_noise_changes_words_and_keeps_their_length_in_reach() -> None:
    random = np.random.default_rng(5)
    words = "the committee meets again on thursday to talk about the new library"
    noised = [noisy(words, random) for _ in range(50)]

    assert sum(one != words for one in noised) > 40
    assert all(0.7 * len(words) < len(one) < 1.6 * len(words) for one in noised)


def test_a_group_has_the_same_fold_every_time_and_one_in_ten_measures() -> None:
    folds = Counter(fold_of(f"group-{number}") for number in range(5_000))

    assert fold_of("group-1") == fold_of("group-1")
    assert 400 < folds["dev"] < 600
    assert 400 < folds["cal"] < 600
