"""A changed ruleset file acts on the next exchange; a bad one changes nothing."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from inner_house import InnerHouse, inner_house
from leeward.config.tree import Rules
from leeward.domain.ports import RecordLine
from leeward.wiring.rules import POLL_SECONDS
from patience import until

SECRET = "zzheron"
TOP = 'name = "acme"\nversion = "1.0.0"\nextends = "mistral-v1"\n\n[[attach]]\ntenants = ["default"]\n'
RULE = f"""
[[rule]]
id = "ACME-001"
name = "Project names"
trigger = "A project is named."
stages = ["prompt"]
disposition = "block"
duties = ["log"]
on_failure = "block"
[rule.patterns]
literals = ["{SECRET}"]
"""
BAD = '[relax.RULE-MIST-005]\nreason = "no"\ndry_run = true\n'


@pytest.fixture(autouse=True)
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at more often than users need, so that the tests need not wait."""
    monkeypatch.setattr("leeward.wiring.rules.POLL_SECONDS", 0.02)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rules = tmp_path / "rules"
    rules.mkdir()
    return rules


async def judged_by(running: InnerHouse, name: str) -> None:
    """Wait until exchanges of the default tenant are judged by this ruleset."""
    await until(lambda: running.house.rulesets.inspector_for("default", "m", "chat.completions").ruleset.name == name)


async def digest_becomes_other_than(running: InnerHouse, digest: str) -> None:
    await until(
        lambda: running.house.rulesets.inspector_for("default", "m", "chat.completions").ruleset.digest != digest
    )


def digests(records: list[RecordLine]) -> list[str]:
    return [line.opened.ruleset for line in records]


def test_files_are_looked_at_often_enough_to_act_within_two_seconds() -> None:
    assert POLL_SECONDS <= 1.0


async def test_a_ruleset_acts_as_soon_as_its_file_is_there_and_until_it_is_gone(tmp_path: Path, folder: Path) -> None:
    async with inner_house(tmp_path, rules=Rules(directory=str(folder))) as running:
        before = await running.chat(f"Tell me of {SECRET}.")
        (folder / "acme.toml").write_text(TOP + RULE)
        await judged_by(running, "acme")
        during = await running.chat(f"Tell me of {SECRET}.")
        (folder / "acme.toml").unlink()
        await judged_by(running, "mistral-v1")
        after = await running.chat(f"Tell me of {SECRET}.")

    answers = [before, during, after]
    assert [a.headers["x-leeward-disposition"] for a in answers] == ["pass", "block", "pass"]
    assert [a.headers["x-leeward-ruleset"].partition("@")[0] for a in answers] == ["mistral-v1", "acme", "mistral-v1"]
    assert len(running.model.asked) == 2


async def test_each_record_names_the_rules_that_judged_it(tmp_path: Path, folder: Path) -> None:
    file = folder / "acme.toml"
    file.write_text(TOP + RULE)
    async with inner_house(tmp_path, rules=Rules(directory=str(folder))) as running:
        first = running.record(await running.chat("Hello."))
        file.write_text(TOP + RULE.replace('"block"', '"hard_block"'))
        await digest_becomes_other_than(running, first.opened.ruleset)
        second = running.record(await running.chat("Hello."))
        file.write_text(TOP + "# A comment changes no rule.\n" + RULE)
        await digest_becomes_other_than(running, second.opened.ruleset)
        third = running.record(await running.chat("Hello."))

    told = digests([first, second, third])
    assert told[0] == told[2] != told[1]
    assert all(digest.startswith("sha256:") and len(digest) == 71 for digest in told)
    assert {line.opened.ruleset_name for line in (first, second, third)} == {"acme"}


@pytest.mark.parametrize("bad", [BAD, "not TOML at all [", RULE.replace('"block"', '"obliterate"')])
async def test_a_bad_file_changes_nothing_and_the_log_says_why(
    tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture, bad: str
) -> None:
    file = folder / "acme.toml"
    file.write_text(TOP + RULE)
    async with inner_house(tmp_path, rules=Rules(directory=str(folder))) as running:
        before = await running.chat(f"Tell me of {SECRET}.")
        with caplog.at_level(logging.ERROR, "leeward.rules"):
            file.write_text(TOP + bad)
            await until(lambda: "ruleset_refused" in caplog.messages)
        after = await running.chat(f"Tell me once more of {SECRET}.")

    (logged,) = [record for record in caplog.records if record.name == "leeward.rules"]
    assert logged.getMessage() == "ruleset_refused"
    assert "acme.toml" in str(logged.__dict__["problems"])
    assert before.headers["x-leeward-ruleset"] == after.headers["x-leeward-ruleset"]
    assert after.headers["x-leeward-disposition"] == "block"


async def test_a_bad_file_that_is_mended_acts(tmp_path: Path, folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    file = folder / "acme.toml"
    async with inner_house(tmp_path, rules=Rules(directory=str(folder))) as running:
        with caplog.at_level(logging.ERROR, "leeward.rules"):
            file.write_text(TOP + BAD)
            await until(lambda: "ruleset_refused" in caplog.messages)
        file.write_text(TOP + RULE)
        await judged_by(running, "acme")
        answer = await running.chat(f"Tell me of {SECRET}.")

    assert answer.headers["x-leeward-disposition"] == "block"


async def test_the_file_that_the_settings_name_is_watched_too(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    plain = 'name = "mine"\nversion = "1.0.0"\nextends = "mistral-v1"\n'
    file.write_text(plain)
    async with inner_house(tmp_path, rules=Rules(use=str(file))) as running:
        before = await running.chat(f"Tell me of {SECRET}.")
        digest = running.record(before).opened.ruleset
        file.write_text(plain + RULE)
        await digest_becomes_other_than(running, digest)
        after = await running.chat(f"Tell me of {SECRET}.")

    assert [a.headers["x-leeward-disposition"] for a in (before, after)] == ["pass", "block"]


async def test_what_was_judged_under_old_rules_is_judged_again_under_new_ones(tmp_path: Path, folder: Path) -> None:
    """Messages that were seen before are remembered, but for one ruleset only."""
    async with inner_house(tmp_path, rules=Rules(directory=str(folder))) as running:
        for _ in range(2):
            await running.chat(f"Tell me of {SECRET}.")
        (folder / "acme.toml").write_text(TOP + RULE)
        await judged_by(running, "acme")
        answer = await running.chat(f"Tell me of {SECRET}.")

    assert answer.headers["x-leeward-disposition"] == "block"
