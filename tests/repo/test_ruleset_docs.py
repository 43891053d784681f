"""The operator's reference is true: its examples load, and it names every key and word."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from known_detectors import KNOWN
from leeward.domain.disposition import Disposition, Duty, Release
from leeward.domain.view import Stage
from leeward.policy.draft import AttachTable, FileTable, PatternsTable, RelaxTable, RuleTable, TightenTable, WhenTable
from leeward.policy.loader import load
from leeward.policy.reading import Source

TEXT = (Path(__file__).parents[2] / "docs" / "ruleset.md").read_text("utf-8")
EXAMPLES = re.findall(r"```toml\n(.*?)```", TEXT, re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.partition("\n")[0])
def test_every_example_loads(example: str) -> None:
    loaded = load(Source(name="example.toml", text=example), known=KNOWN)

    assert len(loaded.ruleset.rules) >= 10


def test_every_key_is_documented() -> None:
    tables = (FileTable, RuleTable, WhenTable, PatternsTable, TightenTable, RelaxTable, AttachTable)
    keys = {field.name for table in tables for field in msgspec.structs.fields(table)}

    assert {key for key in keys if not re.search(rf"`{key}`|^{key} = |\[{key}", TEXT, re.MULTILINE)} == set()


def test_every_word_is_documented() -> None:
    words = {*Stage, *Duty, *Release, *(d.word for d in Disposition)}

    assert {word for word in words if f"`{word}`" not in TEXT} == set()
