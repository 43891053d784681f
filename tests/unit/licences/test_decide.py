from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from leeward.licences.decide import Allowed, Decision, Denied, Undeclared, Unknown, decide, judge
from leeward.licences.denials import DENIALS
from leeward.licences.registry import builtin_registry
from leeward.licences.use import ACTORS, ENVIRONMENTS, PURPOSES, Use

_REGISTRY = builtin_registry()
_RESEARCH_ONLY, _NON_PRODUCTION = "mistral-large-2411", "codestral-2405"
_CAPPED, _NON_COMMERCIAL, _OPEN = "devstral-2512", "voxtral-mini-tts-2603", "mistral-small-2506"


def _decide(model: str, **declared: object) -> Decision:
    return decide(_REGISTRY.resolve(model), Use(**declared), _REGISTRY)  # type: ignore[arg-type]


def _rule(model: str, **declared: object) -> str:
    match _decide(model, **declared):
        case Denied(rule=rule) | Allowed(rule=rule):
            return rule
        case other:
            raise AssertionError(other)


def test_an_open_licence_needs_no_declaration() -> None:
    assert isinstance(_decide(_OPEN), Allowed)


@pytest.mark.parametrize(
    ("model", "asked"),
    [
        (_RESEARCH_ONLY, ("purpose", "actor_type", "environment")),
        (_NON_PRODUCTION, ("purpose", "environment", "end_user_exposure")),
        (_CAPPED, ("actor_type", "employer_monthly_revenue_usd")),
        (_NON_COMMERCIAL, ("purpose", "actor_type")),
        ("codestral-2508", ("is_hosted_api",)),
    ],
)
def test_a_licence_that_depends_on_the_use_asks_for_just_what_it_depends_on(model: str, asked: tuple[str, ...]) -> None:
    decision = _decide(model)

    assert isinstance(decision, Undeclared)
    assert decision.missing == asked


@pytest.mark.parametrize(
    "declared",
    [
        {"actor_type": "company", "purpose": "research"},
        {"actor_type": "individual", "purpose": "personal"},
        {"actor_type": "academic", "purpose": "research", "environment": "production"},
        {"purpose": "evaluation"},
        {"actor_type": "company"},
    ],
)
def test_a_research_licence_denies_everything_but_research_outside_companies(declared: dict[str, object]) -> None:
    assert _rule(_RESEARCH_ONLY, **declared) == "R2"


def test_a_research_licence_covers_research() -> None:
    assert isinstance(_decide(_RESEARCH_ONLY, actor_type="academic", purpose="research"), Allowed)


def test_outputs_of_a_research_model_stay_within_research() -> None:
    declared = {"actor_type": "academic", "purpose": "research", "outputs_leave_research": True}

    assert _rule(_RESEARCH_ONLY, **declared) == "R3"


@pytest.mark.parametrize("purpose", ["research", "evaluation", "testing", "personal"])
def test_a_non_production_licence_covers_trying_things_out_even_in_a_company(purpose: str) -> None:
    assert isinstance(_decide(_NON_PRODUCTION, actor_type="company", purpose=purpose), Allowed)


@pytest.mark.parametrize(
    "declared",
    [
        {"purpose": "internal_business"},
        {"purpose": "production"},
        {"purpose": "testing", "environment": "production"},
        {"purpose": "research", "end_user_exposure": True},
    ],
)
def test_a_non_production_licence_denies_production_and_end_users(declared: dict[str, object]) -> None:
    assert _rule(_NON_PRODUCTION, **declared) == "R4"


def test_outputs_alone_are_outside_a_non_production_licence_and_inside_a_research_licence() -> None:
    assert _rule(_NON_PRODUCTION, purpose="production", outputs_only=True) == "R5"
    assert _rule(_RESEARCH_ONLY, purpose="production", outputs_only=True) == "R2"


@pytest.mark.parametrize("actor", ACTORS)
def test_the_revenue_cap_binds_everybody_who_is_above_it(actor: str) -> None:
    assert isinstance(_decide(_CAPPED, actor_type=actor, employer_monthly_revenue_usd=20_000_000), Allowed)
    assert _rule(_CAPPED, actor_type=actor, employer_monthly_revenue_usd=20_000_001) == "R6"


def test_a_company_must_declare_its_revenue_and_a_person_need_not() -> None:
    company = _decide(_CAPPED, actor_type="company")

    assert isinstance(company, Undeclared)
    assert company.missing == ("employer_monthly_revenue_usd",)
    assert isinstance(_decide(_CAPPED, actor_type="individual"), Allowed)


