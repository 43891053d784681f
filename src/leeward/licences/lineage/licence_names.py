"""Which licence of the registry a card's word or a file's text means."""

from __future__ import annotations

import re
from typing import Final

# What model cards write, tidied; source: the licence identifiers of the Hugging Face Hub and the cards of the models.
_WORDS: Final = (
    (r"apache-?(license-)?2(\.0)?", "Apache-2.0"),
    (r"mit", "MIT"),
    (r"cc-?by-?nc-?4(\.0)?", "CC-BY-NC-4.0"),
    (r"mrl(-0\.1)?|mistral(-?ai)?-research-licen[sc]e.*", "MRL-0.1"),
    (r"mnpl(-0\.1)?|mistral(-?ai)?-non-production-licen[sc]e.*", "MNPL-0.1"),
    (r"(mistral-)?modified-mit(-licen[sc]e)?|licenseref-mistral-modified-mit", "Mistral-Modified-MIT"),
    (r"llama[- ]?[234](\.\d)?(-community.*)?|llama-community.*", "Llama-Community"),
    (r"gemma(-terms.*)?", "Gemma-Terms"),
    (r"qwen-research.*", "Qwen-Research"),
    (r"qwen(-licen[sc]e.*)?|tongyi-qianwen.*", "Qwen-License"),
)
# Words that no other licence text holds together.
_TEXTS: Final = (
    ("MRL-0.1", ("mistral ai research licen",)),
    ("MNPL-0.1", ("mistral ai non-production licen",)),
    ("Mistral-Modified-MIT", ("permission is hereby granted", "monthly revenue")),
    ("Llama-Community", ("community license agreement", "llama")),
    ("Gemma-Terms", ("gemma terms of use",)),
    ("Qwen-Research", ("qwen research license",)),
    ("Qwen-License", ("qwen license agreement",)),
    ("Qwen-License", ("tongyi qianwen license agreement",)),
    ("CC-BY-NC-4.0", ("attribution-noncommercial 4.0",)),
    ("Apache-2.0", ("apache license", "version 2.0")),
    ("MIT", ("permission is hereby granted, free of charge",)),
)
# One family of terms: a card says `llama3.2` for models with and without pictures.
_SAME: Final = {"Llama-Community-Multimodal": "Llama-Community"}


def licence_of_word(*words: str) -> str:
    """Return the registry's id of the licence that a card names, or an empty text.

    Args:
        words: In the order in which they count: `license_name` before `license`, since the latter may be `other`.
    """
    for word in words:
        tidied = re.sub(r"[\s_]+", "-", word.strip().lower())
        for pattern, licence in _WORDS:
            if re.fullmatch(pattern, tidied):
                return licence
    return ""


def licence_of_text(text: str) -> str:
    """Return the registry's id of the licence whose text this is, or an empty text."""
    flat = flattened(text[:200_000])
    return next((licence for licence, words in _TEXTS if all(word in flat for word in words)), "")


def flattened(text: str) -> str:
    """Return text in lower case with single spaces, so that line breaks do not hide a sentence."""
    return re.sub(r"\s+", " ", text).lower()


def are_same(one: str, other: str) -> bool:
    """Whether two ids stand for the same terms."""
    return _SAME.get(one, one) == _SAME.get(other, other)
