from __future__ import annotations

import pytest

from leeward.licences.use import Use, read_declaration


def test_facts_are_read_as_a_use_and_other_facts_passed_over() -> None:
    declared = read_declaration(
        {
            "model": "m",
            "tenant": "acme",
            "is_hosted_api": False,
            "actor_type": "Company",
            "purpose": "internal-business",
            "employer_monthly_revenue_usd": 5,
            "monthly_active_users": "1_000",
            "end_user_exposure": "yes",
        }
    )

    assert not declared.problems
    assert declared.use == Use(
        is_hosted_api=False,
        actor_type="company",
        purpose="internal_business",
        employer_monthly_revenue_usd=5.0,
        monthly_active_users=1_000.0,
        end_user_exposure=True,
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("actor_type", "firm", "one of individual, academic"),
        ("purpose", 3, "one of research"),
        ("employer_monthly_revenue_usd", "lots", "a number"),
        ("employer_monthly_revenue_usd", -1, "a number"),
        ("employer_monthly_revenue_usd", True, "a number"),
        ("end_user_exposure", "maybe", "true or false"),
        ("licence", 1, "text"),
    ],
)
def test_what_cannot_be_read_counts_as_not_declared_and_is_told(field: str, value: object, said: str) -> None:
    declared = read_declaration({field: value})  # type: ignore[dict-item]

    assert declared.use == Use()
    assert said in declared.problems[field]


def test_a_purpose_implies_where_it_happens_and_never_overrules_what_was_said() -> None:
    assert Use(purpose="testing").with_implied() == Use(
        purpose="testing", environment="non_production", end_user_exposure=False
    )
    assert Use(purpose="resale").with_implied().environment == "production"
    assert Use(purpose="testing", environment="production").with_implied().environment == "production"
