from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inner_house import inner_house
from leeward.config.tree import EvidenceTable, Rules, Server, UpstreamTable
from leeward.errors import SettingsError, StorageError
from leeward.gateway.upstream.keys import KeyFromEnvironment, KeyFromFile, NoKey, PassThrough
from leeward.wiring.clock import SystemClock
from leeward.wiring.house import EvidenceTime, HelpLinesOfToday, upstream_of

FREE = Rules(use="unsafe-allow-all")


def table(**how: Any) -> UpstreamTable:
    return UpstreamTable(name="a", url="http://127.0.0.1:9/v1", **how)


def test_evidence_is_kept_as_long_as_the_settings_say_and_not_at_all_where_they_say_so() -> None:
    assert EvidenceTime(EvidenceTable(retention_days=2)).until("R", 100.0) == 100.0 + 2 * 86_400
    assert EvidenceTime(EvidenceTable(keep=False)).until("R", 100.0) == 100.0


def test_help_lines_are_those_of_today() -> None:
    class Fixed(SystemClock):
        def now(self) -> float:
            return datetime(2026, 2, 3, 23, 59, tzinfo=UTC).timestamp()

    told = HelpLinesOfToday("fr", "verified", Fixed()).today()

    assert (told.country, told.today.isoformat()) == ("fr", "2026-02-03")


@pytest.mark.parametrize(
    ("how", "kind"),
    [
        ({}, NoKey),
        ({"pass_through": True}, PassThrough),
        ({"api_key_env": "A"}, KeyFromEnvironment),
        ({"api_key_file": "a", "api_key_env": "A", "pass_through": True}, KeyFromFile),
    ],
)
def test_a_model_server_is_asked_with_the_key_that_the_settings_name(how: dict[str, Any], kind: type) -> None:
    assert isinstance(upstream_of(table(**how)).key, kind)


def test_a_model_server_has_the_deadlines_that_the_settings_name() -> None:
    limits = upstream_of(table(connect_seconds=1.0, first_byte_seconds=2.0, idle_seconds=3.0, max_connections=4)).limits

    assert (limits.connect_seconds, limits.first_byte_seconds, limits.chunk_seconds, limits.max_connections) == (
        1.0, 2.0, 3.0, 4,
    )  # fmt: skip


@pytest.mark.parametrize(("host", "status"), [("127.0.0.1", 200), ("::1", 200), ("localhost", 200), ("0.0.0.0", 401)])
async def test_a_gateway_that_others_can_reach_is_never_open_by_accident(
    tmp_path: Path, host: str, status: int
) -> None:
    async with inner_house(tmp_path, rules=FREE, server=Server(host=host)) as running:
        assert (await running.chat("Hi")).status == status


async def test_pseudonyms_stay_the_same_from_start_to_start_and_differ_from_house_to_house(tmp_path: Path) -> None:
    told = []
    for folder in ("a", "a", "b"):
        (tmp_path / folder).mkdir(exist_ok=True)
        async with inner_house(tmp_path / folder, rules=FREE) as running:
            told.append(running.record(await running.chat("Hi", user="anna")).opened.end_user)

    assert told[0] == told[1] != told[2]


@pytest.mark.parametrize(
    ("tables", "error"),
    [
        ({"rules": Rules(directory="no/such/folder")}, SettingsError),
        ({"evidence": EvidenceTable(key_file="/proc/no/such/key")}, StorageError),
    ],
)
async def test_what_keeps_a_house_from_being_built_is_told(
    tmp_path: Path, tables: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        async with inner_house(tmp_path, **tables):
            raise AssertionError("it was opened")


async def test_a_house_that_is_closed_has_written_every_record(tmp_path: Path) -> None:
    async with inner_house(tmp_path, rules=FREE) as running:
        ids = [(await running.chat("Hi")).headers["x-leeward-decision-id"] for _ in range(20)]
        await running.house.close()
        lines = running.house.store.latest(50)

    assert {line.opened.id for line in lines} == {*ids}
    assert all(line.closed is not None for line in lines)
