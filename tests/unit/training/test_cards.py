"""The cards carry what was measured, and say so where nothing was."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from cards import NOT_MEASURED, TABLES, corpus, coverage, found_in, model_card, put_between, tables_of

from manifest import MANIFEST

EVALUATED = """9 texts; the gate cleared 50.0 % of everyday ones.

### Rules

| rule | AUC |
|---|---|
| RULE-MIST-001 | 0.91 |

### Languages

| rule | language | harmful | harmless | recall % | precision % | false alarms % |
|---|---|---|---|---|---|---|
| RULE-MIST-001 | en | 40 | 60 | 81.0 [67, 90] n=40 | 90.0 [70, 97] n=30 | 1.0 [0, 9] n=60 |
| RULE-MIST-001 | th | 3 | 9 | not measured | not measured | not measured |
| RULE-MIST-005 | en | 0 | 60 | not measured | not measured | not measured |
"""


def test_a_work_folder_without_files_gives_a_card_that_says_not_measured(tmp_path: Path) -> None:
    card = model_card(tmp_path)

    assert card.count(NOT_MEASURED) == len(TABLES)
    assert "{{" not in card
    assert coverage(found_in(tmp_path)) == f"{NOT_MEASURED}\n"


def test_what_was_measured_stands_in_the_card_and_the_rest_is_named(tmp_path: Path) -> None:
    (tmp_path / "evaluate.md").write_text(EVALUATED, encoding="utf-8")
    card = model_card(tmp_path)

    assert "| RULE-MIST-001 | 0.91 |" in card
    assert card.count(NOT_MEASURED) == len(TABLES) - 1


def test_every_source_of_the_manifest_is_attributed_in_the_card(tmp_path: Path) -> None:
    known = tomllib.loads(MANIFEST.read_text(encoding="utf-8"))
    card = model_card(tmp_path)

    attributions = [source["attribution"] for file in known["file"] for source in file["sources"]]

    assert [attribution for attribution in attributions if attribution not in card] == []


def test_progress_is_no_part_of_a_table() -> None:
    said = "### Groups\n\n| a |\n|---|\n| 1 |\nvarieties: 40 of 80\rvarieties: 80 texts scored\n\n### More\n\n| b |"

    assert tables_of(said) == {"Groups": "| a |\n|---|\n| 1 |", "More": "| b |"}


def test_coverage_has_a_table_for_a_rule_that_is_measured_somewhere_and_a_sentence_for_one_that_is_not(
    tmp_path: Path,
) -> None:
    (tmp_path / "evaluate.md").write_text(EVALUATED, encoding="utf-8")
    said = coverage(found_in(tmp_path))

    assert "| th | 3 | 9 | not measured | not measured | not measured |" in said
    assert re.search(r"\*\*RULE-MIST-005\*\*\n\nNot measured in any language", said)


def test_text_is_put_between_markers_and_again_without_growing() -> None:
    once = put_between("# Page\n\n<!-- x:begin -->\nold\n<!-- x:end -->\n\nAfter.\n", "x", "new\n")

    assert once == "# Page\n\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\n\nAfter.\n"
    assert put_between(once, "x", "new\n") == once


def test_missing_markers_are_added_at_the_end_and_half_a_pair_is_refused() -> None:
    assert put_between("# Page\n", "x", "new\n").endswith("# Page\n\n<!-- x:begin -->\n\nnew\n\n<!-- x:end -->\n")

    with pytest.raises(ValueError, match="missing"):
        put_between("<!-- x:begin -->", "x", "new")


def test_the_data_card_holds_the_counts_of_the_corpus_as_it_is() -> None:
    card = (Path(__file__).parents[3] / "docs/data-card.md").read_text(encoding="utf-8")

    assert corpus() in card
