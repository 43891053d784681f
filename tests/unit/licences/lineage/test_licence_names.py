from __future__ import annotations

import pytest

from leeward.licences.lineage.licence_names import are_same, licence_of_text, licence_of_word
from leeward.licences.registry import builtin_registry


@pytest.mark.parametrize(
    ("word", "licence"),
    [("apache-2.0", "Apache-2.0"), ("Apache License 2.0", "Apache-2.0"), ("MIT", "MIT"),
     ("cc-by-nc-4.0", "CC-BY-NC-4.0"), ("mrl", "MRL-0.1"), ("mistral-ai-research-license-0.1", "MRL-0.1"), ("mnpl", "MNPL-0.1"),
     ("modified-mit", "Mistral-Modified-MIT"), ("llama3.1", "Llama-Community"), ("llama2", "Llama-Community"),
     ("gemma", "Gemma-Terms"),
     ("qwen", "Qwen-License"), ("qwen-research", "Qwen-Research"), ("other", ""),
     ("mitt", "")],
)  # fmt: skip
def test_words_of_cards_are_known(word: str, licence: str) -> None:
    assert licence_of_word(word) == licence
    assert not licence or licence in builtin_registry().licences


def test_the_name_of_a_licence_counts_before_its_kind() -> None:
    assert licence_of_word("mrl", "other") == "MRL-0.1"
    assert licence_of_word("their-own", "other") == ""


@pytest.mark.parametrize(
    ("text", "licence"),
    [("Apache License\n   Version 2.0, January 2004", "Apache-2.0"), ("Mistral AI  Research\nLicense", "MRL-0.1"),
     ("Permission is hereby granted, free of charge, to any person", "MIT"),
     ("Permission is hereby granted, free of charge ... global consolidated monthly revenue", "Mistral-Modified-MIT"),
     ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT", "Llama-Community"), ("do as you like", "")],
)  # fmt: skip
def test_texts_of_licences_are_known(text: str, licence: str) -> None:
    assert licence_of_text(text) == licence


def test_one_family_of_terms_is_the_same() -> None:
    assert are_same("Llama-Community", "Llama-Community-Multimodal")
    assert not are_same("MIT", "Apache-2.0")
