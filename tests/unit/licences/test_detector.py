from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.domain.finding import NOTHING, Finding
from leeward.domain.view import Fact, Stage, View
from leeward.licences.derivatives.entry import State
from leeward.licences.derivatives.restrictions import NOTHING_RESTRICTED, Restrictions
from leeward.licences.detector import LicenceRegistry
from leeward.licences.registry import builtin_registry
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
