"""Whole streams of traffic: attacks by how they are delivered, and a deployment of honest keys."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice, takewhile
from random import Random
from typing import Literal

from leeward.extraction_watch.simulation.event import Event, Sent
from leeward.extraction_watch.simulation.honest import DAY, HONEST, SHARES
from leeward.extraction_watch.simulation.strategies import STRATEGIES
from leeward.extraction_watch.simulation.texts import Role, Texts

Delivery = Literal["pure", "mixed", "sybil", "drip"]
DELIVERIES: tuple[Delivery, ...] = ("pure", "mixed", "sybil", "drip")
Pools = Mapping[Role, Sequence[str]]

# Honest kinds that an attack hides among: those with enough traffic of their own.
_COVERS = ("shared", "help-desk", "retrieval", "batch")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attack:
    """An extraction to simulate.

    Attributes:
        strategy: One of `STRATEGIES`.
        delivery: `pure`: one key, as fast as replies come. `mixed`: among honest traffic of the same key. `sybil`:
            dealt out to `keys` keys of one tenant. `drip`: one key, minutes apart.
        queries: Exchanges in all, honest ones included.
        share: Of the attack in mixed traffic, in (0, 1].
        keys: How many keys take part in a sybil attack.
        tenant: Whose keys they are.
        blended: Whether the attack in mixed traffic has the sampling settings of the honest traffic.
    """

    strategy: str
    delivery: Delivery = "pure"
    queries: int = 1_000
    share: float = 0.3
    keys: int = 50
    tenant: str = "tenant-x"
    blended: bool = False


def attack(plan: Attack, seed: int, pools: Pools | None = None) -> Iterator[Event]:
    """Yield the exchanges of an attack, in time order; the same seed gives the same.

    Raises:
        KeyError: If the strategy is unknown.
    """
    chance = Random(f"{seed}/{plan.strategy}/{plan.delivery}")
    sent = _sent(plan, chance, Texts(chance, pools))
    if plan.delivery == "mixed":
        sent = _hidden(sent, plan, chance, Texts(chance, pools))
    names = [f"{plan.tenant}-k{number}" for number in range(plan.keys if plan.delivery == "sybil" else 1)]
    for each in islice(sent, plan.queries):
        yield Event(round(each.t, 3), plan.tenant, chance.choice(names), each.text, each.params)


def benign(
    keys: int, days: float, seed: int, pools: Pools | None = None, *, kinds: Sequence[str] = (), tenants: int = 0
) -> Iterator[Event]:
    """Yield the exchanges of a deployment without attackers, in time order.

    Args:
        keys: How many keys there are.
        days: How long, from midnight on.
        kinds: Only these of `HONEST`, evenly; all by their shares when empty.
        tenants: To how many tenants the keys belong; 0 gives each its own.
    """
    streams = (_key(number, days, seed, pools, kinds, tenants) for number in range(keys))
    return merge(*streams, key=lambda event: event.t)


def kind_of(number: int, seed: int, kinds: Sequence[str] = ()) -> str:
    """Return the kind of honest key `number`, as `benign` chooses it."""
    chance = Random(f"{seed}/kind/{number}")
    return chance.choice(kinds) if kinds else chance.choices(list(SHARES), list(SHARES.values()))[0]


def _key(
    number: int, days: float, seed: int, pools: Pools | None, kinds: Sequence[str], tenants: int
) -> Iterator[Event]:
    chance = Random(f"{seed}/honest/{number}")
    tenant = f"tenant-{number % tenants if tenants else number}"
    sent = HONEST[kind_of(number, seed, kinds)](chance, Texts(chance, pools))
    for each in takewhile(lambda one: one.t < days * DAY, sent):
        yield Event(round(each.t, 3), tenant, f"key-{number}", each.text, each.params)


def _sent(plan: Attack, chance: Random, texts: Texts) -> Iterator[Sent]:
    gap = chance.lognormvariate(0.3, 0.8)
    if plan.delivery == "drip":
        gap = chance.uniform(60.0, 600.0)
    t = chance.uniform(0.0, DAY / 2)
    for text, params in STRATEGIES[plan.strategy](chance, texts):
        t += chance.expovariate(1.0 / gap)
        yield Sent(t, text, params)


def _hidden(attack: Iterator[Sent], plan: Attack, chance: Random, texts: Texts) -> Iterator[Sent]:
    """Yield honest traffic of which each exchange is, with probability `plan.share`, one of the attack instead."""
    for honest in HONEST[chance.choice(_COVERS)](chance, texts):
        if chance.random() < plan.share:
            evil = next(attack)
            yield Sent(honest.t, evil.text, honest.params if plan.blended else evil.params)
        else:
            yield honest
