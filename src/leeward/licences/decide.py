"""Whether a licence covers a declared use: a pure function of the two and of the day."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Final, TypeAlias

from leeward.licences.contracts import Contract, in_force, last_over
from leeward.licences.denials import DENIALS, Test
from leeward.licences.registry import Licence, Match, Registry
from leeward.licences.use import ACTORS, BANDS, DISTRIBUTIONS, ENVIRONMENTS, PURPOSES, Use, day_in

# Rules of decisions that no denial makes.
BY_CONTRACT, BY_OUTPUTS, BY_HOST, BY_GRANT, UNKNOWN_RULE, LAPSED = "R1", "R5", "HOSTED", "GRANT", "R12", "EXPIRED"
_NO_UNLESS_SAID: Final = frozenset({"distribution", "is_derivative"})


@dataclass(frozen=True, slots=True)
class Allowed:
    """The licence, or a contract, covers the use.

    Attributes:
        rule: Id of the decision rule: `GRANT` when the licence itself covers it.
        clause: Where the licence says so; empty when a contract or other terms decide.
        contract: The separate licence that covers it; None when none was needed.
    """

    licence: Licence | None
    rule: str = BY_GRANT
    reason: str = ""
    clause: str = ""
    contract: Contract | None = None


@dataclass(frozen=True, slots=True)
class Denied:
    """The licence does not cover the use.

    Attributes:
        remedy: What would make it covered.
        clause: Where the licence says so; empty when its text has no numbers.
    """

    licence: Licence
    rule: str
    reason: str
    remedy: str
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Undeclared:
    """Whether it is covered depends on what nobody said.

    Attributes:
        missing: Fields of `Use` to declare, most telling first.
        rules: Ids of the rules that ask for them.
    """

    licence: Licence
    missing: tuple[str, ...]
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Expired:
    """What covered the use has come to its end: a contract, or a declaration that was not renewed.

    Attributes:
        licence: Of the weights; None when it is unknown.
        contract: Number of the contract; empty when the declaration ended.
        since: Its last day.
    """

    licence: Licence | None
    contract: str
    since: date | None
    reason: str
    remedy: str
    rule: str = LAPSED


@dataclass(frozen=True, slots=True)
class Unknown:
    """No licence is known for the model, so a person must look first."""

    reason: str
    rule: str = UNKNOWN_RULE


Decision: TypeAlias = Allowed | Denied | Undeclared | Expired | Unknown

_CHOICES: Final = {
    "actor_type": "|".join(ACTORS),
    "purpose": "|".join(PURPOSES),
    "environment": "|".join(ENVIRONMENTS),
    "distribution": "|".join(DISTRIBUTIONS),
    "employer_monthly_revenue_usd": f"amount in US dollars, or revenue_band = {'|'.join(BANDS)}",
    "monthly_active_users": "number",
}


def how_to_declare(field: str) -> str:
    """Return how `field` is declared, e.g. `environment = non_production|production`."""
    return f"{field} = {_CHOICES.get(field, 'true|false')}"


def decide(
    match: Match | None,
    use: Use,
    registry: Registry,
    *,
    contracts: Sequence[Contract] = (),
    today: date | None = None,
    name: str = "",
) -> Decision:
    """Return whether `use` of the model is covered.

    Args:
        match: What the model's name was resolved to; None when the registry does not know it.
        use: As declared; what its purpose implies need not be declared.
        registry: For the base of a derivative and for a licence that a person confirmed.
        contracts: Separate licences, beside the one that `use` may name.
        today: Day of the use, UTC; when None, whatever has an end counts as over.
        name: Of a model that the registry does not know; a contract may name it all the same.
    """
    licence = match.licence if match else None
    # The weight licence binds who runs the weights, not who calls the licensor's own service.
    if use.is_hosted_api:
        return Allowed(licence, BY_HOST, "the terms of the hosted service apply, not the licence of the weights")
    if use.outputs_only and licence and not licence.outputs_are_research_only:
        return Allowed(licence, BY_OUTPUTS, "the licence does not reach outputs", licence.outputs_clause)
    held = (*contracts, *_named_in(use))
    named = match or Match(name=name, model=None, licence=None)
    if contract := in_force(held, named, use.purpose, today):
        end = f", until {contract.expires}" if contract.expires else ""
        return Allowed(licence, BY_CONTRACT, f"separate licence {contract.reference}{end}", contract=contract)
    over = last_over(held, named, use.purpose, today)
    decision = _without_contract(match, licence, use, registry, today)
    return decision if over is None or isinstance(decision, Allowed) else _after_contract(decision, over)


def _without_contract(
    match: Match | None, licence: Licence | None, use: Use, registry: Registry, today: date | None
) -> Decision:
    if licence is None:
        licence, use = _by_person(use, registry)
    if licence is None:
        return Unknown(_why_unknown(match))
    until = day_in(use.valid_until)
    if not use.valid_until or (until is not None and today is not None and today <= until):
        return judge(licence, use)
    # What was declared for a time counts for nothing afterwards; a licence that asks nothing does not mind.
    silent = judge(licence, use.without_declaration())
    if isinstance(silent, Allowed):
        return silent
    reason = f"what was declared about its use was declared until {use.valid_until} and not renewed"
    return Expired(licence, "", until, reason, "Declare the use anew, with a later `valid_until`")


def _after_contract(decision: Decision, over: Contract) -> Expired:
    licence = None if isinstance(decision, Unknown) else decision.licence
    return Expired(
        licence,
        over.reference,
        over.expires,
        f"the separate licence {over.reference} that covered it ended on {over.expires}",
        "Renew the contract and write its new last day in the settings",
    )


def judge(licence: Licence, use: Use) -> Decision:
    """Return whether `licence` covers `use`: denied if any rule denies, undeclared if any might."""
    use = use.with_implied()
    missing: dict[str, None] = {}
    rules: dict[str, None] = {}
    for denial in DENIALS:
        if licence.id not in denial.licences:
            continue
        for case in denial.cases:
            answers = [test.ask(use) for test in case]
            if all(answers):
                return Denied(licence, denial.rule, denial.reason, denial.remedy, denial.clause(licence.id))
            if denial.needs_answer and False not in answers and (fields := [*_unanswered(case, answers)]):
                missing |= dict.fromkeys(fields)
                rules[denial.rule] = None
    if missing:
        return Undeclared(licence, tuple(missing), tuple(rules))
    return Allowed(licence, clause=licence.grant)


def _unanswered(case: tuple[Test, ...], answers: list[bool | None]) -> Iterator[str]:
    """Yield the fields that leave `case` open; who says nothing of passing weights on passes none on."""
    fields = [test.field for test, answer in zip(case, answers, strict=True) if answer is None]
    if _NO_UNLESS_SAID.isdisjoint(fields):
        yield from fields


def _named_in(use: Use) -> Iterator[Contract]:
    """Yield the contract that the declaration itself names; one whose end cannot be read is over."""
    if not use.separate_licence_reference.strip():
        return
    globs = tuple(glob.strip() for glob in use.separate_licence_models.split(",") if glob.strip())
    ends = use.separate_licence_expires
    last = (day_in(ends) or date.min) if ends else None
    yield Contract(reference=use.separate_licence_reference, models=globs, expires=last)


def _by_person(use: Use, registry: Registry) -> tuple[Licence | None, Use]:
    """Return the licence of the declared base, or the one that a person found, for a model nobody registered."""
    base = registry.resolve(use.base_model)
    if base is not None:
        return base.licence, replace(use, is_derivative=True)
    return registry.licences.get(use.licence), use


def _why_unknown(match: Match | None) -> str:
    if match and match.model:
        return f"no licence was published for {match.model.family} where the registry looked"
    return "the registry does not know this model"
