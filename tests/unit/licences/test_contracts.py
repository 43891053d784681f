from __future__ import annotations

from datetime import date

import pytest

from leeward.licences.contracts import Contract, Held, Standing, day_of, in_force, last_over
from leeward.licences.decide import Allowed, Decision, Denied, Expired, Undeclared, Unknown, decide
from leeward.licences.registry import Match, builtin_registry
from leeward.licences.use import Use

REGISTRY = builtin_registry()
TODAY = date(2026, 11, 24)
COMPANY = Use(actor_type="company", purpose="production", is_hosted_api=False)


def match(model: str) -> Match:
    found = REGISTRY.resolve(model)
    assert found is not None
    return found


def decided(
    model: str, *contracts: Contract, use: Use = COMPANY, today: date | None = TODAY, name: str = ""
) -> Decision:
    return decide(REGISTRY.resolve(model), use, REGISTRY, contracts=contracts, today=today, name=name or model)


@pytest.mark.parametrize(
    ("starts", "expires", "standing"),
    [
        (None, None, Standing.VALID),
        (None, date(2027, 11, 24), Standing.VALID),
        (date(2026, 11, 25), None, Standing.UPCOMING),
        (None, date(2026, 12, 24), Standing.EXPIRING),
        (None, TODAY, Standing.EXPIRING),
        (None, date(2026, 11, 23), Standing.EXPIRED),
    ],
)
def test_a_contract_stands_somewhere_on_every_day(
    starts: date | None, expires: date | None, standing: Standing
) -> None:
    assert Contract(reference="C", starts=starts, expires=expires).standing(TODAY) is standing


def test_a_contract_covers_its_model_under_every_name_to_the_end_of_its_last_day() -> None:
    contract = Contract(reference="C-1", models=("mistral-large-2411",), expires=TODAY)
    names = ("mistral-large-2411", "mistralai/Mistral-Large-Instruct-2411", "mistral-large")

    assert [decided(name, contract) for name in names] == [
        Allowed(match(name).licence, "R1", f"separate licence C-1, until {TODAY}", contract=contract) for name in names
    ]
    assert isinstance(decided("mistral-large-2407", contract), Denied)


def test_what_a_contract_covered_is_refused_with_its_number_and_last_day_when_it_is_over() -> None:
    over = Contract(reference="C-1", expires=date(2026, 11, 23))
    decision = decided("codestral-2405", over)

    assert isinstance(decision, Expired)
    assert (decision.contract, decision.since, decision.rule) == ("C-1", over.expires, "EXPIRED")
    assert "2026-11-23" in decision.reason


def test_a_contract_that_is_over_takes_nothing_from_an_open_licence() -> None:
    assert decided("mistral-small-2506", Contract(reference="C", expires=date(2020, 1, 1))) == Allowed(
        match("mistral-small-2506").licence, clause="Apache-2.0, section 2"
    )


def test_a_contract_that_has_not_begun_covers_nothing_yet() -> None:
    assert isinstance(decided("codestral-2405", Contract(reference="C", starts=date(2026, 12, 1))), Denied)


def test_where_nobody_knows_the_day_what_has_an_end_is_over() -> None:
    ends, endless = Contract(reference="C", expires=date(2099, 1, 1)), Contract(reference="D")

    assert isinstance(decided("codestral-2405", ends, today=None), Expired)
    assert isinstance(decided("codestral-2405", ends, endless, today=None), Allowed)


def test_a_contract_may_be_for_some_purposes_only() -> None:
    internal = Contract(reference="C", purposes=("internal_business",))

    assert isinstance(decided("codestral-2405", internal), Denied)
    assert isinstance(decided("codestral-2405", internal, use=Use(purpose="internal_business")), Allowed)


def test_of_several_contracts_the_one_that_lasts_longest_counts() -> None:
    some = [Contract(reference=str(year), expires=date(year, 1, 1)) for year in (2020, 2025, 2027, 2030)]

    assert in_force(some, match("codestral-2405"), None, TODAY) == some[3]
    assert last_over(some, match("codestral-2405"), None, TODAY) == some[1]


@pytest.mark.parametrize(
    ("models", "kind"), [((), Unknown), (("*",), Unknown), (("our-*",), Allowed), (("other",), Unknown)]
)
def test_an_unknown_model_is_covered_only_by_a_contract_that_names_it(
    models: tuple[str, ...], kind: type[Decision]
) -> None:
    assert isinstance(decided("our-tune", Contract(reference="C", models=models)), kind)


def test_a_declaration_counts_until_its_last_day_and_then_covers_nothing() -> None:
    def said(until: str) -> Decision:
        use = Use(actor_type="academic", purpose="research", is_hosted_api=False, valid_until=until)
        return decided("mistral-large-2411", use=use)

    assert isinstance(said("2026-11-24"), Allowed)
    assert [type(said(until)) for until in ("2026-11-23", "soon")] == [Expired, Expired]


def test_a_declaration_that_is_over_takes_nothing_from_an_open_licence() -> None:
    use = Use(actor_type="company", purpose="production", is_hosted_api=False, valid_until="2020-01-01")

    assert isinstance(decided("mistral-small-2506", use=use), Allowed)


def test_a_contract_named_in_the_declaration_may_have_an_end_as_well() -> None:
    def said(expires: str) -> Decision:
        use = Use(purpose="production", separate_licence_reference="C", separate_licence_expires=expires)
        return decided("codestral-2405", use=use)

    assert [type(said(day)) for day in ("", "2026-11-24", "2026-11-23", "31.12.2099")] == [
        Allowed, Allowed, Expired, Expired,
    ]  # fmt: skip


@pytest.mark.parametrize(("band", "kind"), [("up_to_20m", Allowed), ("over_20m", Denied), (None, Undeclared)])
def test_a_band_of_revenue_decides_where_no_figure_is_given(band: str | None, kind: type[Decision]) -> None:
    use = Use(actor_type="company", purpose="production", revenue_band=band)

    assert isinstance(decided("devstral-2512", use=use), kind)


def test_a_figure_of_revenue_goes_before_a_band() -> None:
    use = Use(actor_type="company", revenue_band="over_20m", employer_monthly_revenue_usd=1.0)

    assert isinstance(decided("devstral-2512", use=use), Allowed)


def test_reselling_is_commercial_whoever_does_it() -> None:
    decision = decided("voxtral-mini-tts-2603", use=Use(actor_type="individual", purpose="resale"))

    assert isinstance(decision, Denied)
    assert (decision.rule, decision.clause) == ("R10", "CC-BY-NC-4.0, section 2(a)(1)")


def test_a_person_can_confirm_a_model_whose_row_names_no_licence() -> None:
    assert isinstance(decided("zai-glm-5-2", use=Use(licence="MIT")), Allowed)


def test_an_end_is_told_when_it_is_near_and_when_it_is_past() -> None:
    def told(expires: date | None) -> str:
        return Held("acme", Contract(reference="C-1", expires=expires)).told(TODAY, 30)

    assert [told(None), told(date(2027, 6, 1))] == ["", ""]
    assert told(date(2026, 12, 1)) == "The licence contract C-1 of tenant acme ends on 2026-12-01, in 7 days. Renew it."
    assert "ended on 2026-11-01" in told(date(2026, 11, 1))


def test_days_are_those_of_utc() -> None:
    assert [day_of(t).isoformat() for t in (0.0, 86_399.9, 86_400.0)] == ["1970-01-01", "1970-01-01", "1970-01-02"]
