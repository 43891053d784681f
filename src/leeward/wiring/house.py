"""Builds the gateway from its settings."""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from leeward.answers import HelpLines, Resources
from leeward.config.tree import EvidenceTable, Settings, UpstreamTable
from leeward.gateway.asgi import App
from leeward.gateway.doorkeeper import Doorkeeper
from leeward.gateway.equipment import Client, Equipment
from leeward.gateway.front import Gateway
from leeward.gateway.telemetry import Metrics
from leeward.gateway.upstream.keys import Key, KeyFromEnvironment, KeyFromFile, NoKey, PassThrough
from leeward.gateway.upstream.limits import Limits
from leeward.gateway.upstream.router import Router, Upstream
from leeward.licences.registry import builtin_registry
from leeward.storage import Keyring, SqlDerivatives, SqlStore, StoreOptions
from leeward.storage.suspicions import SqlSuspicions
from leeward.wiring.clock import Chance, SystemClock, Ulids
from leeward.wiring.deadlines import Deadlines
from leeward.wiring.demo import DemoKeys, demo_upstream, is_scripted, picture_known
from leeward.wiring.judges import judge_of
from leeward.wiring.licences import days_left, terms_of, watch_ends
from leeward.wiring.pages import LOOPBACK, pages_of
from leeward.wiring.rules import Rulesets, inspection_settings
from leeward.wiring.sharing import TrafficSharing

COUNTS_FOLDER = "LEEWARD_COUNTS_FOLDER"  # set for workers by the process that starts them


class HelpLinesOfToday:
    """Help lines that may be shown today.

    Args:
        country: Two-letter code.
        help_lines: Which lines may be shown.
    """

    def __init__(self, country: str, help_lines: HelpLines, clock: SystemClock) -> None:
        self._country = country
        self._help_lines = help_lines
        self._clock = clock

    def today(self) -> Resources:
        """Return them."""
        day = datetime.fromtimestamp(self._clock.now(), UTC).date()
        return Resources(self._country, self._help_lines, day)


class EvidenceTime:
    """Says how long evidence is kept."""

    def __init__(self, table: EvidenceTable) -> None:
        self._seconds = table.retention_days * 86_400 if table.keep else 0.0

    def until(self, rule: str, at: float) -> float:  # noqa: ARG002 - one time for all rules so far
        """Return when evidence kept from `at` on ends."""
        return at + self._seconds


