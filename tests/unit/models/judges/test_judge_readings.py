"""What each family's answers mean, as servers give them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from judge_answers import Position, chat, completion, moderation, sure
from leeward.domain.view import Stage
from leeward.models.judges.families import FAMILIES, WRITTEN
from leeward.models.judges.family import Judgement, merged


def judged(name: str, answer: bytes, *, hazards: tuple[str, ...] = (), stage: Stage = Stage.PROMPT) -> Judgement | None:
    family = FAMILIES[name]
    return family.scores_from(family.questions("Hi.", "", stage, model="g", hazards=hazards)[0], answer)


def told(name: str, answer: bytes, *, hazards: tuple[str, ...] = ()) -> Judgement:
    judgement = judged(name, answer, hazards=hazards)
    assert judgement is not None
    return judgement


# Llama Guard


UNSAFE: list[Position] = [sure("\n\n"), ("unsafe", {"unsafe": 0.8, "safe": 0.2}), sure("\n"), sure("S1")]


@pytest.mark.parametrize("name", ["llama-guard-3", "llama-guard-4"])
def test_llama_guards_named_category_gets_the_probability_of_its_first_word(name: str) -> None:
    judgement = told(name, chat("\n\nunsafe\nS1,S10", UNSAFE))

    assert judgement.unsafe == pytest.approx(0.8)
    assert judgement.hazards["violence"] == judgement.hazards["hate"] == pytest.approx(0.8)
    assert judgement.hazards["sexual"] == 0.0
    assert judgement.is_graded


def test_a_safe_verdict_bounds_every_hazard_by_what_was_left_for_unsafe() -> None:
    judgement = told("llama-guard-3", chat("safe", [("safe", {"safe": 0.9, "unsafe": 0.1})]))

    assert judgement.unsafe == pytest.approx(0.1)
    assert set(judgement.hazards.values()) == {judgement.unsafe}


def test_a_category_that_means_no_hazard_of_ours_leaves_only_harm_in_general() -> None:
    judgement = told("llama-guard-3", chat("unsafe\nS5", [("unsafe", {"unsafe": 0.7, "safe": 0.3})]))

    assert judgement.unsafe == pytest.approx(0.7)
    assert set(judgement.hazards.values()) == {0.0}


def test_without_log_probabilities_a_verdict_in_words_is_not_taken_for_certain() -> None:
    unsafe, safe = told("llama-guard-3", chat("unsafe\nS11")), told("llama-guard-3", chat("safe"))

    assert (unsafe.unsafe, unsafe.hazards["self-harm"], unsafe.is_graded) == (0.9, 0.9, False)
    assert (safe.unsafe, safe.is_graded) == (0.1, False)


def test_a_word_that_was_no_candidate_counts_as_all_but_impossible() -> None:
    judgement = told("llama-guard-3", chat("safe", [sure("safe")]))

    assert 0.0 < judgement.unsafe < 0.001


def test_the_text_completion_of_a_written_prompt_reads_alike() -> None:
    family = WRITTEN["llama-guard-3"]
    question = family.questions("Hi.", "", Stage.PROMPT, model="g")[0]
    judgement = family.scores_from(question, completion("unsafe\nS2", [("unsafe", {"unsafe": 0.6, " safe": 0.4})]))

    assert judgement is not None
    assert judgement.hazards["criminal"] == pytest.approx(0.6)


# Qwen3Guard


def qwen(text: str, word: str, chances: dict[str, float]) -> bytes:
    return chat(text, [sure("Safety"), sure(":"), (word, chances), sure("\n"), sure("Categories")])


def test_half_of_what_qwen3guard_calls_controversial_counts_as_unsafe() -> None:
    answer = qwen(
        "Safety: Controversial\nCategories: Unethical Acts",
        " Cont",
        {" Cont": 0.6, " Unsafe": 0.3, " Safe": 0.1},
    )
    judgement = told("qwen3guard", answer)

    assert judgement.unsafe == pytest.approx(0.6)
    assert judgement.hazards["harassment"] == judgement.hazards["hate"] == pytest.approx(0.6)


def test_non_violent_acts_are_not_taken_for_violent_ones() -> None:
    answer = qwen("Safety: Unsafe\nCategories: Non-violent Illegal Acts", " Unsafe", {" Unsafe": 1.0})
    judgement = told("qwen3guard", answer)

    assert judgement.hazards["criminal"] > 0.99
    assert judgement.hazards["violence"] == 0.0


def test_several_categories_and_a_refusal_line_are_read() -> None:
    answer = chat("Safety: Unsafe\nCategories: Violent, Suicide & Self-Harm\nRefusal: No")
    judgement = told("qwen3guard", answer)

    assert (judgement.hazards["violence"], judgement.hazards["self-harm"]) == (0.9, 0.9)
    assert judgement.hazards["sexual"] == 0.0


def test_an_unsafe_verdict_without_a_category_bounds_every_hazard() -> None:
    judgement = told("qwen3guard", chat("Safety: Unsafe\nCategories: None"))

    assert set(judgement.hazards.values()) == {0.9}


# Guards that say yes or no


@pytest.mark.parametrize("name", ["granite-guardian-3", "shieldstral", "shieldgemma"])
@pytest.mark.parametrize("yes", ["yes", "Yes", " YES", '"yes"', "yes."])
def test_the_first_word_is_shared_between_yes_and_no(name: str, yes: str) -> None:
    judgement = told(name, chat(yes, [(yes, {yes: 0.6, "no": 0.2, "maybe": 0.2})]), hazards=("hate",))

    assert judgement.hazards["hate"] == judgement.unsafe == pytest.approx(0.75)


@pytest.mark.parametrize("name", ["granite-guardian-3.3", "granite-guardian-4.1"])
def test_granite_guardians_score_is_read_from_between_its_tags(name: str) -> None:
    positions = [sure("<think>"), sure("\n"), sure("</think>"), sure("\n"), sure("<"), sure("score"), sure(">"),
                 (" no", {" no": 0.7, " yes": 0.3}), sure(" </"), sure("score"), sure(">")]  # fmt: skip
    judgement = told(name, chat("<think>\n</think>\n<score> no </score>", positions), hazards=("violence",))

    assert judgement.hazards == {"violence": pytest.approx(0.3)}


def test_a_thought_that_says_yes_is_no_score() -> None:
    words = "<think>Yes, one might say so.</think><score> no </score>"

    assert told("granite-guardian-3.3", chat(words)).unsafe == 0.1


# Moderation APIs


def test_mistrals_categories_become_hazards_and_advice_is_no_harm() -> None:
    answer = moderation({"hate_and_discrimination": 0.4, "law": 0.99, "pii": 0.9, "jailbreaking": 0.2})
    judgement = told("mistral-moderation", answer)

    assert judgement.hazards == {"hate": 0.4, "law": 0.99, "injection": 0.2}
    assert judgement.unsafe == 0.4


def test_mistrals_first_version_fills_both_of_what_the_second_parts() -> None:
    judgement = told("mistral-moderation", moderation({"dangerous_and_criminal_content": 0.8}))

    assert judgement.hazards == {"dangerous": 0.8, "criminal": 0.8}


def test_openais_threats_are_violence_and_a_persons_intent_to_harm_themselves_is_distress() -> None:
    answer = moderation({"hate": 0.3, "hate/threatening": 0.6, "self-harm/intent": 0.7, "illicit": None}, flagged=True)
    judgement = told("openai-moderation", answer)

    assert judgement.hazards == {"hate": 0.6, "violence": 0.6, "distress": 0.7}


# Answers that tell nothing


TELLING_NOTHING = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b"not JSON",
    b"\xff\xfe",
    b"[" * 100_000,
    json.dumps({"choices": []}).encode(),
    json.dumps({"choices": [{"message": {"content": 5}}]}).encode(),
    json.dumps({"error": {"message": "model not found", "code": 404}}).encode(),
    json.dumps({"results": []}).encode(),
    json.dumps({"results": [{"category_scores": {"hate": "high"}}]}).encode(),
    json.dumps({"results": [{"category_scores": {"unheard-of": 0.9}}]}).encode(),
    b'{"results": [{"category_scores": {"hate": 7}}]}',
    chat(None),
    chat(""),
    chat("I'm sorry, but I can't help with that."),
    chat("unsafe\nS1", finish_reason="content_filter"),
    chat("The text is perfectly fine."),
]


@pytest.mark.parametrize("answer", TELLING_NOTHING)
@pytest.mark.parametrize("name", FAMILIES)
def test_an_answer_that_tells_nothing_is_no_judgement(name: str, answer: bytes) -> None:
    assert judged(name, answer) is None


def test_a_model_that_refuses_by_the_field_for_it_told_nothing() -> None:
    raw = json.loads(chat("unsafe"))
    raw["choices"][0]["message"]["refusal"] = "I can't help with that."

    assert judged("llama-guard-3", json.dumps(raw).encode()) is None


@pytest.mark.parametrize("name", FAMILIES)
@given(st.binary(max_size=200))
def test_no_answer_makes_reading_fail(name: str, answer: bytes) -> None:
    assert judged(name, answer) is None


@pytest.mark.parametrize("name", FAMILIES)
@given(st.text(max_size=80), st.dictionaries(st.text(max_size=6), st.floats(1e-6, 1.0), max_size=4))
def test_whatever_a_guard_says_a_score_is_a_probability(name: str, text: str, chances: dict[str, float]) -> None:
    positions: list[Position] = [(token, chances) for token in list(chances)[:1]]
    judgement = judged(name, chat(text, positions))

    assert judgement is None or all(0.0 <= s <= 1.0 for s in (judgement.unsafe, *judgement.hazards.values()))


@pytest.mark.parametrize("name", FAMILIES)
def test_a_family_scores_no_hazard_that_it_does_not_declare(name: str) -> None:
    words = ["unsafe\nS1,S3,S9,S14,S99", "Safety: Unsafe\nCategories: Violent", "<score>yes</score>", "yes"]
    answers = [*map(chat, words), moderation({"hate": 0.5, "sexual": 0.5, "selfharm": 0.2})]
    scored = [judged(name, answer) for answer in answers]

    assert {hazard for one in scored if one is not None for hazard in one.hazards} <= FAMILIES[name].hazards


def test_several_answers_are_one_judgement_of_the_highest() -> None:
    one, two = Judgement(0.2, {"hate": 0.2}), Judgement(0.7, {"hate": 0.1, "sexual": 0.7}, is_graded=False)

    assert merged([one, two]) == Judgement(0.7, {"hate": 0.2, "sexual": 0.7}, is_graded=False)
    assert merged([]) is None
