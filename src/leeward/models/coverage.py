"""In which languages the classifier was measured, rule by rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from leeward.errors import DetectorError
from leeward.models.front import WEIGHTS

CLASSIFIERS = frozenset({"front-text", "cascade-text"})


@dataclass(frozen=True, slots=True)
class Coverage:
    """Where it is known how well classifiers do.

    Attributes:
        languages: By rule id, the tags of languages in which recall and false alarms were measured.
        classifiers: Ids of the detectors that the figures are about.
    """

    languages: Mapping[str, frozenset[str]]
    classifiers: frozenset[str] = CLASSIFIERS

    @classmethod
    def load(cls, folder: Path = WEIGHTS) -> Coverage:
        """Return what `coverage.json` in `folder` says: rule id to a list of language tags.

        Raises:
            DetectorError: If it is missing or has another shape.
        """
        path = folder / "coverage.json"
        try:
            return cls(msgspec.json.decode(path.read_bytes(), type=dict[str, frozenset[str]]))
        except (OSError, msgspec.DecodeError) as error:
            raise DetectorError(
                f"The languages in which the classifier was measured cannot be read from {path}: {error}",
                meaning="A verdict could not say in which languages nobody knows how well rules are checked.",
                remedy="Reinstall leeward, or measure anew with the command in docs/accuracy.md.",
            ) from error

    def unmeasured(self, rules: Iterable[str], language: str) -> frozenset[str]:
        """Return those of `rules` that were not measured in `language`; a rule that nobody measured is among them."""
        return frozenset(rule for rule in rules if language not in self.languages.get(rule, ()))


NO_CLASSIFIER = Coverage({}, frozenset())
