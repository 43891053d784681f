"""Regions: what each file holds, and what choosing one changes in a ruleset."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from known_detectors import KNOWN, PROTOCOL
from leeward.domain.region import Region, RegionEntry, Wording
from leeward.domain.rule import Ruleset
from leeward.policy.loader import load_all
from leeward.policy.reading import Source
from leeward.policy.regional import DETECTOR, RULE, regions
from leeward.policy.regional_listing import listing

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / "src/leeward/policy"
FILES = sorted((FOLDER / "regions").glob("*.toml"))
WANTED = re.findall("..", "deatchfrbenlplczhugbuscabrinlkiltrjpkrzangidthau")


def ruleset_of(*keys: str, extends: str = "mistral-v1", before: str = "") -> Ruleset:
    head = 'version = "1.0.0"\n'
    text = f'name = "acme"\n{head}extends = "{extends}"\n' + "\n".join(keys)
    base = [Source(name="base.toml", text=f'name = "base"\n{head}extends = "mistral-v1"\n{before}')] if before else []
    loaded = load_all([PROTOCOL, *base, Source(name="acme.toml", text=text)], known=KNOWN)
    assert isinstance(loaded, dict), loaded
    return loaded["acme"].ruleset


def asked(ruleset: Ruleset) -> list[str]:
    return [h for c in ruleset.rule(RULE).conditions if c.detector == DETECTOR for h in c.hazards]


def test_every_wanted_region_is_there() -> None:
    assert set(WANTED) <= set(regions())


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_is_named_for_its_region_and_every_entry_says_what_it_rests_on(file: Path) -> None:
    region = regions()[file.stem]

    assert region.code == file.stem
    assert [entry.id for entry in region.entry if not entry.source or "http" in entry.source] == []
    assert [entry.id for entry in region.entry if not entry.passes or not (entry.matches or entry.marks)] == []
    assert [entry.id for entry in region.entry if not entry.enforce and not entry.note] == []


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_has_no_key_that_nothing_reads(file: Path) -> None:
    raw = tomllib.loads(file.read_text("utf-8"))
    found = [(Region, raw), *((RegionEntry, e) for e in raw["entry"])]
    found += [(Wording, w) for e in raw["entry"] for w in e.get("wording", ())]

    assert [
        key for kind, table in found for key in table if key not in {f.name for f in dataclasses.fields(kind)}
    ] == []


def test_every_context_that_an_entry_names_exists() -> None:
    contexts = tomllib.loads((FOLDER / "region_lists/contexts.toml").read_text("utf-8"))

    assert {c for region in regions().values() for entry in region.entry for c in entry.excused_by} <= set(contexts)


def test_choosing_a_region_asks_about_its_entries_and_no_other() -> None:
    assert asked(ruleset_of()) == []
    assert asked(ruleset_of('regions = ["at"]')) == [
        "region.at.expulsion-slogans",
        "region.at.holocaust-denial",
        "region.at.nazi-slogans",
    ]


def test_an_entry_that_is_not_enforced_is_asked_about_only_where_it_is_named() -> None:
    assert asked(ruleset_of('regions = ["th"]')) == []
    assert asked(ruleset_of('region_opt_in = ["th.lese-majeste"]')) == ["region.th.lese-majeste"]


def test_a_chosen_region_changes_the_digest_and_nothing_but_its_rule() -> None:
    without, chosen = ruleset_of(), ruleset_of('regions = ["de"]')

    assert without.digest != chosen.digest
    assert [a.id for a, b in zip(without.rules, chosen.rules, strict=True) if a != b] == [RULE]


def test_inherited_regions_stay_chosen_and_are_asked_about_once() -> None:
    both = ruleset_of('regions = ["at", "il"]', extends="base", before='regions = ["at"]\n')

    assert sorted(asked(both)) == sorted({*asked(both)})
    assert {name.split(".")[1] for name in asked(both)} == {"at", "il"}


def test_an_entry_can_be_tried_out_by_its_name_in_the_file_that_chooses_its_region() -> None:
    relax = '[relax.RULE-MIST-001]\nreason = "Historians."\ndry_run = true\nhazards = ["region.at.nazi-slogans"]\n'
    conditions = ruleset_of('regions = ["at"]', relax).rule(RULE).conditions

    assert [c.hazards for c in conditions if c.detector == DETECTOR and c.dry_run] == [("region.at.nazi-slogans",)]


def test_the_documentation_lists_exactly_the_regions() -> None:
    assert (ROOT / "docs/regions.md").read_text("utf-8") == listing()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"hazard": "blasphemy"}, "none of hate"),
        ({"source": " "}, "needs a title and a source"),
        ({"id": "Slurs!"}, "lower-case letters"),
        ({"wording": ()}, "looks for nothing"),
        ({"marks": ("plain",)}, "is no mark"),
    ],
)
def test_an_unusable_entry_is_refused(change: dict[str, object], words: str) -> None:
    sound = regions()["th"].entry[0]

    with pytest.raises(ValueError, match=re.escape(words)):
        dataclasses.replace(sound, **change)  # type: ignore[arg-type]
