from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import pairwise

import pytest

from leeward.licences.usage import DAY, HOUR, Shape, UsageLimits, UsageWatch

SERVICE = ("You are the customer support assistant of Acme. Be brief and polite.",)
PLAIN = ("You are a helpful assistant.",)
Event = tuple[float, str, tuple[str, ...]]


def told(events: Iterable[Event], watch: UsageWatch | None = None, tenant: str = "lab") -> list[tuple[float, Shape]]:
    watch = watch or UsageWatch()
    shapes = ((t, watch.observe(tenant, t, user, instructions)) for t, user, instructions in sorted(events))
    return [(t, shape) for t, shape in shapes if shape is not None]


def production(days: int, *, users: int = 400, a_day: int = 2_400, seed: int = 1) -> Iterator[Event]:
    """Customers of a shop, round the clock, quieter at night."""
    chance = random.Random(seed)
    for number in range(days * a_day):
        t = chance.uniform(0, days * DAY)
        is_night = t % DAY < 6 * HOUR
        if is_night and number % 3:
            continue
        yield t, f"user-{chance.randrange(users)}", SERVICE


def study(days: int) -> Iterator[Event]:
    """A user study: sixty participants in office hours."""
    chance = random.Random(2)
    for day in range(days):
        for _ in range(900):
            yield day * DAY + chance.uniform(9, 17) * HOUR, f"participant-{chance.randrange(60)}", PLAIN


def evaluation(days: int) -> Iterator[Event]:
    """An evaluation that runs day and night and names no end users."""
    for number in range(days * 20_000):
        yield number * DAY / 20_000, "", PLAIN


def simulated_service(days: int) -> Iterator[Event]:
    """Research on customer service: simulated customers, in bursts, without end users."""
    for day in range(days):
        for number in range(4_000):
            yield day * DAY + 20 * HOUR + number, "", SERVICE


def laboratory(days: int) -> Iterator[Event]:
    """Twenty people of one laboratory, who write whenever they like."""
    chance = random.Random(3)
    for _ in range(days * 1_500):
        yield chance.uniform(0, days * DAY), f"member-{chance.randrange(20)}", PLAIN


@pytest.mark.parametrize("research", [study, evaluation, simulated_service, laboratory])
def test_research_is_not_taken_for_production(research) -> None:  # type: ignore[no-untyped-def]
    assert told(research(7)) == []


def test_customers_of_a_shop_are_told_with_evidence() -> None:
    ((t, shape), *_) = told(production(2))

    assert t < DAY
    assert shape.end_users >= 50
    assert shape.service_share == 1.0
    assert {fact.partition("=")[0] for fact in shape.evidence} == {
        "exchanges", "end_users", "service_share", "hours", "busiest_hour_share",
    }  # fmt: skip


def test_a_tenant_is_told_of_at_most_once_a_day() -> None:
    times = [t for t, _ in told(production(5))]

    assert len(times) == 5
    assert all(later - earlier >= DAY for earlier, later in pairwise(times))


def test_traffic_that_is_over_is_forgotten_after_a_day() -> None:
    watch = UsageWatch()
    assert told(production(1), watch)
    quiet = [(5 * DAY + number * 60.0, "one", PLAIN) for number in range(400)]

    assert told(quiet, watch) == []


def test_many_end_users_are_estimated_within_a_third() -> None:
    events = [(number * 1.0, f"user-{number}", SERVICE) for number in range(3_000)]
    ((_, first), *_) = told(events, UsageWatch(UsageLimits(least_exchanges=3_000)))

    assert 2_000 < first.end_users < 4_000


def test_memory_is_bounded_by_the_hour_and_by_the_tenant() -> None:
    watch = UsageWatch()
    for number in range(2_000):
        watch.observe(f"tenant-{number}", float(number), "", PLAIN)
    for number in range(5_000):
        watch.observe("big", 2_000.0 + number % 3_600, f"user-{number}", SERVICE)

    assert len(watch._tenants) <= 256
    assert max(len(hour.users) for state in watch._tenants.values() for hour in state.hours) <= 64


@pytest.mark.parametrize(
    ("limits", "is_told"),
    [
        (UsageLimits(), True),
        (UsageLimits(end_users=1_000, clock_exchanges=10_000), False),
        (UsageLimits(least_exchanges=10_000), False),
        (UsageLimits(points=5), False),
        (UsageLimits(service_share=1.0, clock_exchanges=10_000, points=3), True),
        (UsageLimits(end_users=1_000, volume_exchanges=1_000, clock_exchanges=1_000, clock_hours=12), True),
    ],
)
def test_every_limit_counts(limits: UsageLimits, is_told: bool) -> None:
    assert bool(told(production(1), UsageWatch(limits))) is is_told


@pytest.mark.parametrize(
    "instructions",
    [
        "Du arbeitest im Kundenservice der Beispiel AG.",
        "Tu réponds pour le service client de la boutique.",
        "Você faz o atendimento ao cliente da loja.",
        "あなたはカスタマーサポート担当です。",
        "أنت موظف خدمة العملاء في المتجر.",
        "Jesteś pracownikiem obsługi klienta sklepu.",
        "你是本店的客服。",
    ],
)
def test_instructions_speak_to_customers_in_many_languages(instructions: str) -> None:
    events = [(float(number), f"user-{number}", (instructions,)) for number in range(120)]
    ((_, shape), *_) = told(events)

    assert shape.service_share == 1.0
