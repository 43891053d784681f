"""Finds harmful wording by terms that stand together in one sentence, in many languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final

import msgspec

from leeward.detectors.patterns import Pattern, PatternSet, Terms, hits_of_layers, reading_of
from leeward.domain.finding import Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Stage, View
from leeward.errors import DetectorError

_DATA: Final = "leeward.detectors.text_patterns_data"
_TEMPLATES: Final = "templates.toml"
# Scripts that write no spaces or glue prefixes to words: a term may begin and end inside a run of letters.
_OPEN_LEFT: Final = frozenset({"zh", "ja", "th", "ar", "he", "ko"})
# Languages with many endings: a term is a stem.
_OPEN_RIGHT: Final = frozenset(
    {"zh", "ja", "th", "ko", "fi", "hu", "tr", "pl", "cs", "ro", "bg", "uk", "ru", "el", "hi", "ar", "he"}
)


class _Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What stands together; see templates.toml."""

    id: str
    hazard: str
    parts: tuple[str, ...]
    confidence: float
    message: str
    vetoes: tuple[str, ...] = ()
    within: int = 60
    veto_within: int = 60
    across_sentences: bool = False
    stages: tuple[Stage, ...] = ()


class _Templates(msgspec.Struct, frozen=True):
    template: tuple[_Template, ...]


class TextPatterns:
    """Finds requests, incitement, threats and expressions by co-occurring terms, with vetoes for innocent use.

    Precise rather than complete: what it finds is nearly always meant, and what it misses is left to the classifier.

    Source:
        Protocol, RULE-MIST-001, 003 to 007. The confidence of each template is its measured precision.
    """

    def __init__(self) -> None:
        self.info = DetectorInfo(
            id="text-patterns",
            hazards=(
                "hate",
                "harassment",
                "violence",
                "self-harm",
                "distress",
                "child-exploitation",
                "malware",
                "licence.circumvention",
                "stereotype",
            ),
            stages=(Stage.PROMPT, Stage.INSTRUCTIONS, Stage.TOOL_RESULT, Stage.DOCUMENT, Stage.REPLY),
            reach_chars=128,
            budget_seconds=0.05,
        )
        self._set: PatternSet | None = None

    def open(self) -> None:
        """Compile the terms of all languages into one automaton."""
        self._set = PatternSet(_patterns())

    def examine(self, view: View) -> Reading:
        """Return what the terms of any language say about `view`."""
        if self._set is None:
            raise DetectorError("detector 'text-patterns' was not opened", remedy="Call open() first.")
        return reading_of(hits_of_layers(self._set, view))


def languages() -> tuple[str, ...]:
    """Return the languages that have term lists, sorted."""
    names = (entry.name for entry in files(_DATA).iterdir())
    return tuple(sorted(n.removesuffix(".toml") for n in names if n.endswith(".toml") and n != _TEMPLATES))


def _patterns() -> Iterator[Pattern]:
    folder = files(_DATA)
    templates = msgspec.toml.decode(folder.joinpath(_TEMPLATES).read_bytes(), type=_Templates).template
    for language in languages():
        lists = msgspec.toml.decode(folder.joinpath(f"{language}.toml").read_bytes(), type=dict[str, str])
        for template in templates:
            yield from _in_language(template, language, lists)


def _in_language(template: _Template, language: str, lists: Mapping[str, str]) -> Iterator[Pattern]:
    parts = [_terms(names, language, lists) for names in template.parts]
    if not all(part.words for part in parts):
        return  # the language has no list for this template
    vetoes = [_terms(names, language, lists) for names in template.vetoes]
    yield Pattern(
        id=f"{template.id}.{language}",
        hazard=template.hazard,
        confidence=template.confidence,
        parts=tuple(parts),
        vetoes=tuple(veto for veto in vetoes if veto.words),
        within=template.within,
        veto_within=template.veto_within,
        across_sentences=template.across_sentences,
        # What a person asks of a model is asked in its instructions too.
        stages=frozenset(template.stages) | ({Stage.INSTRUCTIONS} if Stage.PROMPT in template.stages else set()),
        message=template.message,
    )


def _terms(names: str, language: str, lists: Mapping[str, str]) -> Terms:
    words = dict.fromkeys(
        word.strip() for name in names.split("|") for word in lists.get(name, "").split(",") if word.strip()
    )
    return Terms(
        f"{language}:{names}",
        tuple(words),
        open_left=language in _OPEN_LEFT,
        open_right=language in _OPEN_RIGHT,
    )
