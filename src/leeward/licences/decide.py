"""Whether a licence covers a declared use: a pure function of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import partial
from typing import Final, TypeAlias

from leeward.licences.registry import Licence, Match, Registry, tidy
from leeward.licences.use import ACTORS, COMPANY, DISTRIBUTIONS, ENVIRONMENTS, PURPOSES, Use

_NO_UNLESS_SAID: Final = frozenset({"distribution", "is_derivative"})
_SPREADING: Final = frozenset({"weights", "derivative", "hosted_service", "embedded"})
_COPYING: Final = frozenset({"weights", "derivative"})
_BUSINESS: Final = frozenset({"internal_business", "production", "resale"})
REVENUE_CAP_USD: Final = 20_000_000
LLAMA_CAP_USERS: Final = 700_000_000
QWEN_CAP_USERS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Allowed:
    """The licence covers the use.

    Attributes:
        rule: Id of the decision rule that says so; empty when no rule speaks against it.
    """

    licence: Licence | None
    rule: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Denied:
    """The licence does not cover the use.

    Attributes:
        remedy: What would make it covered.
    """

    licence: Licence
    rule: str
    reason: str
    remedy: str


@dataclass(frozen=True, slots=True)
class Undeclared:
    """Whether it is covered depends on what nobody said.

    Attributes:
        missing: Fields of `Use` to declare, most telling first.
    """

    licence: Licence
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """No licence is known for the model, so a person must look first."""

    reason: str


Decision: TypeAlias = Allowed | Denied | Undeclared | Unknown


@dataclass(frozen=True, slots=True)
class _Test:
    """A question about one field; the answer is None when the field was not declared."""

    field: str
    holds: Callable[[object], bool]

    def ask(self, use: Use) -> bool | None:
        value = getattr(use, self.field)
        return None if value is None else self.holds(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Denial:
    """A rule that denies when all tests of any of its cases hold.

    Attributes:
        needs_answer: Whether the use must be declared as far as this rule asks. Rules about passing weights on
            do not need it: who declares no distribution distributes nothing.
    """

    rule: str
    licences: frozenset[str]
    cases: tuple[tuple[_Test, ...], ...]
    reason: str
    remedy: str
    needs_answer: bool = True


def _is(field: str, *words: object) -> _Test:
    return _Test(field, partial(_among, frozenset(words)))


def _among(words: frozenset[object], value: object) -> bool:
    return value in words


def _above(field: str, limit: float) -> _Test:
    return _Test(field, lambda value: isinstance(value, int | float) and value > limit)


_NOT_RESEARCH = _Test("purpose", lambda value: value != "research")
_CONTRACT = "Use the model within its licence, choose another one, or get a separate licence from the licensor"
_MRL, _MNPL, _CAPPED = frozenset({"MRL-0.1"}), frozenset({"MNPL-0.1"}), frozenset({"Mistral-Modified-MIT"})

DENIALS: Final = (
    _Denial(
        rule="R2",
        licences=_MRL,
        cases=((_NOT_RESEARCH,), (_is("actor_type", COMPANY),), (_is("environment", "production"),)),
        reason="it permits non-profit research only, with no link to a company or its revenue",
        remedy=_CONTRACT,
    ),
    _Denial(
        rule="R3",
        licences=_MRL,
        cases=((_is("outputs_leave_research", True),),),
        reason="its limit to research covers what the model writes as well",
        remedy="Keep outputs within research, or get a separate licence from the licensor",
        needs_answer=False,
    ),
    _Denial(
        rule="R4",
        licences=_MNPL,
        cases=(
            (_is("purpose", *_BUSINESS),),
            (_is("environment", "production"),),
            (_is("end_user_exposure", True),),
        ),
        reason="it permits nothing in production, in front of end users, or in the business of a company",
        remedy=_CONTRACT,
    ),
    _Denial(
        rule="R6",
        licences=_CAPPED,
        cases=((_above("employer_monthly_revenue_usd", REVENUE_CAP_USD),),),
        reason="it gives no rights to companies, and their staff, above 20 million US dollars of monthly revenue",
        remedy="Get a commercial licence from the licensor, or use the licensor's hosted service",
        needs_answer=False,
    ),
    _Denial(
        rule="R7",
        licences=_CAPPED,
        cases=((_is("actor_type", COMPANY), _above("employer_monthly_revenue_usd", REVENUE_CAP_USD)),),
        reason="it gives no rights to companies above 20 million US dollars of worldwide monthly revenue",
        remedy="Get a commercial licence from the licensor, or use the licensor's hosted service",
    ),
    _Denial(
        rule="R8",
        licences=_MRL | _MNPL,
        cases=(
            (_is("distribution", *_COPYING), _is("notice_file_present", False)),
            (_is("distribution", *_COPYING), _is("licence_copy_present", False)),
        ),
        reason="weights may be passed on only with the agreement and the notice file",
        remedy="Add a copy of the licence and the notice file",
    ),
    _Denial(
        rule="R9",
        licences=_MRL | _MNPL | {"Apache-2.0"},
        cases=(
            (_is("is_derivative", True), _is("distribution", *_SPREADING), _is("modification_notice_present", False)),
        ),
        reason="changed weights may be passed on only with a notice that says that they were changed",
        remedy="Add a notice that states the changes",
    ),
    _Denial(
        rule="R10",
        licences=frozenset({"CC-BY-NC-4.0"}),
        cases=((_is("purpose", *_BUSINESS), _is("actor_type", COMPANY)),),
        reason="it permits non-commercial use only",
        remedy=_CONTRACT,
    ),
    _Denial(
        rule="R11",
        licences=frozenset({"Mistral-Commercial-API"}),
        cases=((_is("is_hosted_api", False),),),
        reason="its weights were never released, so nobody but the licensor may run it",
        remedy="Use the licensor's hosted API",
    ),
    _Denial(
        rule="LLAMA-USERS",
        licences=frozenset({"Llama-Community", "Llama-Community-Multimodal"}),
        cases=((_above("monthly_active_users", LLAMA_CAP_USERS),),),
        reason="it gives no rights to companies above 700 million monthly active users",
        remedy=_CONTRACT,
        needs_answer=False,
    ),
    _Denial(
        rule="LLAMA-EU",
        licences=frozenset({"Llama-Community-Multimodal"}),
        cases=((_is("is_eu_based", True),),),
        reason="it gives no rights to persons and companies that are based in the European Union",
        remedy="Choose a model whose licence covers the European Union",
    ),
    _Denial(
        rule="QWEN-USERS",
        licences=frozenset({"Qwen-License"}),
        cases=((_above("monthly_active_users", QWEN_CAP_USERS),),),
        reason="it needs a separate licence above 100 million monthly active users",
        remedy=_CONTRACT,
        needs_answer=False,
    ),
    _Denial(
        rule="QWEN-RESEARCH",
        licences=frozenset({"Qwen-Research"}),
        cases=((_is("purpose", *_BUSINESS),),),
        reason="it permits non-commercial use only",
        remedy=_CONTRACT,
    ),
)

_CHOICES: Final = {
    "actor_type": "|".join(ACTORS),
    "purpose": "|".join(PURPOSES),
    "environment": "|".join(ENVIRONMENTS),
    "distribution": "|".join(DISTRIBUTIONS),
    "employer_monthly_revenue_usd": "amount in US dollars",
    "monthly_active_users": "number",
}


def how_to_declare(field: str) -> str:
    """Return how `field` is declared, e.g. `environment = non_production|production`."""
    return f"{field} = {_CHOICES.get(field, 'true|false')}"


def decide(match: Match | None, use: Use, registry: Registry) -> Decision:
    """Return whether `use` of the model is covered.

    Args:
        match: What the model's name was resolved to; None when the registry does not know it.
        use: As declared; what its purpose implies need not be declared.
        registry: For the base of a derivative and for a licence that a person confirmed.
    """
    licence = match.licence if match else None
    # The weight licence binds who runs the weights, not who calls the licensor's own service.
    if use.is_hosted_api:
        return Allowed(licence, "HOSTED", "the terms of the hosted service apply, not the licence of the weights")
    if use.outputs_only and licence and not licence.outputs_are_research_only:
        return Allowed(licence, "R5", "the licence does not reach outputs")
    if match and _has_contract(match.name, use):
        return Allowed(licence, "R1", f"separate licence {use.separate_licence_reference}")
    if licence is None and not (match and match.model):
        licence, use = _by_person(use, registry)
    if licence is None:
        return Unknown(_why_unknown(match))
    return judge(licence, use)


def judge(licence: Licence, use: Use) -> Decision:
    """Return whether `licence` covers `use`: denied if any rule denies, undeclared if any might."""
    use = use.with_implied()
    missing: dict[str, None] = {}
    for denial in DENIALS:
        if licence.id not in denial.licences:
            continue
        for case in denial.cases:
            answers = [test.ask(use) for test in case]
            if all(answers):
                return Denied(licence, denial.rule, denial.reason, denial.remedy)
            if denial.needs_answer and False not in answers:
                missing |= dict.fromkeys(_unanswered(case, answers))
    return Undeclared(licence, tuple(missing)) if missing else Allowed(licence)


def _unanswered(case: tuple[_Test, ...], answers: list[bool | None]) -> Iterator[str]:
    """Yield the fields that leave `case` open; who says nothing of passing weights on passes none on."""
    fields = [test.field for test, answer in zip(case, answers, strict=True) if answer is None]
    if _NO_UNLESS_SAID.isdisjoint(fields):
        yield from fields


def _has_contract(name: str, use: Use) -> bool:
    if not use.separate_licence_reference.strip():
        return False
    globs = [glob.strip().lower() for glob in use.separate_licence_models.split(",") if glob.strip()]
    bare = tidy(name)
    return not globs or any(fnmatchcase(bare, glob) for glob in globs)


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
