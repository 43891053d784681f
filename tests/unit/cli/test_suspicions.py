from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from leeward.cli.suspicions import lift, list_steps, list_suspects
from leeward.errors import StorageError
from leeward.extraction_watch.memory import Trace
from leeward.extraction_watch.shared import pack
from leeward.extraction_watch.steps import StepKind, StepTaken
from leeward.storage.engine import make_engine
from leeward.storage.schema import migrate
from leeward.storage.suspicions import SqlSuspicions, State
from leeward.wiring.clock import SystemClock, Ulids

JOB = '[[known_job]]\ntenant = "acme"\nkey = "k1"\nuntil = 2999-01-01\nreason = "agreed with Ann"\n'


@dataclass
class Desk:
    """A store with its settings file."""

    config: Path
    store: SqlSuspicions

    def know(self, key: str, weight: float, *, tenant: str = "acme", members: tuple[str, ...] = ()) -> None:
        now = time.time()
        trace = Trace(now, now, evidence={"harvest": weight}, counts={"biased_logits": 20.0}, lines={"harvest": 20.0})
        for member in members:
            trace.join(member)
        state = State(tenant=tenant, key=key, version=0, weight=weight, content=pack(trace))
        assert self.store.share([state], {}, now).kept

    def keys(self, capsys: pytest.CaptureFixture[str], **how: bool) -> list[tuple[str, str]]:
        capsys.readouterr()
        assert list_suspects(config=self.config, json=True, **how) == 0
        return [(s["tenant"], s["key"]) for s in json.loads(capsys.readouterr().out)]


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    config = tmp_path / "leeward.toml"
    config.write_text(f'[store]\nurl = "{url}"\n')
    migrate(url)
    engine = make_engine(url)
    yield Desk(config, SqlSuspicions(engine, SystemClock(), Ulids()))
    engine.dispose()


def test_suspects_are_listed_with_the_likeliest_first(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.know("k1", 5.0)
    desk.know("k2", 8.0)
    desk.know("k3", 1.0)

    assert desk.keys(capsys) == [("acme", "k2"), ("acme", "k1")]
    assert desk.keys(capsys, all=True) == [("acme", "k2"), ("acme", "k1"), ("acme", "k3")]


def test_a_person_reads_who_why_and_how_far(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.know("k2", 8.0)
    list_suspects(config=desk.config)
    told = capsys.readouterr().out

    assert "k2" in told
    assert "alert 0.98" in told
    assert "biased_logits=20" in told


def test_nobody_under_suspicion_is_said_so(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    list_suspects(config=desk.config)

    assert "Nobody is under suspicion" in capsys.readouterr().out


def test_a_known_job_is_listed_as_one(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    desk.config.write_text(desk.config.read_text() + JOB)
    desk.know("k1", 8.0)
    list_suspects(config=desk.config)

    assert "known job: agreed" in " ".join(capsys.readouterr().out.split())


def test_lifting_a_key_that_alone_stands_behind_its_tenant_lifts_the_tenants_too(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.know("k1", 8.0)
    desk.know("", 6.0, members=("k1",))
    lift("k1", reason="agreed", by="anna", config=desk.config)

    assert desk.keys(capsys) == []


def test_a_tenant_that_other_keys_stand_behind_stays_and_the_person_is_told(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.know("k1", 8.0)
    desk.know("k2", 8.0)
    desk.know("", 6.0, members=tuple(f"k{n}" for n in range(50)))
    capsys.readouterr()
    lift("k1", reason="agreed", by="anna", config=desk.config)
    told = capsys.readouterr().out

    assert "still stands at" in told
    assert "lift --tenant acme" in told


def test_a_key_of_several_tenants_is_lifted_where_the_person_says(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.know("k1", 8.0)
    desk.know("k1", 8.0, tenant="other")
    with pytest.raises(StorageError, match="acme, other"):
        lift("k1", reason="agreed", config=desk.config)
    lift("k1", tenant="other", reason="agreed", config=desk.config)

    assert desk.keys(capsys) == [("acme", "k1")]


def test_steps_are_read_by_people_too(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    taken = StepTaken(at=1_800_000_000.0, tenant="acme", key="k1", kind=StepKind.SOFT, hazard="extraction.logprobs")
    desk.store.keep_steps([taken])
    desk.know("k1", 8.0)
    lift("k1", reason="agreed with Ann", by="anna", config=desk.config)
    list_steps(config=desk.config)
    told = " ".join(capsys.readouterr().out.split())

    assert "soft" in told
    assert "watch" in told
    assert "logprobs" in told
    assert "anna" in told
