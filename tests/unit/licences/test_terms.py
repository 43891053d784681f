from __future__ import annotations

from datetime import date

import pytest

from leeward.errors import SettingsError
from leeward.licences.contracts import Contract
from leeward.licences.registry import builtin_registry
from leeward.licences.terms import Terms, checked, declared_uses

REGISTRY = builtin_registry()
TODAY = date(2026, 11, 24)
NEAR, FAR, PAST = date(2026, 12, 1), date(2028, 1, 1), date(2026, 11, 1)


def terms() -> Terms:
    contracts = {
        "acme": (
            Contract(reference="A-1", models=("mistral-large-*",), expires=NEAR),
            Contract(reference="A-2", models=("codestral-*",), expires=PAST),
        ),
        "bank": (Contract(reference="B-1", expires=FAR),),
    }
    uses = {"bank": {"purpose": "research", "valid_until": "2026-11-30"}, "lab": {"purpose": "research"}}
    return Terms(contracts=contracts, declared=declared_uses(uses))


def test_what_has_an_end_is_listed_contracts_before_declarations() -> None:
    held = [(h.tenant, h.kind, h.contract.reference, h.contract.expires) for h in terms().held()]

    assert held == [
        ("acme", "contract", "A-1", NEAR),
        ("acme", "contract", "A-2", PAST),
        ("bank", "contract", "B-1", FAR),
        ("bank", "declaration", "", date(2026, 11, 30)),
    ]


def test_a_contract_that_the_declaration_names_is_listed_too() -> None:
    uses = {"acme": {"separate_licence_reference": "C-9", "separate_licence_expires": "2026-12-01"}}
    (held,) = Terms(declared=declared_uses(uses)).held()

    assert (held.contract.reference, held.contract.expires) == ("C-9", NEAR)


def test_only_what_is_near_or_past_is_told() -> None:
    told = list(terms().told(TODAY))

    assert [sentence.split(" ends on ")[0].split(" ended on ")[0] for sentence in told] == [
        "The licence contract A-1 of tenant acme",
        "The licence contract A-2 of tenant acme",
        "The declared use of tenant bank",
    ]


def test_a_tenant_is_noticed_of_what_covers_the_model_that_it_uses() -> None:
    def notices(tenant: str, model: str) -> int:
        return len(terms().notices(tenant, REGISTRY.resolve(model), TODAY))

    assert notices("acme", "mistral-large-2411") == 1
    assert notices("acme", "mistral-small-2506") == 0
    assert notices("acme", "codestral-2405") == 0
    assert notices("bank", "mistral-small-2506") == 1
    assert notices("lab", "mistral-large-2411") == 0


@pytest.mark.parametrize(
    ("model", "requested", "told"),
    [
        ("our-tune", "our-tune", "mistral-small-2506"),
        ("/models/Our-Tune.Q4_K_M.gguf", "x", "mistral-small-2506"),
        ("served", "ours-7b", "MIT"),
        ("other", "other", ""),
    ],
)
def test_a_model_is_confirmed_by_name_or_glob_as_it_is_served_or_asked_for(
    model: str, requested: str, told: str
) -> None:
    confirmed = Terms(confirmed={"our-tune": "mistral-small-2506", "ours-*": "MIT"})

    assert confirmed.confirmed_for(model, requested) == told


def test_a_confirmation_must_name_a_licence_or_a_model_of_the_registry() -> None:
    sound = Terms(confirmed={"a": "MIT", "b": "mistral-small-2506"})

    assert checked(sound, REGISTRY) is sound
    with pytest.raises(SettingsError, match="'WTFPL', said of 'c'"):
        checked(Terms(confirmed={"c": "WTFPL"}), REGISTRY)
