"""What the settings say of licences, and the watch on what is about to end."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Iterator

from leeward.config.tree import Settings
from leeward.domain.ports import Clock
from leeward.licences.contracts import DAY_SECONDS, Contract, day_of
from leeward.licences.registry import builtin_registry
from leeward.licences.terms import Terms, checked, declared_uses
from leeward.playground.model import NAME

log = logging.getLogger("leeward.licences")


def terms_of(settings: Settings) -> Terms:
    """Return what the settings say of licences.

    Raises:
        SettingsError: If a confirmed model is said to be under a licence that nobody knows.
    """
    contracts: dict[str, tuple[Contract, ...]] = defaultdict(tuple)
    for told in settings.entitlement:
        contracts[told.tenant] += (
            Contract(
                reference=told.contract,
                models=told.models,
                purposes=told.purposes,
                starts=told.starts,
                expires=told.expires,
            ),
        )
    # The scripted model of a demo has no weights that anybody could license; it answers for any name when alone.
    is_alone = settings.demo and not settings.upstream
    demo = {"*" if is_alone else NAME: "MIT"} if settings.demo else {}
    terms = Terms(
        contracts=contracts,
        declared=declared_uses({tenant.id: tenant.use for tenant in settings.tenant}),
        confirmed={**settings.licences.confirmed, **demo},
        serves_unknown=settings.licences.unknown_models == "serve",
        warn_days=settings.licences.warn_days,
        usage=settings.usage,
    )
    if terms.serves_unknown and not settings.demo:
        log.warning("unknown_models_are_served", extra={"problems": ["[licences] unknown_models refuses them"]})
    return checked(terms, builtin_registry())


def days_left(terms: Terms, clock: Clock) -> Iterator[tuple[tuple[str, str, str], int]]:
    """Yield tenant, kind and contract with the days until its last day, of everything that has one."""
    today = day_of(clock.now())
    for held in terms.held():
        left = held.contract.days_left(today)
        if left is not None:
            yield (held.tenant, held.kind, held.contract.reference), left


async def watch_ends(terms: Terms, clock: Clock) -> None:
    """Log once a day what is about to end or has ended; runs until cancelled."""
    while True:
        now = clock.now()
        for sentence in terms.told(day_of(now)):
            log.warning("entitlement_ends", extra={"problems": [sentence]})
        await asyncio.sleep(DAY_SECONDS - now % DAY_SECONDS + 1)
