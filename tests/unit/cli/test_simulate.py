from __future__ import annotations

import json
from pathlib import Path

import pytest

from leeward.cli.extraction import run_replay
from leeward.cli.simulate import extraction, honest


def test_simulated_extraction_can_be_replayed_and_is_seen(tmp_path: Path) -> None:
    events, alerts = tmp_path / "events.jsonl", tmp_path / "alerts.jsonl"

    assert extraction(output=events, strategy=("empty-prefix", "logit-bias"), queries=200) == 0
    count, _ = run_replay(events, alerts)
    told = [json.loads(line) for line in alerts.read_text().splitlines()]
    assert count == 400
    assert {a["tenant"] for a in told} == {"extractor-empty-prefix", "extractor-logit-bias"}


def test_simulated_honest_traffic_is_left_alone(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"

    assert honest(output=events, keys=8, most=3_000, seed=4) == 0
    assert run_replay(events, tmp_path / "alerts.jsonl")[1] == 0
    assert set(json.loads(events.read_text().splitlines()[0])) == {"t", "tenant", "key", "text", "params"}


def test_real_texts_come_from_a_pool(tmp_path: Path) -> None:
    pool = tmp_path / "pool.jsonl"
    pool.write_text("".join(json.dumps({"text": f"real task {n}"}) + "\n" for n in range(30)))
    events = tmp_path / "events.jsonl"

    assert extraction(output=events, strategy=("distillation",), queries=30, pool=(f"instruction={pool}",)) == 0
    assert all(json.loads(line)["text"].startswith("real task") for line in events.read_text().splitlines())


@pytest.mark.parametrize("wrong", [{"queries": 0}, {"keys": 0}, {"share": 0.0}, {"share": 1.5}])
def test_senseless_numbers_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    assert extraction(output=tmp_path / "events.jsonl", **wrong) == 2  # type: ignore[arg-type]
    assert not (tmp_path / "events.jsonl").exists()


@pytest.mark.parametrize("wrong", [{"keys": 0}, {"days": 0.0}, {"tenants": -1}, {"most": -1}])
def test_senseless_deployments_are_refused(tmp_path: Path, wrong: dict[str, int]) -> None:
    assert honest(output=tmp_path / "events.jsonl", **wrong) == 2  # type: ignore[arg-type]


def test_a_bad_pool_changes_nothing(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text("kept")
    bad = tmp_path / "pool.jsonl"
    bad.write_text("no json\n")

    assert extraction(output=events, pool=(str(bad),)) == 1
    assert extraction(output=events, pool=(str(tmp_path / "none.jsonl"),)) == 2
    assert events.read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []
