from __future__ import annotations

from pathlib import Path

import pytest

from leeward.detectors.registry import known_infos
from leeward.errors import DetectorError
from leeward.models.coverage import CLASSIFIERS, NO_CLASSIFIER, Coverage


def test_a_rule_is_unmeasured_in_the_languages_that_nobody_measured() -> None:
    coverage = Coverage({"A": frozenset({"en", "fr"}), "B": frozenset({"en"}), "C": frozenset()})

    assert coverage.unmeasured(("A", "B", "C"), "en") == {"C"}
    assert coverage.unmeasured(("A", "B"), "fr") == {"B"}
    assert coverage.unmeasured(("A", "B", "C"), "und") == {"A", "B", "C"}


def test_a_rule_that_nobody_measured_at_all_is_unmeasured_everywhere() -> None:
    assert Coverage({}).unmeasured(("MINE-1",), "en") == {"MINE-1"}
    assert NO_CLASSIFIER.classifiers == frozenset()


def test_the_shipped_file_can_be_read_and_names_languages() -> None:
    coverage = Coverage.load()

    assert "en" in coverage.languages["RULE-MIST-001"]
    assert all(tag.isascii() and 2 <= len(tag) <= 3 for tags in coverage.languages.values() for tag in tags)


def test_the_classifiers_are_detectors_that_are_there() -> None:
    assert "front-text" in CLASSIFIERS & set(known_infos())


@pytest.mark.parametrize("content", [None, b"{", b'["en"]', b'{"A": "en"}', b'{"A": [1]}'])
def test_a_file_that_is_missing_or_has_another_shape_is_told_with_a_remedy(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "coverage.json").write_bytes(content)
    with pytest.raises(DetectorError, match=r"coverage\.json") as refused:
        Coverage.load(tmp_path)

    assert "Reinstall" in refused.value.remedy
