from __future__ import annotations

from collections import Counter
from dataclasses import replace
from itertools import islice, pairwise

import pytest

from leeward.extraction_watch.simulation.honest import DAY, HONEST, SHARES
from leeward.extraction_watch.simulation.strategies import STRATEGIES
from leeward.extraction_watch.simulation.traffic import DELIVERIES, Attack, Delivery, attack, benign, kind_of


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("delivery", DELIVERIES)
def test_an_attack_is_repeatable_in_order_and_of_one_tenant(strategy: str, delivery: Delivery) -> None:
    plan = Attack(strategy=strategy, delivery=delivery, queries=60, keys=5, tenant="x")
    events = list(attack(plan, 3))

    assert events == list(attack(plan, 3))
    assert events != list(attack(plan, 4))
    assert len(events) == 60
    assert all(a.t <= b.t for a, b in pairwise(events))
    assert {event.tenant for event in events} == {"x"}
    assert len({event.key for event in events}) == (5 if delivery == "sybil" else 1)


def test_mixed_traffic_holds_its_share_of_the_attack() -> None:
    plan = Attack(strategy="logit-bias", delivery="mixed", queries=2_000, share=0.3)
    hostile = sum("logit_bias" in event.params for event in attack(plan, 1))

    assert hostile / 2_000 == pytest.approx(0.3, abs=0.05)


def test_a_drip_takes_minutes_between_queries() -> None:
    events = list(attack(Attack(strategy="exam-sweep", delivery="drip", queries=100), 1))

    assert (events[-1].t - events[0].t) / 99 > 45.0


@pytest.mark.parametrize("kind", HONEST)
def test_each_kind_of_honest_caller_is_repeatable_and_in_order(kind: str) -> None:
    events = list(islice(benign(3, 2.0, 5, kinds=[kind]), 400))

    assert events == list(islice(benign(3, 2.0, 5, kinds=[kind]), 400))
    assert events
    assert all(a.t <= b.t for a, b in pairwise(events))
    assert all(event.t < 2 * DAY for event in events)
    assert {kind_of(n, 5, [kind]) for n in range(3)} == {kind}


def test_keys_of_a_deployment_are_of_all_kinds_and_have_the_tenants_asked_for() -> None:
    kinds = Counter(kind_of(n, 1) for n in range(2_000))

    assert sum(SHARES.values()) == pytest.approx(1.0)
    assert all(kinds[kind] / 2_000 == pytest.approx(share, abs=0.04) for kind, share in SHARES.items())
    assert {e.tenant for e in benign(12, 0.5, 1, tenants=3)} <= {"tenant-0", "tenant-1", "tenant-2"}


def test_a_test_suite_repeats_its_prompts_and_a_job_its_instruction() -> None:
    suite = [e.text for e in islice(benign(1, 30.0, 2, kinds=["regression"]), 400)]
    job = [e.text for e in islice(benign(1, 30.0, 2, kinds=["batch"]), 400)]

    assert len(set(suite)) <= 80
    assert len(set(job)) > 300


def test_a_blended_attack_has_the_settings_of_its_cover() -> None:
    plan = Attack(strategy="distillation", delivery="mixed", queries=200, share=0.5)
    apart = {repr(event.params) for event in attack(plan, 6)}
    blended = {repr(event.params) for event in attack(replace(plan, blended=True), 6)}

    assert len(blended) < len(apart)
