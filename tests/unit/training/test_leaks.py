"""A text that measures is found when training holds it word for word, nearly, or in the same group."""

from __future__ import annotations

from data import Row
from leaks import Leak, Member, copies, grams, members_of, near_copies, normal, report, signatures, torn

from grown import Text

LONG = "The committee meets again on Thursday evening to talk about the new library in Mill Lane and its opening hours"


def member(name: str, text: str, fold: str, group: str = "", **more: str) -> Member:
    return Member(name, text, fold, "made", group or name, **more)


def pairs(leaks: list[Leak]) -> list[tuple[str, str]]:
    return [(leak.one.id, leak.other.id) for leak in leaks]


def test_the_same_words_in_other_case_and_punctuation_are_the_same_text() -> None:
    members = [member("a", "Good morning, all!", "train"), member("b", "good  morning all", "dev")]

    assert pairs(list(copies(members))) == [("b", "a")]


def test_the_same_words_with_another_emoji_are_another_text() -> None:
    members = [member("a", "send them a \U0001f381", "train"), member("b", "send them a \U0001f4a3", "dev")]

    assert list(copies(members)) == []


def test_the_same_words_after_another_prompt_are_another_text() -> None:
    members = [member("a", "Yes, all.", "train", context="Which?"), member("b", "Yes, all.", "dev", context="Who?")]

    assert list(copies(members)) == []


def test_texts_of_one_fold_do_not_leak() -> None:
    members = [member("a", LONG, "dev"), member("b", LONG, "dev"), member("c", LONG[:-3], "dev")]

    assert [*copies(members), *near_copies(members)] == []


def test_a_text_with_a_word_changed_is_a_near_copy_and_one_of_its_own_is_not() -> None:
    other = "Our choir sings on Sunday in the old chapel, bring a scarf because the heating has failed once more"
    members = [
        member("a", LONG, "train"), member("b", LONG.replace("Thursday", "Tuesday"), "dev"), member("c", other, "dev"),
    ]  # fmt: skip
    found = list(near_copies(members))

    assert pairs(found) == [("b", "a")]
    assert 0.8 < found[0].likeness < 1.0


def test_the_nearest_text_is_named() -> None:
    near, nearer = LONG.replace("Thursday", "Tuesday"), LONG.replace("hours", "hour")
    members = [member("a", near, "train"), member("b", nearer, "train"), member("c", LONG, "dev")]

    assert pairs(list(near_copies(members))) == [("c", "b")]


def test_texts_that_share_too_little_are_not_near() -> None:
    members = [member("a", LONG, "train"), member("b", LONG[:70] + " before we all go home for tea and cake", "dev")]

    assert list(near_copies(members)) == []


def test_nearly_all_near_copies_share_a_bucket() -> None:
    """Of 300 pairs at a likeness above .9, hardly one may go unseen."""
    words = [f"{LONG} number {number * 7919 % 10007} of {number * 104729 % 99991}" for number in range(300)]
    members = [member(f"t{at}", text, "train") for at, text in enumerate(words)]
    members += [member(f"d{at}", f"{text}s", "dev") for at, text in enumerate(words)]

    assert len(list(near_copies(members))) >= 295


def test_equal_texts_have_equal_signatures_wherever_they_stand() -> None:
    made = signatures([normal(LONG), "", "x", normal(LONG)])

    assert made[0].tolist() == made[3].tolist() != made[1].tolist()


def test_a_short_text_is_its_own_gram() -> None:
    assert grams("abc") == {"abc"}
    assert grams("abcdef") == {"abcde", "bcdef"}


def test_a_group_and_a_pair_in_two_folds_are_torn() -> None:
    members = [member("a", "one", "train", "g", pair="p"), member("b", "two", "dev", "g", pair="p")]
    members += [member("c", "x", "cal")]

    assert torn(members, "group") == {"g": {"train", "dev"}}
    assert torn(members, "pair") == {"p": {"train", "dev"}}


def row(name: str, text: str, fold: str) -> Text:
    return Text(Row(name, text, "en", "made", name, fold, {"harm": 0.0}))


def test_a_held_out_text_that_training_leaves_out_does_not_leak_and_a_near_copy_of_it_does() -> None:
    held = normal(LONG)
    same, near = row("a", f"{held}.", "train"), row("b", f"{held} as well", "train")
    found = list(near_copies(members_of([same, near], [held])))

    assert pairs(found) == [("held-out-0", "b")]


def test_the_report_counts_by_fold_and_source() -> None:
    members = [member("a", LONG, "train"), member("b", LONG, "dev"), member("c", "Something else", "cal")]
    lines = list(report(members, list(copies(members))))

    assert lines[0] == "3 texts: cal 1, dev 1, train 1."
    assert "| dev | made | train | 1 | 0 | 1 |" in lines
    assert "\ndev: 1 of 1 texts stand in training, word for word or nearly." in lines
