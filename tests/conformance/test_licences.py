"""Every name of a model, every use, through the licence engine: 100 % as the texts of the licences say."""

from __future__ import annotations

import tomllib
from collections import Counter
from datetime import date
from pathlib import Path

import msgspec
import pytest

from leeward.licences.contracts import Contract
from leeward.licences.decide import Allowed, Decision, Denied, Expired, Undeclared, Unknown, decide
from leeward.licences.registry import builtin_registry
from leeward.licences.use import read_declaration

FOLDER = Path(__file__).parents[2] / "conformance" / "licences"
REGISTRY = builtin_registry()


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    licence: str
    names: list[str]


class Licensed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    uses: list[tuple[str, str, str, str, str, str]]


class Uses(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    today: date
    contracts: dict[str, str]
    purposes: dict[str, dict[str, str]]
    licence: list[Licensed]


MODELS = msgspec.convert(tomllib.loads((FOLDER / "models.toml").read_text("utf-8"))["model"], list[Model])
USES = msgspec.convert(tomllib.loads((FOLDER / "uses.toml").read_text("utf-8")), Uses)
BY_LICENCE = {licensed.id: licensed.uses for licensed in USES.licence}
NAMES = [(name, model) for model in MODELS for name in model.names]


def told(decision: Decision) -> tuple[str, str, str]:
    match decision:
        case Allowed(rule=rule, clause=clause):
            return "allowed", rule, clause
        case Denied(rule=rule, clause=clause):
            return "denied", rule, clause
        case Undeclared(rules=rules):
            return "undeclared", ", ".join(rules), ""
        case Expired(rule=rule):
            return "expired", rule, ""
        case Unknown(rule=rule):
            return "unknown", rule, ""


def decided(name: str, purpose: str, revenue: str, contract: str) -> tuple[str, str, str]:
    facts = {**USES.purposes[purpose], "is_hosted_api": False, "revenue_band": revenue}
    held = ()
    if contract != "none":
        held = (Contract(reference="C-1", models=(name,), expires=date.fromisoformat(USES.contracts[contract])),)
    use = read_declaration(facts).use
    return told(decide(REGISTRY.resolve(name), use, REGISTRY, contracts=held, today=USES.today, name=name))


@pytest.mark.parametrize(("name", "model"), NAMES, ids=lambda value: value if isinstance(value, str) else "")
def test_each_name_of_each_model_is_decided_as_its_licence_says(name: str, model: Model) -> None:
    match = REGISTRY.resolve(name)
    licence = match.licence.id if match and match.licence else "unknown"
    dated = match.model.id if match and match.model else ""
    rows = BY_LICENCE[model.licence]
    agreeing = [row for row in rows if decided(name, *row[:3]) == row[3:]]

    assert (licence, dated) == (model.licence, model.id)
    assert agreeing == rows


def test_every_row_of_the_registry_under_every_name_has_vectors() -> None:
    written = {name for name, _ in NAMES}
    missing = [n for row in REGISTRY.models for n in (row.id, *row.repos, *row.names) if n not in written]

    assert missing == []
    assert {row.id for row in REGISTRY.models} <= {model.id for model in MODELS}
    assert [name for name, times in Counter(name for name, _ in NAMES).items() if times > 1] == []


def test_every_licence_has_vectors_for_every_use() -> None:
    grid = {
        (purpose, revenue, contract)
        for purpose in USES.purposes
        for revenue in ("", "up_to_20m", "over_20m")
        for contract in USES.contracts
    }

    assert {*BY_LICENCE} == {*REGISTRY.licences, "unknown"}
    assert [key for key, rows in BY_LICENCE.items() if Counter(row[:3] for row in rows) != Counter(grid)] == []