@pytest.mark.parametrize(
    ("model", "missing", "rule"),
    [
        (_RESEARCH_ONLY, "notice_file_present", "R8"),
        (_NON_PRODUCTION, "licence_copy_present", "R8"),
        (_OPEN, "modification_notice_present", "R9"),
    ],
)
def test_weights_are_passed_on_only_with_their_papers(model: str, missing: str, rule: str) -> None:
    papers = {"notice_file_present": True, "licence_copy_present": True, "modification_notice_present": True}
    use = {"actor_type": "academic", "purpose": "research", "distribution": "derivative", "is_derivative": True}

    assert isinstance(_decide(model, **use, **papers), Allowed)
    assert _rule(model, **use, **papers | {missing: False}) == rule


def test_papers_that_nobody_declared_are_asked_for_when_weights_are_passed_on() -> None:
    decision = _decide(_NON_PRODUCTION, purpose="testing", distribution="weights")

    assert isinstance(decision, Undeclared)
    assert decision.missing == ("notice_file_present", "licence_copy_present")


def test_a_non_commercial_licence_denies_companies_only() -> None:
    assert _rule(_NON_COMMERCIAL, actor_type="company", purpose="production") == "R10"
    assert isinstance(_decide(_NON_COMMERCIAL, actor_type="nonprofit", purpose="production"), Allowed)


def test_weights_that_were_never_released_cannot_be_run() -> None:
    assert _rule("codestral-2508", is_hosted_api=False) == "R11"


@pytest.mark.parametrize("model", [_RESEARCH_ONLY, "codestral-2508", "never-heard-of"])
def test_the_hosted_api_goes_by_its_own_terms(model: str) -> None:
    assert _rule(model, is_hosted_api=True, actor_type="company", purpose="production") == "HOSTED"


def test_a_separate_licence_covers_the_models_that_it_names() -> None:
    use = {"actor_type": "company", "purpose": "production", "separate_licence_reference": "C-1"}

    assert _rule(_RESEARCH_ONLY, **use) == "R1"
    assert _rule(_RESEARCH_ONLY, **use, separate_licence_models="mistral-large-*, pixtral-large-*") == "R1"
    assert _rule(_RESEARCH_ONLY, **use, separate_licence_models="codestral-*") == "R2"


@pytest.mark.parametrize("model", ["never-heard-of", "mistralai/Mistral-Large-4-1T-A52B"])
def test_an_unknown_licence_is_neither_allowed_nor_denied(model: str) -> None:
    assert isinstance(_decide(model, actor_type="individual", purpose="personal"), Unknown)


def test_a_derivative_inherits_the_licence_of_its_base() -> None:
    assert _rule("our-tune", base_model=_RESEARCH_ONLY, actor_type="company", purpose="production") == "R2"
    assert isinstance(_decide("our-tune", base_model=_OPEN), Allowed)


def test_a_person_may_name_the_licence_of_an_unknown_model_but_not_of_a_known_one() -> None:
    assert isinstance(_decide("our-own", licence="Apache-2.0"), Allowed)
    assert isinstance(_decide("our-own", licence="no-such-licence"), Unknown)
    assert _rule(_RESEARCH_ONLY, licence="Apache-2.0", actor_type="company") == "R2"


@pytest.mark.parametrize("licence", sorted(_REGISTRY.licences))
def test_every_rule_but_those_of_obligations_is_reachable(licence: str) -> None:
    rules = {d.rule for d in DENIALS if licence in d.licences}
    facts = {
        "actor_type": "company",
        "employer_monthly_revenue_usd": 1e9,
        "monthly_active_users": 1e9,
        "is_eu_based": True,
        "is_hosted_api": False,
    }
    seen = {
        decision.rule
        for purpose, environment in itertools.product(PURPOSES, ENVIRONMENTS)
        if isinstance(
            decision := judge(_REGISTRY.licences[licence], Use(purpose=purpose, environment=environment, **facts)),
            Denied,
        )
    }

    assert seen <= rules
    assert bool(seen) == bool(rules - {"R8", "R9"})


@given(
    st.sampled_from([_RESEARCH_ONLY, _NON_PRODUCTION, _CAPPED, _NON_COMMERCIAL, "codestral-2508", "Qwen/Qwen2.5-3B"]),
    st.fixed_dictionaries(
        {},
        optional={
            "actor_type": st.sampled_from(ACTORS),
            "purpose": st.sampled_from(PURPOSES),
            "environment": st.sampled_from(ENVIRONMENTS),
            "end_user_exposure": st.booleans(),
            "employer_monthly_revenue_usd": st.sampled_from([0.0, 1e8]),
        },
    ),
    st.sampled_from(["actor_type", "purpose", "environment", "end_user_exposure", "employer_monthly_revenue_usd"]),
)
def test_saying_less_never_turns_a_denial_into_permission(model: str, declared: dict, silent: str) -> None:
    """Keeping something quiet makes a denied use undeclared; only a person's revenue need not be told."""
    if not isinstance(_decide(model, **declared), Denied) or silent == "employer_monthly_revenue_usd":
        return
    quieter = _decide(model, **{k: v for k, v in declared.items() if k != silent})

    assert not isinstance(quieter, Allowed) or silent in ("environment", "end_user_exposure")
