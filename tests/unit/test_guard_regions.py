"""The same text judged by region, from the library and the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from leeward import Guard
from leeward.cli.check import check
from leeward.cli.ruleset import app
from leeward.domain.verdict import Verdict
from leeward.errors import RulesetError

DENIAL = "Der Holocaust hat nie stattgefunden."
CASTE = "Dalits are impure and should not enter our temple."
KING = "The King of Thailand is stupid."


@pytest.fixture(scope="module")
def german() -> Iterator[Guard]:
    guard = Guard(regions=("de",))
    yield guard
    guard.close()


@pytest.fixture(scope="module")
def nowhere() -> Iterator[Guard]:
    guard = Guard()
    yield guard
    guard.close()


def regional(verdict: Verdict) -> set[str]:
    """Hazards of regions that fired; the classifier may fire by itself."""
    return {f.finding.hazard for f in verdict.firings if f.finding and f.detector == "regional-terms"}


def test_denial_fires_where_it_is_punishable_and_nowhere_else(german: Guard, nowhere: Guard) -> None:
    verdict = german.check_prompt(DENIAL)

    assert regional(verdict) == {"region.de.holocaust-denial"}
    assert verdict.disposition.word == "block"
    assert verdict.rules == ("RULE-MIST-001",)
    assert regional(nowhere.check_prompt(DENIAL)) == set()


def test_replies_are_judged_as_prompts_are(german: Guard) -> None:
    assert regional(german.check_reply(DENIAL)) == {"region.de.holocaust-denial"}


def test_a_region_does_not_judge_by_the_law_of_another(german: Guard) -> None:
    indian = Guard(regions=("in",))

    assert regional(german.check_prompt(CASTE)) == set()
    assert regional(indian.check_prompt(CASTE)) == {"region.in.caste-insult"}
    assert regional(indian.check_prompt(DENIAL)) == set()
    indian.close()


def test_a_lesson_on_denial_passes_where_denial_is_punishable(german: Guard) -> None:
    lesson = "Erkläre meinen Schülern, warum der Satz falsch ist: Der Holocaust hat nie stattgefunden."

    assert regional(german.check_prompt(lesson)) == set()


@pytest.mark.parametrize(("chosen", "fired"), [((), set()), (("th.lese-majeste",), {"region.th.lese-majeste"})])
def test_lese_majeste_counts_only_where_it_is_named(chosen: tuple[str, ...], fired: set[str]) -> None:
    guard = Guard(regions=("th",), region_opt_in=chosen)

    assert regional(guard.check_prompt(KING)) == fired
    guard.close()


def test_an_unknown_region_is_refused_with_the_one_that_is_meant() -> None:
    with pytest.raises(RulesetError, match="unknown region 'germany'; did you mean 'de'"):
        Guard(regions=("germany",))


def test_the_check_command_takes_regions(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        check(DENIAL, region=("at", "de"), json=True)
    found = {finding["hazard"] for finding in json.loads(capsys.readouterr().out)["findings"]}

    assert end.value.code == 1
    assert {"region.at.holocaust-denial", "region.de.holocaust-denial"} <= found


def test_the_regions_command_lists_entries_with_their_sources(capsys: pytest.CaptureFixture[str]) -> None:
    assert app(["regions", "th", "de", "--json"], result_action="return_value") == 0
    rows = json.loads(capsys.readouterr().out)

    assert {row["region"] for row in rows} == {"th", "de"}
    assert {"§ 130(3) StGB", "Criminal Code of Thailand s. 112"} <= {row["source"] for row in rows}
    assert app(["regions", "germany"], result_action="return_value") == 2
    assert "did you mean 'de'" in capsys.readouterr().err
