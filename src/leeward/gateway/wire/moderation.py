"""Both moderation replies, built from the scores of the local detectors."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from leeward.gateway.wire.body import Json, Object, encode

V2_MODEL: Final = "mistral-moderation-2603"
V1_MODEL: Final = "mistral-moderation-2411"
DEFAULT_THRESHOLD: Final = 0.5

V2_CATEGORIES: Final = (
    "sexual", "hate_and_discrimination", "violence_and_threats", "dangerous", "criminal", "selfharm",
    "health", "financial", "law", "pii", "jailbreaking",
)  # fmt: skip
V1_CATEGORIES: Final = (
    "sexual", "hate_and_discrimination", "violence_and_threats", "dangerous_and_criminal_content", "selfharm",
    "health", "financial", "law", "pii",
)  # fmt: skip

# Hazard -> category of the second version. A trailing `*` matches any ending. Hazards that no category means
# (licences, misinformation, code weaknesses, extraction) are absent on purpose: they are in the `leeward` object.
_V2_BY_HAZARD: Final[Mapping[str, tuple[str, ...]]] = {
    "sexual": ("sexual",),
    "child-exploitation": ("sexual",),  # there is no key of its own, so it always raises `sexual`
    "image.known": ("sexual",),
    "hate": ("hate_and_discrimination",),
    "harassment": ("hate_and_discrimination",),
    "stereotype": ("hate_and_discrimination",),
    "violence": ("violence_and_threats",),
    "dangerous": ("dangerous",),
    "malware": ("dangerous", "criminal"),
    "malware.code": ("dangerous", "criminal"),
    "criminal": ("criminal",),
    "self-harm": ("selfharm",),
    "distress": ("selfharm",),
    "health": ("health",),
    "financial": ("financial",),
    "law": ("law",),
    "pii.*": ("pii",),
    "injection": ("jailbreaking",),
    "injection.*": ("jailbreaking",),
}
# Hazard -> categories of the OpenAI shape. Subcategories that the detectors do not tell apart stay at 0 rather
# than repeat their parent: a score that was not measured is not given.
_OPENAI_BY_HAZARD: Final[Mapping[str, tuple[str, ...]]] = {
    "sexual": ("sexual",),
    "child-exploitation": ("sexual", "sexual/minors"),
    "image.known": ("sexual", "sexual/minors"),
    "hate": ("hate",),
    "harassment": ("harassment",),
    "violence": ("violence",),
    "dangerous": ("illicit", "illicit/violent"),
    "malware": ("illicit",),
    "malware.code": ("illicit",),
    "criminal": ("illicit",),
    "self-harm": ("self-harm", "self-harm/instructions"),
    "distress": ("self-harm", "self-harm/intent"),
}
OPENAI_CATEGORIES: Final = (
    "harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent", "self-harm",
    "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors", "violence", "violence/graphic",
)  # fmt: skip
_IMAGE_CATEGORIES: Final = frozenset(
    {"self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "violence", "violence/graphic"}
)
_NO_OPENAI_TWIN: Final = ("health", "financial", "law", "pii", "jailbreaking")


def v2_scores(hazards: Mapping[str, float]) -> dict[str, float]:
    """Return the score of every category of the second version: the highest of the hazards that mean it."""
    return _scores(hazards, _V2_BY_HAZARD, V2_CATEGORIES)


def v1_scores(hazards: Mapping[str, float]) -> dict[str, float]:
    """Return the score of every category of the first version."""
    v2 = v2_scores(hazards)
    v2["dangerous_and_criminal_content"] = max(v2["dangerous"], v2["criminal"])
    return {category: v2[category] for category in V1_CATEGORIES}


def openai_scores(hazards: Mapping[str, float]) -> dict[str, float]:
    """Return the score of every category of the OpenAI shape; `violence` threats raise the threatening pairs."""
    scores = _scores(hazards, _OPENAI_BY_HAZARD, OPENAI_CATEGORIES)
    for target in ("hate", "harassment"):  # hate that is violent as well is at most as sure as either
        scores[f"{target}/threatening"] = min(scores[target], scores["violence"])
    return scores


def _scores(
    hazards: Mapping[str, float], table: Mapping[str, tuple[str, ...]], categories: Sequence[str]
) -> dict[str, float]:
    scores = dict.fromkeys(categories, 0.0)
    for hazard, score in hazards.items():
        for category in table.get(hazard) or table.get(f"{hazard.partition('.')[0]}.*", ()):
            scores[category] = max(scores[category], score)
    return scores


def mistral_moderation(
    results: Sequence[Mapping[str, float]],
    *,
    id: str,
    model: str,
    thresholds: Mapping[str, float] | None = None,
    prompt_tokens: int = 0,
) -> bytes:
    """Return a reply in Mistral's shape, one result an input.

    Args:
        results: Scores by hazard, one mapping an input.
        id: Of the reply.
        model: As the request named it; decides between the keys of the first and the second version.
        thresholds: By category; `DEFAULT_THRESHOLD` where none is given.
        prompt_tokens: 0 when nobody counted.
    """
    build = v1_scores if is_v1(model) else v2_scores
    usage: Object = {
        "prompt_tokens": prompt_tokens, "total_tokens": prompt_tokens, "completion_tokens": 0,
        "request_count": len(results), "prompt_audio_seconds": None, "prompt_token_details": None,
    }  # fmt: skip
    rows: list[Json] = [_row(build(hazards), thresholds or {}) for hazards in results]
    return encode({"id": id, "model": model or V2_MODEL, "results": rows, "usage": usage})


def is_v1(model: str) -> bool:
    """Whether `model` answers with the keys of the first version; `-latest` and unknown ids mean the second."""
    return "2411" in model


def _row(scores: dict[str, float], thresholds: Mapping[str, float]) -> Object:
    categories: Object = {c: s >= thresholds.get(c, DEFAULT_THRESHOLD) for c, s in scores.items()}
    return {"categories": categories, "category_scores": {**scores}}


def openai_moderation(
    results: Sequence[Mapping[str, float]],
    *,
    id: str,
    model: str,
    thresholds: Mapping[str, float] | None = None,
    with_images: bool = False,
) -> bytes:
    """Return a reply in the OpenAI shape, one result an input.

    Categories without a twin (health, financial, law, pii, jailbreaking) stand in `leeward_category_scores`
    and never set `flagged`.

    Args:
        results: Scores by hazard, one mapping an input.
        id: Of the reply.
        model: As the request named it.
        thresholds: By category; `DEFAULT_THRESHOLD` where none is given.
        with_images: Whether the inputs held images.
    """
    rows: list[Json] = []
    for hazards in results:
        row = _row(openai_scores(hazards), thresholds or {})
        categories = row["categories"]
        assert isinstance(categories, dict)
        v2 = v2_scores(hazards)
        applied: Object = {
            c: ["text", "image"] if with_images and c in _IMAGE_CATEGORIES else ["text"] for c in OPENAI_CATEGORIES
        }
        rows.append(
            {"flagged": any(categories.values()), **row, "category_applied_input_types": applied,
             "leeward_category_scores": {c: v2[c] for c in _NO_OPENAI_TWIN}}
        )  # fmt: skip
    return encode({"id": id, "model": model or "omni-moderation-latest", "results": rows})
