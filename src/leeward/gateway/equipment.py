"""What an exchange needs of the house."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from leeward.answers import Resources
from leeward.domain.ports import Clock, Ids, RecordStore
from leeward.gateway.doorkeeper import Doorkeeper
from leeward.gateway.settings import GatewaySettings
from leeward.gateway.telemetry import Metrics
from leeward.gateway.upstream.client import UpstreamClient
from leeward.gateway.upstream.router import Router
from leeward.inspection.inspector import Inspector


class Inspectors(Protocol):
    """Knows which ruleset judges an exchange."""

    def inspector_for(self, tenant: str, model: str, endpoint: str) -> Inspector:
        """Return the inspector of that ruleset."""

    @property
    def moderation(self) -> Inspector:
        """Inspector that scores every hazard, for the moderation endpoints."""


class HelpLines(Protocol):
    """Knows which help lines may be shown today."""

    def today(self) -> Resources:
        """Return them."""


class Keeping(Protocol):
    """Says how long text of an exchange is kept as evidence."""

    def until(self, rule: str, at: float) -> float:
        """Return when evidence for `rule` ends, in seconds since the epoch; `at` itself when none is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Equipment:
    """What an exchange needs of the house.

    Attributes:
        clients: A client for each upstream, by the upstream's name.
        tenant_models: Globs of models that each tenant may use; a tenant that is not named may use all.
        salts: Gives 16 random bytes for a commitment.
    """

    settings: GatewaySettings
    doorkeeper: Doorkeeper
    inspectors: Inspectors
    router: Router
    clients: Mapping[str, UpstreamClient]
    store: RecordStore
    clock: Clock
    ids: Ids
    metrics: Metrics
    help_lines: HelpLines
    evidence: Keeping
    tenant_models: Mapping[str, tuple[str, ...]]
    salts: Salts


class Salts(Protocol):
    """Gives random bytes."""

    def __call__(self, count: int, /) -> bytes:
        """Return `count` random bytes."""
