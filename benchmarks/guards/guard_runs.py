"""Asks a guard, or Leeward itself, about rows, and keeps each answer so that an interrupted run goes on."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from guard_rows import Row

from leeward.config.tree import InspectionTable, Rules
from leeward.domain.view import Stage
from leeward.errors import SettingsError
from leeward.models.judges.budget import Budget
from leeward.models.judges.client import JudgeClient
from leeward.models.judges.families import family_called
from leeward.models.judges.judge import GuardJudge
from leeward.models.judges.wording import DOES
from leeward.wiring.rules import Rulesets, inspection_settings

_HARMS = tuple(sorted(set(DOES) - {"distress"}))  # what guards call harm; a person at risk does none
_AT_ONCE = 64  # rows handed to threads before the next are read


@dataclass(frozen=True, slots=True)
class Scored:
    """One answer.

    Attributes:
        score: Probability in [0, 1]; None when the guard could not tell.
        is_graded: Whether it is the guard's own number; else it stands for a verdict in words.
    """

    score: float | None
    is_graded: bool
    milliseconds: float


class Contestant(Protocol):
    """What is measured."""

    @property
    def name(self) -> str: ...

    def score(self, row: Row) -> Scored: ...


class Guarded:
    """A guard model behind a URL.

    Args:
        spec: `family=url`, or `family@model=url` where the server knows the model by another name.
        hazards: Hazards whose highest score counts; empty takes harm in general.
    """

    def __init__(self, spec: str, *, hazards: Sequence[str], key_env: str, form: str, timeout_seconds: float) -> None:
        named, found, url = spec.partition("=")
        family, _, model = named.partition("@")
        if not found:
            raise SystemExit(f"--guard {spec}: write it as family=URL or family@model=URL")
        try:
            self._judge = GuardJudge(
                family_called(family, "completion" if form == "completion" else "chat"),
                JudgeClient(url, key=os.environ.get(key_env, "") if key_env else "", clock=time.monotonic),
                Budget(0, time.monotonic),
                clock=time.monotonic,
                model=model,
                timeout_seconds=timeout_seconds,
                max_chars=1_000_000,
            )
        except SettingsError as error:
            raise SystemExit(f"--guard {spec}: {error.diagnostics()}") from error
        if hazards and self._judge.hazards.isdisjoint(hazards):
            raise SystemExit(
                f"{family} tells of none of: {', '.join(hazards)}; it knows: {_listed(self._judge.hazards)}"
            )
        self._hazards = tuple(hazards)
        self.name = named.replace("/", "_")

    def score(self, row: Row) -> Scored:
        began = time.perf_counter()
        judgement = self._judge.judge(row.text, row.context, row.stage, self._hazards)
        elapsed = (time.perf_counter() - began) * 1_000
        if judgement is None:
            return Scored(None, False, elapsed)
        if not self._hazards:
            return Scored(judgement.unsafe, judgement.is_graded, elapsed)
        return Scored(_highest(judgement.hazards, self._hazards), judgement.is_graded, elapsed)


class Ours:
    """Leeward: every detector that scores hazards, as its moderation endpoint asks them."""

    name = "leeward"

    def __init__(self, hazards: Sequence[str]) -> None:
        threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1)
        settings = inspection_settings(InspectionTable(cache_entries=0))
        self._inspector = Rulesets(Rules(), settings, threads, os.urandom(32)).moderation
        self._hazards = tuple(hazards)
        self.score(Row("", "Good morning!", "en", Stage.PROMPT, "", None))  # what is loaded on first use is no latency

    def score(self, row: Row) -> Scored:
        began = time.perf_counter()
        looked = asyncio.run(self._inspector.hazards(row.text, row.stage, context=row.context))
        elapsed = (time.perf_counter() - began) * 1_000
        if looked.failed:
            return Scored(None, True, elapsed)
        return Scored(_highest(looked.scores, self._hazards or _HARMS), True, elapsed)


def _highest(scores: Mapping[str, float], hazards: Sequence[str]) -> float:
    return max((scores[hazard] for hazard in hazards if hazard in scores), default=0.0)


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def run(
    contestant: Contestant, rows: Sequence[Row], folder: Path, *, parallel: int, step: Callable[[], None]
) -> dict[str, Scored]:
    """Return the answer to each row, asking only about those without one in `folder`.

    Answers that told nothing are asked for again.

    Args:
        step: Called after each row.
    """
    path = folder / f"{contestant.name}.jsonl"
    done = _kept(path)
    is_cut_off = path.exists() and not path.read_text("utf-8").endswith("\n")
    with path.open("a", encoding="utf-8") as out, ThreadPoolExecutor(max_workers=parallel) as threads:
        out.write("\n" if is_cut_off else "")
        waiting = [row for row in rows if row.id not in done or done[row.id].score is None]
        for _ in range(len(rows) - len(waiting)):
            step()
        for begin in range(0, len(waiting), _AT_ONCE):
            batch = waiting[begin : begin + _AT_ONCE]
            for row, scored in zip(batch, threads.map(contestant.score, batch), strict=True):
                done[row.id] = scored
                kept = {"id": row.id, "score": scored.score, "graded": scored.is_graded, "ms": scored.milliseconds}
                out.write(json.dumps(kept) + "\n")
                out.flush()
                step()
    return {row.id: done[row.id] for row in rows}


def _kept(path: Path) -> dict[str, Scored]:
    done: dict[str, Scored] = {}
    if path.exists():
        for line in path.read_text("utf-8").splitlines():
            try:
                raw = json.loads(line)
                done[raw["id"]] = Scored(raw["score"], raw["graded"], raw["ms"])
            except (ValueError, KeyError):
                continue  # the last line of a run that was cut off
    return done