class House:
    """The parts of a gateway, opened and closed together.

    Args:
        settings: What the operator wants.
        clients: Clients of model servers that are not reached over HTTP, by the upstream's name.
    """

    def __init__(self, settings: Settings, *, clients: Mapping[str, Client] | None = None) -> None:
        self.settings = settings
        self._clock = SystemClock()
        self._threads = ThreadPoolExecutor(max_workers=os.cpu_count() or 1, thread_name_prefix="leeward-detector")
        self._tasks: list[asyncio.Task[None]] = []
        self.sharing: TrafficSharing | None = None
        self._clients: dict[str, Client] = dict(clients or {})
        self.terms = terms_of(settings)
        with picture_known() if settings.demo else nullcontext():
            self.rulesets = Rulesets(
                settings.rules,
                inspection_settings(settings.inspection),
                self._threads,
                os.urandom(32),
                judge_of(settings.judge, os.environ),
                self.terms,
                settings.known_jobs(),
            )
        keyring = Keyring.load(Path(settings.evidence.key_file), os.environ.get("LEEWARD_EVIDENCE_KEY", ""))
        self._chance = Chance()
        self.ids = Ulids(self._chance)
        self.store = SqlStore(
            settings.store.url, clock=self._clock, worker=self.ids.new(), keyring=keyring, options=StoreOptions()
        )
        self.derivatives = SqlDerivatives(self.store.engine, self._clock, self.ids)
        self.deadlines = Deadlines(self.derivatives, builtin_registry(), self.rulesets.heed)
        tables = settings.upstream
        if settings.demo:
            tables = (demo_upstream(settings.server, is_alone=not tables), *tables)
        shared = os.environ.get(COUNTS_FOLDER, "")
        self.metrics = Metrics(Path(shared) if shared else None, days_left=partial(days_left, self.terms, self._clock))
        self.upstreams = tuple(upstream_of(table) for table in tables)
        self.equipment = self._equipment()

    def _equipment(self) -> Equipment:
        settings = self.settings
        return Equipment(
            settings=settings.gateway(),
            doorkeeper=self._doorkeeper(),
            inspectors=self.rulesets,
            router=Router(self.upstreams),
            clients=self._clients,
            store=self.store,
            clock=self._clock,
            ids=self.ids,
            metrics=self.metrics,
            help_lines=HelpLinesOfToday(settings.answers.country, settings.answers.help_lines, self._clock),
            evidence=EvidenceTime(settings.evidence),
            tenant_models={tenant.id: tenant.models for tenant in settings.tenant},
            salts=self._chance,
            suspicions=self.rulesets,
            terms=self.terms,
        )

    def _doorkeeper(self) -> Doorkeeper:
        mode = self.settings.keys
        is_demo = is_scripted(self.settings)
        if mode == "auto" and self.settings.server.host not in LOOPBACK and not is_demo:
            mode = "required"  # a gateway that others can reach is never open by accident
        # Pseudonyms must stay the same from start to start, so their key comes from the evidence key.
        secret = Path(self.settings.evidence.key_file)
        told = os.environ.get("LEEWARD_EVIDENCE_KEY", "").encode() or secret.read_bytes()
        pseudonym_key = hashlib.blake2b(told, person=b"leeward-pseudo", digest_size=32).digest()
        uses = {tenant.id: tenant.use for tenant in self.settings.tenant}
        keys = DemoKeys(self.store.keys) if is_demo else self.store.keys
        return Doorkeeper(keys, mode=mode, pseudonym_key=pseudonym_key, uses=uses)

    async def open(self) -> None:
        """Start everything; called once, in the event loop that serves."""
        self.store.start()
        self.deadlines.look()
        self._tasks.append(asyncio.get_running_loop().create_task(self.deadlines.watch()))
        await self._share_traffic()
        for upstream in self.upstreams:
            if upstream.name not in self._clients:
                self._clients[upstream.name] = upstream.client()
        if any(self.terms.held()):
            self._tasks.append(asyncio.get_running_loop().create_task(watch_ends(self.terms, self._clock)))
        if self.settings.server.workers > 1:
            self._tasks.append(asyncio.get_running_loop().create_task(self._share_counts()))
        if self.settings.rules.directory or self.settings.rules.use.endswith(".toml"):
            self._tasks.append(asyncio.get_running_loop().create_task(self.rulesets.watch()))

    async def close(self) -> None:
        """Stop everything; records that wait are written first."""
        for task in self._tasks:
            task.cancel()
        if self.sharing is not None:
            await self.sharing.end()
        for client in self._clients.values():
            await client.aclose()
        await asyncio.to_thread(self.deadlines.rest)
        await asyncio.to_thread(self.store.close)
        self._threads.shutdown(wait=False, cancel_futures=True)

    @property
    def suspicions(self) -> SqlSuspicions:
        """What the store knows of callers who may be extracting a model."""
        return SqlSuspicions(self.store.engine, self._clock, self.ids)

    async def _share_traffic(self) -> None:
        """Take up what is known of callers, and share it from now on."""
        watch = self.rulesets.extraction_watch
        if watch is None:
            return
        self.sharing = TrafficSharing(watch, self.suspicions, self._clock)
        await self.sharing.restore()
        self.sharing.start()

    async def _share_counts(self) -> None:
        while True:
            self.metrics.share()
            await asyncio.sleep(1.0)

    def app(self) -> Gateway:
        """Return the ASGI application."""
        return Gateway(self.equipment, self.pages(), self.open, self.close)

    def pages(self) -> Mapping[str, App]:
        """Return the pages beside the API, by path prefix."""
        token = os.environ.get("LEEWARD_DESK_TOKEN", "")
        return pages_of(self.settings, token, self.store, self._clock, self.rulesets.rulesets, self.derivatives)


def upstream_of(table: UpstreamTable) -> Upstream:
    """Return the model server that a settings table names."""
    return Upstream(
        name=table.name,
        base_url=table.url,
        dialect=table.dialect,
        models=table.models,
        rename=table.rename,
        key=_key_of(table),
        limits=Limits(
            max_connections=table.max_connections,
            connect_seconds=table.connect_seconds,
            first_byte_seconds=table.first_byte_seconds,
            chunk_seconds=table.idle_seconds,
        ),
    )


def _key_of(table: UpstreamTable) -> Key:
    if table.api_key_file:
        return KeyFromFile(Path(table.api_key_file))
    if table.api_key_env:
        return KeyFromEnvironment(table.api_key_env)
    return PassThrough() if table.pass_through else NoKey()
