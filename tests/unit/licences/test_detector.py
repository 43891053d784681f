from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from leeward.domain.finding import NOTHING, Finding
from leeward.domain.view import Fact, Stage, View
from leeward.licences.contracts import Contract
from leeward.licences.derivatives.entry import State
from leeward.licences.derivatives.restrictions import NOTHING_RESTRICTED, Restrictions
from leeward.licences.detector import LicenceRegistry
from leeward.licences.registry import builtin_registry
from leeward.licences.terms import Terms
from leeward.licences.usage import UsageLimits
from made_derivatives import NOTICE, entry


@pytest.fixture
def detector() -> LicenceRegistry:
    opened = LicenceRegistry()
    opened.open()
    return opened


def _view(model: str, requested: str = "", **declared: Fact) -> View:
    facts = {"model": model, "requested_model": requested or model, "tenant": "acme", "is_hosted_api": False}
    return View("", Stage.EXCHANGE, "exchange", facts=facts | declared)


def _found(detector: LicenceRegistry, model: str, requested: str = "", **declared: Fact) -> Finding:
    (finding,) = detector.examine(_view(model, requested, **declared)).findings
    return finding


def test_an_open_model_passes_in_silence_with_nothing_declared(detector: LicenceRegistry) -> None:
    assert detector.examine(_view("mistral-small-2506")) is NOTHING


def test_a_forbidden_use_is_told_with_the_licence_the_reason_and_what_to_do(detector: LicenceRegistry) -> None:
    found = _found(detector, "mistral-large-2411", actor_type="company", purpose="production")

    assert (found.hazard, found.confidence) == ("licence.forbidden", 1.0)
    assert "MRL-0.1 of Mistral Large 2.1 does not cover the declared use" in found.message
    assert "non-profit research only" in found.message
    assert "separate licence" in found.message
    assert found.evidence[:2] == ("MRL-0.1", "R2")


def test_an_undeclared_use_is_told_with_what_to_declare(detector: LicenceRegistry) -> None:
    found = _found(detector, "mistral-large-2411")

    assert (found.hazard, found.confidence) == ("licence.undeclared", 1.0)
    assert "purpose = research|evaluation" in found.message
    assert "actor_type = individual|academic" in found.message


def test_a_declaration_that_cannot_be_read_is_told(detector: LicenceRegistry) -> None:
    found = _found(detector, "mistral-large-2411", actor_type="firm", purpose="research")

    assert found.hazard == "licence.undeclared"
    assert "`actor_type` must be one of individual" in found.message


def test_an_unknown_model_is_told_without_repeating_its_name(detector: LicenceRegistry) -> None:
    found = _found(detector, "canary-8f3a")

    assert found.hazard == "licence.unknown"
    assert "canary" not in found.message


def test_a_name_that_only_looks_like_a_model_is_not_repeated(detector: LicenceRegistry) -> None:
    found = _found(detector, "canary/mistral-large-2411-canary")

    assert found.hazard == "licence.undeclared"
    assert "canary" not in found.message


def test_the_name_sent_upstream_counts_before_the_one_asked_for(detector: LicenceRegistry) -> None:
    assert _found(detector, "mistral-large-2411", "mistral-small-2506").hazard == "licence.undeclared"


def test_the_name_asked_for_counts_when_the_other_tells_nothing(detector: LicenceRegistry) -> None:
    assert _found(detector, "prod-llm", "mistral-large-2411").hazard == "licence.undeclared"


def test_the_licensors_own_service_passes(detector: LicenceRegistry) -> None:
    assert detector.examine(_view("mistral-large-2411", is_hosted_api=True)) is NOTHING


def test_a_remembered_decision_is_for_the_same_declaration_only(detector: LicenceRegistry) -> None:
    research = _view("mistral-large-2411", actor_type="academic", purpose="research")
    business = _view("mistral-large-2411", actor_type="company", purpose="research")

    assert [detector.examine(v).findings for v in (research, business, research)] == [
        (),
        (_found(detector, "mistral-large-2411", actor_type="company"),),
        (),
    ]


def test_many_names_do_not_fill_the_memory(detector: LicenceRegistry) -> None:
    for number in range(5_000):
        detector.examine(_view(f"model-{number}"))

    assert len(detector._decided) <= 4_096


# What the operator has settled


def _settled(**terms: Any) -> LicenceRegistry:
    detector = LicenceRegistry()
    detector.open()
    detector.settle(Terms(**terms))
    return detector


def test_an_unknown_model_that_the_operator_serves_is_recorded_under_a_name_of_its_own() -> None:
    assert _found(_settled(serves_unknown=True), "canary-8f3a").hazard == "licence.unknown-accepted"


