"""Whether the traffic of a tenant that declares research has the shape of production."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from heapq import nsmallest
from typing import Final

import msgspec

DAY, HOUR = 86_400, 3_600
_SLOTS: Final = 24
# End users that one hour remembers by hash; up to so many are counted exactly, more are estimated.
_SKETCH: Final = 64
_MOST_TENANTS: Final = 256
# Looking at a whole day takes tens of microseconds, so only every so many exchanges are followed by a look.
_LOOK_EVERY: Final = 10
_PROMPT_CHARS: Final = 4_000

# How instructions speak that put a model before a company's customers; matched in lower case.
_SERVICE: Final = tuple(
    """
    customer support|customer service|customer care|our customers|helpdesk agent|support agent for|support assistant for
    |kundenservice|kundendienst|kundensupport|unsere kunden|unserer kunden|service client|nos clients
    |atención al cliente|servicio al cliente|nuestros clientes|assistenza clienti|servizio clienti|nostri clienti
    |atendimento ao cliente|apoio ao cliente|suporte ao cliente|nossos clientes|klantenservice|onze klanten
    |obsługi klienta|obsługa klienta|naszych klientów|поддержки клиентов|поддержка клиентов|служба поддержки
    |службы поддержки|наших клиентов|підтримки клієнтів|підтримка клієнтів|наших клієнтів|müşteri hizmetleri
    |müşteri destek|خدمة العملاء|שירות לקוחות|שירות הלקוחות|客服|客户服务|我们的客户|カスタマーサポート
    |カスタマーサービス|고객 지원|고객 상담|고객센터|고객 서비스|ग्राहक सेवा|ग्राहक सहायता
    |chăm sóc khách hàng|hỗ trợ khách hàng
    |layanan pelanggan|zákaznické podpor|zákaznická podpor|zákaznický servis|kundtjänst|kundeservice|kundestøtte
    |asiakaspalvelu|ügyfélszolgálat|asistență clienți|relații cu clienții|serviciul clienți|εξυπηρέτηση πελατών
    |εξυπηρέτησης πελατών|обслужване на клиенти|บริการลูกค้า|ฝ่ายบริการลูกค้า
    """.replace("\n    ", "")
    .strip()
    .split("|")
)


class UsageLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """From when on traffic looks like production; everything is counted over the last 24 hours.

    Attributes:
        watch: Whether it is looked at.
        end_users: Distinct end users that a study rarely has; worth two points.
        service_share: Share of exchanges whose instructions speak to customers, in (0, 1]; worth one point.
        least_exchanges: With fewer, nothing is said.
        clock_exchanges: Exchanges that are worth one point when they are spread around the clock,
        clock_hours: over so many different hours, none of which has more than a fifth of them.
        volume_exchanges: Exchanges that are worth one point by themselves.
        points: Points at which it is told, 1 to 5.
    """

    watch: bool = True
    end_users: int = 50
    service_share: float = 0.6
    least_exchanges: int = 100
    clock_exchanges: int = 1_000
    clock_hours: int = 20
    volume_exchanges: int = 5_000
    points: int = 3

    def __post_init__(self) -> None:
        if not 0.0 < self.service_share <= 1.0:
            raise ValueError("`service_share` must lie above 0, up to 1")
        if not 1 <= self.points <= 5 or not 1 <= self.clock_hours <= 24:
            raise ValueError("`points` must lie between 1 and 5, `clock_hours` between 1 and 24")
        if min(self.end_users, self.least_exchanges, self.clock_exchanges, self.volume_exchanges) < 1:
            raise ValueError("counts of exchanges and end users must be 1 or more")


@dataclass(frozen=True, slots=True)
class Shape:
    """What the last 24 hours of a tenant look like.

    Attributes:
        end_users: Distinct ones; exact up to 64, an estimate above.
        busiest_share: Part of the exchanges that fell into the busiest hour.
    """

    exchanges: int
    end_users: int
    service_share: float
    hours: int
    busiest_share: float

    def points(self, limits: UsageLimits) -> int:
        """Return how many points speak for production."""
        return sum(points for points, _ in self.signs(limits))

    def signs(self, limits: UsageLimits) -> Iterator[tuple[int, str]]:
        """Yield the points and the wording of each sign that is there."""
        if self.end_users >= limits.end_users:
            yield 2, f"{self.end_users} distinct end users"
        if self.service_share >= limits.service_share:
            yield 1, f"{self.service_share:.0%} of its instructions speak to customers"
        is_spread = self.hours >= limits.clock_hours and self.busiest_share <= 0.2
        if is_spread and self.exchanges >= limits.clock_exchanges:
            yield 1, f"spread around the clock over {self.hours} hours"
        if self.exchanges >= limits.volume_exchanges:
            yield 1, f"{self.exchanges} exchanges in a day"

    @property
    def evidence(self) -> tuple[str, ...]:
        """Counters as `name=number`."""
        return (
            f"exchanges={self.exchanges}",
            f"end_users={self.end_users}",
            f"service_share={self.service_share:.2f}",
            f"hours={self.hours}",
            f"busiest_hour_share={self.busiest_share:.2f}",
        )


@dataclass(slots=True)
class _Hour:
    number: int = -1
    exchanges: int = 0
    service: int = 0
    users: set[int] = field(default_factory=set)

    def add_user(self, user: int) -> None:
        self.users.add(user)
        if len(self.users) > _SKETCH:
            self.users.remove(max(self.users))


@dataclass(slots=True)
class _Tenant:
    hours: list[_Hour] = field(default_factory=lambda: [_Hour() for _ in range(_SLOTS)])
    seen: int = 0
    told_at: float = float("-inf")


class UsageWatch:
    """Counts the exchanges of tenants by the hour, in bounded memory, and tells at most once a day of each.

    It keeps hashes of pseudonyms, never text. Each process counts for itself and starts afresh.

    Source:
        RULE-MIST-003. Distinct end users: the k smallest hashes, Bar-Yossef et al. (2002), RANDOM 2002, 1-10.
    """

    def __init__(self, limits: UsageLimits | None = None) -> None:
        self.limits = limits or UsageLimits()
        self._tenants: OrderedDict[str, _Tenant] = OrderedDict()

    def observe(self, tenant: str, t: float, end_user: str, instructions: Sequence[str]) -> Shape | None:
        """Enter an exchange; return the shape of the last day when it is to be told now.

        Args:
            tenant: Who sends it.
            t: Seconds since the epoch.
            end_user: Pseudonym; empty when the tenant names none.
            instructions: System messages.
        """
        state = self._state(tenant)
        hour = _current(state, int(t // HOUR))
        hour.exchanges += 1
        hour.service += _speaks_to_customers(instructions)
        if end_user:
            hour.add_user(_hash_of(end_user))
        state.seen += 1
        if state.seen % _LOOK_EVERY or t - state.told_at < DAY:
            return None
        shape = _shape(state, int(t // HOUR))
        if shape.exchanges < self.limits.least_exchanges or shape.points(self.limits) < self.limits.points:
            return None
        state.told_at = t
        return shape

    def _state(self, tenant: str) -> _Tenant:
        state = self._tenants.get(tenant)
        if state is None:
            state = self._tenants[tenant] = _Tenant()
            if len(self._tenants) > _MOST_TENANTS:
                self._tenants.popitem(last=False)
        else:
            self._tenants.move_to_end(tenant)
        return state


def _current(state: _Tenant, number: int) -> _Hour:
    slot = state.hours[number % _SLOTS]
    if slot.number != number:
        slot = state.hours[number % _SLOTS] = _Hour(number)
    return slot


def _shape(state: _Tenant, number: int) -> Shape:
    hours = [hour for hour in state.hours if hour.exchanges and number - _SLOTS < hour.number <= number]
    total = sum(hour.exchanges for hour in hours)
    return Shape(
        exchanges=total,
        end_users=_distinct(hours),
        service_share=sum(hour.service for hour in hours) / total,
        hours=len(hours),
        busiest_share=max(hour.exchanges for hour in hours) / total,
    )


def _distinct(hours: Sequence[_Hour]) -> int:
    smallest = nsmallest(_SKETCH, set[int]().union(*(hour.users for hour in hours)))
    if len(smallest) < _SKETCH:
        return len(smallest)
    return round((_SKETCH - 1) / (smallest[-1] / 2**64))


def _hash_of(pseudonym: str) -> int:
    return int.from_bytes(blake2b(pseudonym.encode("utf-8", "surrogatepass"), digest_size=8).digest())


def _speaks_to_customers(instructions: Sequence[str]) -> bool:
    return any(word in text[:_PROMPT_CHARS].lower() for text in instructions for word in _SERVICE)
