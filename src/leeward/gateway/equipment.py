"""What an exchange needs of the house."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from leeward.answers import Resources
from leeward.domain.ports import Clock, Ids, RecordStore
from leeward.gateway.doorkeeper import Doorkeeper
from leeward.gateway.harden import NOBODY, Suspicions
from leeward.gateway.settings import GatewaySettings
from leeward.gateway.telemetry import Metrics
from leeward.gateway.upstream.router import Router
from leeward.inspection.inspector import Inspector
from leeward.licences.terms import NO_TERMS, Terms


class Reply(Protocol):
    """A reply of a model server, whose body may still be coming."""

    status: int

    def header(self, name: bytes, /) -> bytes | None:
        """Return the first value of a header (lower case), or None."""

    async def read(self, limit: int, /) -> bytes:
        """Return the whole body, at most `limit` bytes."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body as it comes."""

    async def __aenter__(self) -> Self:
        """Use the reply."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Let go of the reply; what is still coming is cut off."""


class Client(Protocol):
    """Asks one model server."""

    async def request(
        self, method: str, path: str, headers: Sequence[tuple[bytes, bytes]], body: bytes, *, deadline_seconds: float
    ) -> Reply:
        """Return the reply as soon as its head is here.

        Raises:
            UpstreamError: If there is none.
        """

    async def aclose(self) -> None:
        """Close all connections."""


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
        suspicions: How far suspicions of model extraction have gone.
        terms: What is settled about licences.
    """

    settings: GatewaySettings
    doorkeeper: Doorkeeper
    inspectors: Inspectors
    router: Router
    clients: Mapping[str, Client]
    store: RecordStore
    clock: Clock
    ids: Ids
    metrics: Metrics
    help_lines: HelpLines
    evidence: Keeping
    tenant_models: Mapping[str, tuple[str, ...]]
    salts: Salts
    suspicions: Suspicions = NOBODY
    terms: Terms = NO_TERMS


class Salts(Protocol):
    """Gives random bytes."""

    def __call__(self, count: int, /) -> bytes:
        """Return `count` random bytes."""
