from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from leeward.errors import WireError
from leeward.extraction_watch.simulation.pools import read_pools, roles_and_paths


def write(path: Path, rows: list[object]) -> Path:
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


ROWS: list[object] = [
    {"text": "who wins?", "kind": "prompt", "meta": {"pool": "human_prompt/a"}},
    {
        "text": json.dumps([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]),
        "kind": "conversation",
        "meta": {"pool": "human_chat/b"},
    },
    {"text": "2 + 2 = ?", "kind": "prompt", "meta": {"pool": "benchmark_sweep/c"}},
    {"kind": "session", "events": [{"t": 1, "text": "Tag this."}], "meta": {"strategy": "batch_app"}},
    {"text": "left out", "kind": "prompt", "meta": {"pool": "something else"}},
]


@pytest.mark.parametrize("name", ["pool.jsonl", "pool.jsonl.gz"])
def test_rows_and_sessions_are_sorted_by_role(tmp_path: Path, name: str) -> None:
    found = read_pools([write(tmp_path / name, ROWS)])

    assert found == {"human": ["who wins?", "hi"], "exam": ["2 + 2 = ?"], "document": ["Tag this."]}


def test_a_role_that_is_named_takes_every_row(tmp_path: Path) -> None:
    found = read_pools([write(tmp_path / "pool.jsonl", [{"text": "a"}, {"text": "b"}, {"text": "a"}])], "instruction")

    assert found == {"instruction": ["a", "b"]}


def test_a_large_pool_is_sampled_evenly(tmp_path: Path) -> None:
    rows: list[object] = [{"text": f"{n}"} for n in range(30_000)]
    found = read_pools([write(tmp_path / "pool.jsonl.gz", rows)], "human")["human"]

    assert len(found) == 20_000
    # A third is left out at random, so about two thirds of the last 6,000 are in.
    assert sum(int(text) >= 24_000 for text in found) == pytest.approx(4_000, abs=200)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([{"text": "a"}], "name the role"),
        ([[1]], "line 1: not a row"),
        ([{"text": "[{]", "kind": "conversation"}], "line 1: not a row"),
    ],
)
def test_what_is_no_pool_is_refused_with_a_reason(tmp_path: Path, rows: list[object], told: str) -> None:
    with pytest.raises(WireError, match=told):
        read_pools([write(tmp_path / "pool.jsonl", rows)])


def test_a_broken_gzip_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "pool.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n' * 1_000)[:-12])

    with pytest.raises(WireError, match="not a whole gzip file"):
        read_pools([path], "human")


def test_files_may_name_their_role() -> None:
    assert roles_and_paths(["a.jsonl", "human=b.jsonl", "odd=c.jsonl"]) == {
        None: [Path("a.jsonl"), Path("odd=c.jsonl")],
        "human": [Path("b.jsonl")],
    }
