"""`leeward extraction suspects|steps|lift`: what the gateway thinks of its callers, and how a person ends it."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import msgspec
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from leeward.cli.opening import opened
from leeward.errors import StorageError
from leeward.extraction_watch.detector import ExtractionWatch, Suspicion
from leeward.extraction_watch.shared import unpack
from leeward.extraction_watch.steps import KnownJobs, StepTaken
from leeward.extraction_watch.weigh import Step
from leeward.storage.suspicions import SqlSuspicions
from leeward.wiring.clock import SystemClock, Ulids

OK, NO = 0, 1
# A key with less has shown a sign once or twice.
_LEAST_WEIGHT = 0.3
_MOST = 10_000

_Config = Annotated[Path | None, Parameter(name=["--config", "-c"])]
_Json = Annotated[bool, Parameter(name="--json", negative=())]
_All = Annotated[bool, Parameter(name="--all", negative=())]


@dataclass(frozen=True, slots=True)
class Suspect:
    """A caller as the list shows it.

    Attributes:
        known_job: Why nothing follows, where the settings name it as a known job.
    """

    suspicion: Suspicion
    known_job: str = ""

    @property
    def document(self) -> dict[str, object]:
        """What `--json` prints."""
        one = self.suspicion
        return {
            "tenant": one.tenant,
            "key": one.key,
            "step": str(one.step),
            "hazard": one.hazard,
            "probability": round(one.probability, 3),
            "suspension_proposed": one.proposes_suspension,
            "evidence": list(one.evidence),
            "last_seen": one.trace.last_t,
            "known_job": self.known_job,
        }


def list_suspects(*, all: _All = False, config: _Config = None, json: _Json = False) -> int:
    """List the callers under suspicion, the likeliest first. The running gateways tell of themselves each second.

    Args:
        all: List everyone who showed any sign.
        config: Settings file; its `[store]` says where callers are kept.
        json: Print JSON.
    """
    with _store(config) as (store, jobs):
        found = suspects(store, jobs, SystemClock().now())
    shown = found if all else [s for s in found if s.suspicion.step is not Step.NONE]
    if json:
        _print_json([s.document for s in shown])
    elif shown:
        Console().print(_suspects_table(shown))
    else:
        Console(highlight=False).print("Nobody is under suspicion of model extraction.")
    return OK


def list_steps(
    key: str = "", *, tenant: str = "", most: int = 50, config: _Config = None, json: _Json = False
) -> int:
    """List what was done about callers, newest first: limits, alerts, proposals, hardening, lifts.

    Args:
        key: Only of this key.
        tenant: Only of this tenant.
        most: How many.
        config: Settings file; its `[store]` says where steps are kept.
        json: Print JSON.
    """
    with _store(config) as (store, _):
        steps = store.steps(most, tenant or None, key or None)
    if json:
        _print_json([msgspec.to_builtins(step) for step in steps])
    else:
        Console().print(_steps_table(steps))
    return OK


def lift(key: str = "", *, reason: str, tenant: str = "", by: str = "", config: _Config = None) -> int:
    """End the suspicion of a key, or of a tenant as a whole, at every running gateway within seconds.

    What was known of it is forgotten and watching begins anew; who lifted it and why is kept. A job that will look
    the same tomorrow belongs into `[[known_job]]` of the settings.

    Args:
        key: Id of the key, as `leeward extraction suspects` shows it; left out: the tenant as a whole.
        reason: Why.
        tenant: Whose key it is, where several tenants have one of this id.
        by: Who decides; by default the name of the account on this machine.
        config: Settings file; its `[store]` says where callers are kept.
    """
    actor = by or getpass.getuser()
    if not reason.strip() or not (key or tenant):
        return _say("Name a key or a --tenant, and a --reason that others will understand.", NO)
    with _store(config) as (store, jobs):
        callers = _callers(store, key, tenant)
        callers += [(t, "") for t, k in callers if k and _stands_alone(store, jobs, t, k)]
        store.lift(callers, actor=actor, reason=reason.strip())
        left = [s.suspicion for s in suspects(store, jobs, SystemClock().now()) if s.suspicion.step is not Step.NONE]
    for tenant_of, name in callers:
        _say(f"Lifted: {f'key {name}' if name else 'the whole'} of tenant {tenant_of}.", OK)
    for one in left:
        if not one.key and one.tenant in {t for t, _ in callers}:
            whole = f"leeward extraction lift --tenant {one.tenant} --reason …"
            _say(f"Tenant {one.tenant} as a whole still stands at {one.step}, for other keys of it: {whole}", OK)
    return OK


def suspects(store: SqlSuspicions, jobs: KnownJobs, now: float) -> list[Suspect]:
    """Return what is thought of callers now, the likeliest first.

    Raises:
        StorageError: If the store cannot be read.
    """
    watch, found = ExtractionWatch(), list[Suspect]()
    for state in store.heaviest(_MOST, _LEAST_WEIGHT):
        trace = unpack(state.content)
        if trace is None:
            continue
        trace.fade_to(now, watch.limits.half_life_seconds, watch.limits.volume_half_life_seconds)
        job = jobs.find(state.tenant, state.key, now)
        found.append(Suspect(watch.thought_of(state.tenant, state.key, trace), job.reason if job else ""))
    return sorted(found, key=lambda s: -s.suspicion.probability)


def _callers(store: SqlSuspicions, key: str, tenant: str) -> list[tuple[str, str]]:
    states = store.find(tenant or None, key)
    if not states:
        who = f"key {key!r}" if key else f"tenant {tenant!r}"
        raise StorageError(
            f"Nothing is known of {who}{f' of tenant {tenant!r}' if key and tenant else ''}.",
            meaning="Nothing was lifted.",
            remedy="`leeward extraction suspects --all` lists the callers who showed any sign.",
        )
    if len(states) > 1:
        tenants = ", ".join(state.tenant for state in states)
        raise StorageError(f"Several tenants have a key {key!r}: {tenants}.", remedy="Name one with --tenant.")
    return [(states[0].tenant, states[0].key)]


def _stands_alone(store: SqlSuspicions, jobs: KnownJobs, tenant: str, key: str) -> bool:
    """Whether a tenant is under suspicion for this key alone, so that lifting the key's must lift the tenant's."""
    shown = [s.suspicion for s in suspects(store, jobs, SystemClock().now()) if s.suspicion.tenant == tenant]
    others = [one for one in shown if one.key not in ("", key)]
    return any(not one.key for one in shown) and not others


@contextmanager
def _store(config: Path | None) -> Iterator[tuple[SqlSuspicions, KnownJobs]]:
    with opened(config) as (settings, engine):
        yield SqlSuspicions(engine, SystemClock(), Ulids()), settings.known_jobs()


def _suspects_table(shown: Sequence[Suspect]) -> Table:
    table = Table()
    table.add_column("tenant")
    table.add_column("key", no_wrap=True)
    for heading in ("step", "seen", "last"):
        table.add_column(heading)
    for suspect in shown:
        one = suspect.suspicion
        step = f"{one.step} {one.probability:.2f}" + (", suspension proposed" if one.proposes_suspension else "")
        table.add_row(
            one.tenant,
            one.key or "(whole tenant)",
            f"known job: {suspect.known_job}" if suspect.known_job else step,
            f"{one.hazard.removeprefix('extraction.')}: {', '.join(one.evidence[:3])}",
            _moment(one.trace.last_t),
        )
    return table


def _steps_table(steps: Sequence[StepTaken]) -> Table:
    table = Table()
    for heading in ("when", "tenant", "key", "what", "by", "why"):
        table.add_column(heading, no_wrap=heading == "key")
    for step in steps:
        why = step.reason or f"{step.hazard.removeprefix('extraction.')} {', '.join(step.evidence[:3])}".strip()
        who = step.actor.removeprefix("extraction-")
        table.add_row(_moment(step.at), step.tenant, step.key or "(whole tenant)", step.kind.value, who, why)
    return table


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%m-%d %H:%M:%S")


def _print_json(value: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    Console(highlight=False).print(text, markup=False, soft_wrap=True)


def _say(words: str, status: int) -> int:
    Console(stderr=bool(status), highlight=False).print(words, markup=False, soft_wrap=True)
    return status
