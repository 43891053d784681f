"""Mistral's own `guardrails` block: read strictly, evaluated on local scores, answered in its shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from leeward.gateway.wire.body import Json, Object, boolean, only, string, wrong
from leeward.gateway.wire.moderation import DEFAULT_THRESHOLD, V1_CATEGORIES, V1_MODEL, V2_CATEGORIES, V2_MODEL

_VERSIONS: Final = {
    "moderation_llm_v1": (V1_MODEL, V1_CATEGORIES),
    "moderation_llm_v2": (V2_MODEL, V2_CATEGORIES),
}
_KEYS: Final = frozenset({"block_on_error", *_VERSIONS})
_MODERATION_KEYS: Final = frozenset({"model_name", "custom_category_thresholds", "ignore_other_categories", "action"})
_NO_THRESHOLDS: Final[Mapping[str, float]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Moderation:
    """One moderation of a guardrail.

    Attributes:
        version: `moderation_llm_v1` or `moderation_llm_v2`.
        thresholds: The caller's, by category, in [0, 1]; 1 turns a category off.
        ignores_others: Whether only the categories in `thresholds` count.
        blocks: Whether a violation blocks (`action: block`) or is only reported.
    """

    version: str
    model_name: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    ignores_others: bool = False
    blocks: bool = False

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories that count."""
        return tuple(c for c in _VERSIONS[self.version][1] if not self.ignores_others or c in self.thresholds)

    def threshold(self, category: str) -> float:
        """Return the least score that violates; 1 means that none does."""
        return self.thresholds.get(category, DEFAULT_THRESHOLD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """One entry of the `guardrails` list."""

    block_on_error: bool = False
    moderations: tuple[Moderation, ...] = ()

    @property
    def blocks(self) -> bool:
        """Whether it may block at all."""
        return any(m.blocks for m in self.moderations)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What one category came to."""

    category: str
    threshold: float
    score: float

    @property
    def violated(self) -> bool:
        """Whether the score reached the threshold; a threshold of 1 switches the category off."""
        return self.threshold < 1.0 and self.score >= self.threshold


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What one moderation came to."""

    moderation: Moderation
    decisions: tuple[Decision, ...]

    @property
    def violated(self) -> bool:
        """Whether any category was violated."""
        return any(d.violated for d in self.decisions)

    @property
    def is_blocked(self) -> bool:
        """Whether the request must be refused with 403."""
        return self.violated and self.moderation.blocks


def parse_guardrails(value: Json) -> tuple[Guardrail, ...]:
    """Return the guardrails that a request asks for; none when `value` is null.

    Raises:
        WireError: 422 on an unknown key, category or action, or a threshold outside [0, 1]: a guardrail that
            is misread would protect less than the caller believes.
    """
    if value is None:
        return ()
    if type(value) is not list:
        raise wrong("guardrails", "a list")
    return tuple(_guardrail(entry, f"guardrails[{i}]") for i, entry in enumerate(value))


def _guardrail(entry: Json, path: str) -> Guardrail:
    if type(entry) is not dict:
        raise wrong(path, "an object")
    if unknown := only(entry, _KEYS):
        raise wrong(f"{path}.{unknown[0]}", f"one of {', '.join(sorted(_KEYS))}")
    found = [_moderation(v, entry[v], f"{path}.{v}") for v in sorted(_VERSIONS) if entry.get(v) is not None]
    return Guardrail(block_on_error=boolean(entry, "block_on_error"), moderations=tuple(found))


def _moderation(version: str, value: Json, path: str) -> Moderation:
    if type(value) is not dict:
        raise wrong(path, "an object")
    if unknown := only(value, _MODERATION_KEYS):
        raise wrong(f"{path}.{unknown[0]}", f"one of {', '.join(sorted(_MODERATION_KEYS))}")
    action = string(value, "action", default="none")
    if action not in ("none", "block"):
        raise wrong(f"{path}.action", '"none" or "block"')
    return Moderation(
        version=version,
        model_name=string(value, "model_name", default=_VERSIONS[version][0]),
        thresholds=_thresholds(version, value.get("custom_category_thresholds"), path),
        ignores_others=boolean(value, "ignore_other_categories"),
        blocks=action == "block",
    )


def _thresholds(version: str, value: Json, path: str) -> Mapping[str, float]:
    path = f"{path}.custom_category_thresholds"
    if value is None:
        return _NO_THRESHOLDS
    if type(value) is not dict:
        raise wrong(path, "an object")
    if unknown := only(value, frozenset(_VERSIONS[version][1])):
        raise wrong(f"{path}.{unknown[0]}", f"one of {', '.join(_VERSIONS[version][1])}")
    thresholds: dict[str, float] = {}
    for category, threshold in value.items():
        if threshold is None:
            continue
        if isinstance(threshold, bool) or not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
            raise wrong(f"{path}.{category}", "a number from 0 to 1, or null")
        thresholds[category] = float(threshold)
    return MappingProxyType(thresholds)


def evaluate(
    guardrails: Sequence[Guardrail], v2_scores: Mapping[str, float], v1_scores: Mapping[str, float]
) -> tuple[Outcome, ...]:
    """Return what each moderation comes to on the scores of the local detectors.

    Args:
        guardrails: As the request asks for.
        v2_scores: Score in [0, 1] by category of the second version; from `moderation.v2_scores`.
        v1_scores: The same for the first version; from `moderation.v1_scores`.
    """
    tables = {"moderation_llm_v1": v1_scores, "moderation_llm_v2": v2_scores}
    return tuple(_evaluate(m, tables[m.version]) for g in guardrails for m in g.moderations)


def _evaluate(moderation: Moderation, scores: Mapping[str, float]) -> Outcome:
    decisions = tuple(
        Decision(category=c, threshold=moderation.threshold(c), score=scores.get(c, 0.0)) for c in moderation.categories
    )
    return Outcome(moderation=moderation, decisions=decisions)


def passed_results(outcomes: Sequence[Outcome]) -> list[Json]:
    """Return the top-level `guardrails` list of a reply that was let through."""
    results: list[Json] = []
    for outcome in outcomes:
        action = "block" if outcome.is_blocked else "none"
        categories: Object = {d.category: {"score": d.score, "violated": d.violated} for d in outcome.decisions}
        results.append({outcome.moderation.version: {"action": action, "categories": categories}})
    return results


def blocked_results(outcomes: Sequence[Outcome]) -> Object:
    """Return the `guardrails` object of a 403."""
    results: Object = {}
    for outcome in outcomes:
        decisions: Object = {
            d.category: {"threshold": d.threshold, "score": d.score, "violated": d.violated} for d in outcome.decisions
        }
        result: Object = {
            "model_name": outcome.moderation.model_name,
            "decisions": decisions,
            "violated": outcome.violated,
            "action": "block" if outcome.moderation.blocks else "none",
        }
        earlier = results.get(outcome.moderation.version)
        if not isinstance(earlier, dict) or (outcome.violated and not earlier["violated"]):
            results[outcome.moderation.version] = result
    return {"results": results}