def test_a_confirmed_model_is_decided_by_what_was_confirmed() -> None:
    settled = _settled(confirmed={"our-tune": "Apache-2.0", "our-other": "mistral-large-2411"})

    assert settled.examine(_view("our-tune")) is NOTHING
    assert _found(settled, "our-other", actor_type="company", purpose="production").evidence[:2] == ("MRL-0.1", "R2")


def test_a_confirmation_never_changes_the_licence_of_a_known_model() -> None:
    assert _found(_settled(confirmed={"*": "Apache-2.0"}), "mistral-large-2411").hazard == "licence.undeclared"


def test_a_contract_covers_its_own_tenant_until_its_last_day() -> None:
    ends = Contract(reference="C-1", models=("codestral-2405",), expires=date(2026, 11, 24))
    settled = _settled(contracts={"acme": (ends,)})
    use: dict[str, Fact] = {"actor_type": "company", "purpose": "production"}
    after = _found(settled, "codestral-2405", today="2026-11-25", **use)

    assert settled.examine(_view("codestral-2405", today="2026-11-24", **use)) is NOTHING
    assert _found(settled, "codestral-2405", **use | {"today": "2026-11-24", "tenant": "b"}).hazard == (
        "licence.forbidden"
    )
    assert after.hazard == "licence.expired"
    assert "C-1 that covered it ended on 2026-11-24" in after.message
    assert after.evidence == ("MNPL-0.1", "EXPIRED", "C-1", "model=codestral-24-05")


def test_an_alias_is_told_with_the_dated_model_behind_it(detector: LicenceRegistry) -> None:
    found = _found(detector, "devstral-latest", actor_type="company", purpose="production", revenue_band="over_20m")

    assert "model=devstral-2-25-12" in found.evidence


# What a tenant does


def _traffic(detector: LicenceRegistry, count: int, **facts: Fact) -> list[Finding]:
    told: dict[str, Fact] = {"actor_type": "academic", "purpose": "research", "instructions": ["Our customers ask."]}
    views = (
        _view("mistral-large-2411", **told | {"t": float(n), "end_user": f"u{n % 80}"} | facts) for n in range(count)
    )
    return [finding for view in views for finding in detector.examine(view).findings]


def test_traffic_of_research_that_looks_like_production_is_told_once_with_evidence(detector: LicenceRegistry) -> None:
    (found,) = _traffic(detector, 400)

    assert (found.hazard, found.confidence) == ("licence.production-shaped", 0.6)
    assert "distinct end users; 100% of its instructions speak to customers" in found.message
    assert found.evidence[:2] == ("points=3", "exchanges=100")


@pytest.mark.parametrize(
    "facts",
    [
        {"actor_type": "company", "purpose": "production"},
        {"is_hosted_api": True},
        {"t": None},
        {"end_user": "one"},
    ],
)
def test_nothing_is_told_of_who_declares_production_or_has_few_end_users(
    detector: LicenceRegistry, facts: dict[str, Fact]
) -> None:
    assert {finding.hazard for finding in _traffic(detector, 400, **facts)} <= {"licence.forbidden"}


def test_the_watch_can_be_turned_off() -> None:
    assert _traffic(_settled(usage=UsageLimits(watch=False)), 400) == []


# What the registry of derivatives restricts


def _restrictions(name: str) -> Restrictions:
    return Restrictions([replace(entry(NOTICE, name=name), state=State.RESTRICTED)], builtin_registry())


@pytest.mark.parametrize(("model", "requested"), [("ours-13b", "alias"), ("mistral-small-2506", "acme/ours-13b-GGUF")])
def test_a_restricted_derivative_is_found_by_either_name_with_entry_clause_and_notice(
    detector: LicenceRegistry, model: str, requested: str
) -> None:
    detector.heed(_restrictions("ours-13b"))
    found = detector.examine(_view(model, requested)).findings[-1]

    assert (found.hazard, found.confidence) == ("licence.derivative", 1.0)
    assert found.evidence[:3] == ("MRL-0.1", "ship_notice_file", f"entry={entry().id}")
    assert "since 2027-02-14 it breaks MRL-0.1 (ship_notice_file)" in found.message
    assert f"leeward licence notices {entry().id}" in found.message


def test_a_restriction_holds_from_the_next_look_until_it_is_lifted(detector: LicenceRegistry) -> None:
    view = _view("mistral-small-2506", "ours-13b")
    before = detector.examine(view)
    detector.heed(_restrictions("ours-13b"))
    during = detector.examine(view)
    detector.heed(NOTHING_RESTRICTED)
    after = detector.examine(view)

    assert [len(reading.findings) for reading in (before, during, after)] == [0, 1, 0]
