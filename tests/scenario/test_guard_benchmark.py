"""The benchmark of guards, run as a person runs it, against scripted servers."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from judge_answers import chat
from scripted_upstream import ScriptedUpstream, Seen, Wire, whole

FOLDER = Path(__file__).parents[2] / "benchmarks/guards"
ROWS = [
    {"id": "1", "text": "a bad text", "lang": "en", "labels": {"R001": 1}},
    {"id": "2", "text": "another bad text", "lang": "fr", "labels": {"R001": 1}},
    {"id": "3", "text": "a good text", "lang": "en", "labels": {"R001": 0}},
    {"id": "4", "text": "another good text", "lang": "fr", "labels": {"R001": 0}},
    {"id": "5", "text": "nobody knows", "lang": "en", "labels": {}},
]


async def a_guard(wire: Wire, seen: Seen) -> None:
    """Tells bad texts from good ones."""
    is_bad = b"bad text" in seen.body
    chances = {"unsafe": 0.9, "safe": 0.1} if is_bad else {"unsafe": 0.2, "safe": 0.8}
    wire.send(whole(200, chat("unsafe\nS10" if is_bad else "safe", [("unsafe" if is_bad else "safe", chances)])))


async def measure(folder: Path, *arguments: str) -> tuple[int, str, str]:
    data = folder / "rows.jsonl"
    if not data.exists():
        data.write_text("\n".join(map(json.dumps, ROWS)) + "\n")
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(FOLDER / "run.py"), "--data", str(data), "--output", str(folder / "out"), *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    assert process.returncode is not None
    return process.returncode, out.decode(), err.decode()


async def test_a_guard_is_asked_once_for_each_labelled_row_and_measured(tmp_path: Path) -> None:
    async with ScriptedUpstream(a_guard) as server:
        code, out, err = await measure(tmp_path, "--guard", f"llama-guard-3@mine={server.url}/v1")
        again, _, _ = await measure(tmp_path, "--guard", f"llama-guard-3@mine={server.url}/v1")
    told = json.loads((tmp_path / "out/report.json").read_text())["llama-guard-3@mine"]

    assert (code, again, err) == (0, 0, "")
    assert "llama-guard-3@mine" in out
    assert (told["harmful"], told["harmless"], told["unanswered"], told["auc"]["value"]) == (2, 2, 0, 1.0)
    assert (told["f1"]["value"], told["recall_at_0.01"]["value"]) == (1.0, 1.0)
    assert told["recall_at_0.01"]["low"] < 0.5
    assert set(told["languages"]) == {"en", "fr"}
    assert told["p50_ms"] > 0
    assert len(server.seen) == 4
    assert {json.loads(seen.body)["model"] for seen in server.seen} == {"mine"}


async def test_an_interrupted_run_goes_on_and_asks_again_for_what_was_not_answered(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    kept = [
        {"id": "1", "score": 0.7, "graded": True, "ms": 3.0},
        {"id": "2", "score": None, "graded": False, "ms": 9.0},
    ]
    (tmp_path / "out/llama-guard-3.jsonl").write_text("\n".join(map(json.dumps, kept)) + '\n{"id": "3", "sco')
    async with ScriptedUpstream(a_guard) as server:
        for _ in range(2):
            await measure(tmp_path, "--guard", f"llama-guard-3={server.url}")

    assert len(server.seen) == 3
    assert b"a bad text" not in server.seen[0].body


async def test_a_guard_that_does_not_answer_leaves_its_rows_out_and_says_so(tmp_path: Path) -> None:
    async def refuse(wire: Wire, seen: Seen) -> None:
        wire.send(whole(200, chat("I would rather not say.")))

    async with ScriptedUpstream(refuse) as server:
        code, _, _ = await measure(tmp_path, "--guard", f"llama-guard-3={server.url}")
    told = json.loads((tmp_path / "out/report.json").read_text())["llama-guard-3"]

    assert (code, told["unanswered"], told["harmful"]) == (0, 4, 0)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "nothing to measure"),
        (("--guard", "llama-guard-3"), "family=URL"),
        (("--guard", "lamaguard=http://127.0.0.1:9"), "did you mean"),
        (("--guard", "shieldgemma=http://127.0.0.1:9", "--hazards", "malware"), "tells of none of: malware"),
        (("--ours", "--label", "R009"), "no row says whether its text is harmful under the label R009"),
    ],
)
async def test_what_cannot_be_measured_is_said(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    code, _, err = await measure(tmp_path, *arguments)

    assert code != 0
    assert said in err
    assert "Traceback" not in err


async def test_answers_for_other_data_are_not_mixed_in(tmp_path: Path) -> None:
    async with ScriptedUpstream(a_guard) as server:
        await measure(tmp_path, "--guard", f"llama-guard-3={server.url}")
        (tmp_path / "rows.jsonl").write_text(json.dumps(ROWS[0]) + "\n")
        code, _, err = await measure(tmp_path, "--guard", f"llama-guard-3={server.url}")

    assert code != 0
    assert "name another --output" in err


@pytest.fixture(scope="module")
def measures() -> ModuleType:
    spec = importlib.util.spec_from_file_location("guard_measures", FOLDER / "guard_measures.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["guard_measures"] = module
    spec.loader.exec_module(module)
    return module


def test_auc_counts_pairs_and_ties_half(measures: ModuleType) -> None:
    told = measures.auc(np.array([0.9, 0.5]), np.array([0.5, 0.1]))

    assert told.value == (1 + 1 + 0.5 + 1) / 4
    assert told.low <= told.value <= told.high


def test_recall_at_a_rate_takes_the_threshold_that_so_many_harmless_ones_exceed(measures: ModuleType) -> None:
    harmless = np.arange(100) / 100
    harmful = np.array([0.985, 0.975, 0.955, 0.5])

    assert [measures.recall_at(rate, harmful, harmless).value for rate in (0.01, 0.02, 0.05)] == [0.25, 0.5, 0.75]


def test_verdicts_in_words_alone_reach_no_recall_below_their_own_false_alarms(measures: ModuleType) -> None:
    assert measures.recall_at(0.01, np.array([0.9, 0.9]), np.array([0.9] + [0.1] * 9)).value == 0.0


def test_a_share_has_its_wilson_interval(measures: ModuleType) -> None:
    told = measures.wilson(8, 10)

    assert (round(told.low, 3), round(told.high, 3)) == (0.490, 0.943)
    assert str(measures.wilson(0, 0)) == "–"
