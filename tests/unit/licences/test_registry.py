from __future__ import annotations

import pytest

from leeward.licences.registry import builtin_registry, tidy

_REGISTRY = builtin_registry()


@pytest.mark.parametrize(
    ("name", "model", "licence"),
    [
        ("mistralai/Mistral-Large-Instruct-2411", "mistral-large-2-1-24-11", "MRL-0.1"),
        ("mistral-large-2411", "mistral-large-2-1-24-11", "MRL-0.1"),
        ("MISTRAL-LARGE-2407", "mistral-large-2-0-24-07", "MRL-0.1"),
        ("mistral-large-latest", "mistral-large-3-25-12", "Apache-2.0"),
        ("devstral-medium-latest", "devstral-2-25-12", "Mistral-Modified-MIT"),
        ("devstral-medium-2507", "devstral-medium-1-0-25-07", "Mistral-Commercial-API"),
        ("mistral-medium-latest", "mistral-medium-3-5-26-04", "Mistral-Modified-MIT"),
        ("mistral-medium-2508", "mistral-medium-3-1-25-08", "Mistral-Commercial-API"),
        ("ministral-8b-2410", "ministral-8b-24-1", "MRL-0.1"),
        ("ministral-8b-2512", "ministral-3-8b-25-12", "Apache-2.0"),
        ("codestral-2405", "codestral-24-05", "MNPL-0.1"),
        ("codestral-latest", "codestral-25-08", "Mistral-Commercial-API"),
        ("mistralai/Codestral-22B-v0.1", "codestral-24-05", "MNPL-0.1"),
        ("mistralai/Voxtral-4B-TTS-2603", "voxtral-tts-26-03", "CC-BY-NC-4.0"),
        ("open-mixtral-8x22b", "mixtral-8x22b-0-1-0-3", "Apache-2.0"),
    ],
)
def test_an_id_or_repository_leads_to_its_row(name: str, model: str, licence: str) -> None:
    match = _REGISTRY.resolve(name)

    assert match is not None
    assert match.model is not None
    assert (match.model.id, match.licence and match.licence.id) == (model, licence)


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("bartowski/Mistral-Large-Instruct-2411-GGUF", "MRL-0.1"),
        ("/models/mistral-large-instruct-2411.Q4_K_M.gguf", "MRL-0.1"),
        ("TheBloke/Mistral-7B-Instruct-v0.2-AWQ", "Apache-2.0"),
        ("mistral-7b-instruct-v0.3.Q5_K_S.gguf", "Apache-2.0"),
        ("neuralmagic/Mistral-Small-24B-Instruct-2501-FP8", "Apache-2.0"),
        ("unsloth/Mistral-Small-3.2-24B-Instruct-2506-unsloth-bnb-4bit", "Apache-2.0"),
        ("Codestral-22B-v0.1-exl2-4.0bpw", "MNPL-0.1"),
        ("devstral-2-123b-instruct-2512-mlx-4bit", "Mistral-Modified-MIT"),
        ("Mistral-Small-Instruct-2409_w4a16_g128", "MRL-0.1"),
    ],
)
def test_quantised_copies_keep_the_licence_of_the_original(name: str, licence: str) -> None:
    match = _REGISTRY.resolve(name)

    assert match is not None
    assert match.licence is not None
    assert match.licence.id == licence


@pytest.mark.parametrize(
    ("tag", "licence"),
    [
        ("mistral", "Apache-2.0"),
        ("mistral:7b", "Apache-2.0"),
        ("mixtral:8x7b", "Apache-2.0"),
        ("mistral-small:24b", "Apache-2.0"),
        ("mistral-small:22b", "MRL-0.1"),
        ("mistral-small3.2:latest", "Apache-2.0"),
        ("mistral-large:123b", "MRL-0.1"),
        ("codestral", "MNPL-0.1"),
        ("codestral:latest", "MNPL-0.1"),
        ("codestral:22b-v0.1-q4_K_M", "MNPL-0.1"),
        ("devstral:24b", "Apache-2.0"),
        ("magistral:24b", "Apache-2.0"),
    ],
)
def test_the_short_names_of_model_runners_are_known(tag: str, licence: str) -> None:
    match = _REGISTRY.resolve(tag)

    assert match is not None
    assert match.licence is not None
    assert match.licence.id == licence


@pytest.mark.parametrize(
    ("name", "licence"),
    [
        ("meta-llama/Llama-3.1-8B-Instruct", "Llama-Community"),
        ("llama3.2:3b", "Llama-Community"),
        ("meta-llama/Llama-3.2-11B-Vision-Instruct", "Llama-Community-Multimodal"),
        ("google/gemma-2-9b-it", "Gemma-Terms"),
        ("google/gemma-4-31b-it", "Apache-2.0"),
        ("Qwen/Qwen2.5-72B-Instruct-AWQ", "Qwen-License"),
        ("Qwen/Qwen2.5-3B-Instruct", "Qwen-Research"),
        ("Qwen/Qwen3-32B", "Apache-2.0"),
        ("openai/gpt-oss-20b", "Apache-2.0"),
        ("microsoft/phi-4", "MIT"),
        ("deepseek-ai/DeepSeek-R1", "MIT"),
    ],
)
def test_other_open_models_are_known_by_their_names(name: str, licence: str) -> None:
    match = _REGISTRY.resolve(name)

    assert match is not None
    assert match.licence is not None
    assert match.licence.id == licence


@pytest.mark.parametrize(
    "name", ["", "prod-llm", "gpt-4o", "mistral-huge-2701", "my-mistral-7b-tune", "mistral-small-40b", "x" * 100_000]
)
def test_a_name_that_nothing_is_known_of_is_not_guessed_at(name: str) -> None:
    assert _REGISTRY.resolve(name) is None


def test_a_model_without_a_published_licence_is_known_without_one() -> None:
    match = _REGISTRY.resolve("mistralai/Mistral-Large-4-1T-A52B")

    assert match is not None
    assert match.model is not None
    assert match.licence is None


def test_of_two_models_under_one_name_the_one_that_can_be_run_counts() -> None:
    match = _REGISTRY.resolve("voxtral-mini-2507")

    assert match is not None
    assert match.model is not None
    assert match.model.has_open_weights


@pytest.mark.parametrize(
    ("name", "moves"), [("mistral-large-latest", True), ("codestral", True), ("codestral-2405", False)]
)
def test_names_that_move_between_licences_are_marked(name: str, moves: bool) -> None:
    match = _REGISTRY.resolve(name)

    assert match is not None
    assert match.is_moving is moves


def test_every_name_of_every_row_leads_to_a_row_of_the_same_or_a_stricter_licence() -> None:
    for model in _REGISTRY.models:
        for name in (*model.repos, *model.names):
            match = _REGISTRY.resolve(name)

            assert match is not None
            assert match.model is not None
            assert name in (*match.model.repos, *match.model.names)


def test_every_licence_of_a_row_is_described() -> None:
    assert {m.licence for m in _REGISTRY.models if m.licence} <= set(_REGISTRY.licences)


@pytest.mark.parametrize("name", ["Org/A-B_C-GGUF", "a-b-c", "A-B-C.Q8_0.gguf", "a-b:c", "a--b-c-bf16"])
def test_packaging_and_spelling_do_not_change_a_name(name: str) -> None:
    assert tidy(name) == "a-b-c"
