from __future__ import annotations

import json
from pathlib import Path

import pytest

from leeward.cli.extraction import replay_events, run_replay
from leeward.errors import WireError


def write(path: Path, events: list[object]) -> Path:
    path.write_text("".join(json.dumps(e) + "\n" for e in events), encoding="utf-8")
    return path


def event(t: float, text: str, **params: object) -> dict[str, object]:
    return {"t": t, "tenant": "acme", "key": "k1", "text": text, "params": params}


def attack(count: int = 60) -> list[object]:
    probe = {"logit_bias": {"12": 100}, "logprobs": True, "top_logprobs": 5, "max_tokens": 1, "temperature": 0}
    return [event(float(n), "Say it.", **probe) for n in range(count)]


def test_an_alert_is_written_for_each_step(tmp_path: Path) -> None:
    output = tmp_path / "alerts.jsonl"
    status = replay_events(write(tmp_path / "events.jsonl", attack()), output=output)
    alerts = [json.loads(line) for line in output.read_text().splitlines()]
    own = [a for a in alerts if a["keys"] == ["k1"]]

    assert status == 0
    assert [a["step"] for a in own][:3] == ["soft", "hard", "alert"]
    assert set(own[0]) == {"t", "tenant", "keys", "step", "evidence"}
    assert "hazard=extraction.logprobs" in own[0]["evidence"]
    assert alerts == sorted(alerts, key=lambda a: a["t"])


def test_ordinary_traffic_gives_an_empty_file(tmp_path: Path) -> None:
    events: list[object] = [event(n * 60.0, f"What about {n}?", temperature=0.7) for n in range(20)]
    output = tmp_path / "alerts.jsonl"

    assert run_replay(write(tmp_path / "events.jsonl", events), output) == (20, 0)
    assert output.read_bytes() == b""


def test_unknown_parameters_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    source = write(tmp_path / "events.jsonl", [event(0.0, "hi", seed=3, user="x", stop=["a"]), {"t": 1}])
    source.write_text(source.read_text() + "\n")

    assert run_replay(source, tmp_path / "alerts.jsonl") == (2, 0)


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ([{"text": "no time"}], "line 1: not an event"),
        ([event(5.0, "a"), event(4.0, "b")], "line 2: lies before"),
        ([[1]], "line 1: not an event"),
    ],
)
def test_a_line_that_is_no_event_is_named_and_nothing_is_written(
    tmp_path: Path, events: list[object], told: str
) -> None:
    output = tmp_path / "alerts.jsonl"
    output.write_text("kept")

    with pytest.raises(WireError, match=told):
        run_replay(write(tmp_path / "events.jsonl", events), output)
    assert output.read_text() == "kept"
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".part"] == []


def test_bad_input_and_a_missing_file_give_different_statuses(tmp_path: Path) -> None:
    bad = write(tmp_path / "events.jsonl", [{"text": "no time"}])

    assert replay_events(bad, output=tmp_path / "out.jsonl") == 1
    assert replay_events(tmp_path / "none.jsonl", output=tmp_path / "out.jsonl") == 2
