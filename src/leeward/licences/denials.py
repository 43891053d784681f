"""What licences deny, as data: each rule with the clause that it restates."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from leeward.licences.use import COMPANY, Use

SPREADING: Final = frozenset({"weights", "derivative", "hosted_service", "embedded"})
COPYING: Final = frozenset({"weights", "derivative"})
BUSINESS: Final = frozenset({"internal_business", "production", "resale"})
REVENUE_CAP_USD: Final = 20_000_000
LLAMA_CAP_USERS: Final = 700_000_000
QWEN_CAP_USERS: Final = 100_000_000


@dataclass(frozen=True, slots=True)
class Test:
    """A question about one field; the answer is None when the field was not declared."""

    field: str
    holds: Callable[[object], bool]

    def ask(self, use: Use) -> bool | None:
        """Return whether it holds for a use; None when the use does not say."""
        value = getattr(use, self.field)
        return None if value is None else self.holds(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denial:
    """A rule that denies when all tests of any of its cases hold.

    Attributes:
        rule: Its id, which a decision names.
        clauses: By licence, the section of its text.
        needs_answer: Whether the use must be declared as far as this rule asks. Rules about passing weights on
            do not need it: who declares no distribution distributes nothing.
    """

    rule: str
    licences: frozenset[str]
    cases: tuple[tuple[Test, ...], ...]
    reason: str
    remedy: str
    needs_answer: bool = True
    clauses: Mapping[str, str] = field(default_factory=dict)

    def clause(self, licence: str) -> str:
        """Return the clause of `licence` that the rule restates, e.g. `MRL-0.1, section 3.2`; else nothing."""
        section = self.clauses.get(licence, "")
        return f"{licence}, {section}" if section else ""


def _is(field: str, *words: object) -> Test:
    return Test(field, partial(_among, frozenset(words)))


def _among(words: frozenset[object], value: object) -> bool:
    return value in words


def _above(field: str, limit: float) -> Test:
    return Test(field, lambda value: isinstance(value, int | float) and value > limit)


_NOT_RESEARCH = Test("purpose", lambda value: value != "research")
_CONTRACT = "Use the model within its licence, choose another one, or get a separate licence from the licensor"
_MRL, _MNPL, _CAPPED = frozenset({"MRL-0.1"}), frozenset({"MNPL-0.1"}), frozenset({"Mistral-Modified-MIT"})

DENIALS: Final = (
    Denial(
        rule="R2",
        clauses={"MRL-0.1": "section 3.2"},
        licences=_MRL,
        cases=((_NOT_RESEARCH,), (_is("actor_type", COMPANY),), (_is("environment", "production"),)),
        reason="it permits non-profit research only, with no link to a company or its revenue",
        remedy=_CONTRACT,
    ),
    Denial(
        rule="R3",
        clauses={"MRL-0.1": "section 4.2"},
        licences=_MRL,
        cases=((_is("outputs_leave_research", True),),),
        reason="its limit to research covers what the model writes as well",
        remedy="Keep outputs within research, or get a separate licence from the licensor",
        needs_answer=False,
    ),
    Denial(
        rule="R4",
        clauses={"MNPL-0.1": "section 3.2"},
        licences=_MNPL,
        cases=(
            (_is("purpose", *BUSINESS),),
            (_is("environment", "production"),),
            (_is("end_user_exposure", True),),
        ),
        reason="it permits nothing in production, in front of end users, or in the business of a company",
        remedy=_CONTRACT,
    ),
    Denial(
        rule="R6",
        clauses={"Mistral-Modified-MIT": "revenue clause"},
        licences=_CAPPED,
        cases=((_above("employer_monthly_revenue_usd", REVENUE_CAP_USD),),),
        reason="it gives no rights to companies, and their staff, above 20 million US dollars of monthly revenue",
        remedy="Get a commercial licence from the licensor, or use the licensor's hosted service",
        needs_answer=False,
    ),
    Denial(
        rule="R7",
        clauses={"Mistral-Modified-MIT": "revenue clause"},
        licences=_CAPPED,
        cases=((_is("actor_type", COMPANY), _above("employer_monthly_revenue_usd", REVENUE_CAP_USD)),),
        reason="it gives no rights to companies above 20 million US dollars of worldwide monthly revenue",
        remedy="Get a commercial licence from the licensor, or use the licensor's hosted service",
    ),
    Denial(
        rule="R8",
        clauses={"MRL-0.1": "section 2.2", "MNPL-0.1": "section 2.2"},
        licences=_MRL | _MNPL,
        cases=(
            (_is("distribution", *COPYING), _is("notice_file_present", False)),
            (_is("distribution", *COPYING), _is("licence_copy_present", False)),
        ),
        reason="weights may be passed on only with the agreement and the notice file",
        remedy="Add a copy of the licence and the notice file",
    ),
    Denial(
        rule="R9",
        clauses={"MRL-0.1": "section 2.3", "MNPL-0.1": "section 2.3", "Apache-2.0": "section 4(b)"},
        licences=_MRL | _MNPL | {"Apache-2.0"},
        cases=(
            (_is("is_derivative", True), _is("distribution", *SPREADING), _is("modification_notice_present", False)),
        ),
        reason="changed weights may be passed on only with a notice that says that they were changed",
        remedy="Add a notice that states the changes",
    ),
    Denial(
        rule="R10",
        clauses={"CC-BY-NC-4.0": "section 2(a)(1)"},
        licences=frozenset({"CC-BY-NC-4.0"}),
        cases=((_is("purpose", *BUSINESS), _is("actor_type", COMPANY)), (_is("purpose", "resale"),)),
        reason="it permits non-commercial use only",
        remedy=_CONTRACT,
    ),
    Denial(
        rule="R11",
        licences=frozenset({"Mistral-Commercial-API"}),
        cases=((_is("is_hosted_api", False),),),
        reason="its weights were never released, so nobody but the licensor may run it",
        remedy="Use the licensor's hosted API",
    ),
    Denial(
        rule="LLAMA-USERS",
        clauses={"Llama-Community": "section 2", "Llama-Community-Multimodal": "section 2"},
        licences=frozenset({"Llama-Community", "Llama-Community-Multimodal"}),
        cases=((_above("monthly_active_users", LLAMA_CAP_USERS),),),
        reason="it gives no rights to companies above 700 million monthly active users",
        remedy=_CONTRACT,
        needs_answer=False,
    ),
    Denial(
        rule="LLAMA-EU",
        clauses={"Llama-Community-Multimodal": "Acceptable Use Policy"},
        licences=frozenset({"Llama-Community-Multimodal"}),
        cases=((_is("is_eu_based", True),),),
        reason="it gives no rights to persons and companies that are based in the European Union",
        remedy="Choose a model whose licence covers the European Union",
    ),
    Denial(
        rule="QWEN-USERS",
        clauses={"Qwen-License": "section 4"},
        licences=frozenset({"Qwen-License"}),
        cases=((_above("monthly_active_users", QWEN_CAP_USERS),),),
        reason="it needs a separate licence above 100 million monthly active users",
        remedy=_CONTRACT,
        needs_answer=False,
    ),
    Denial(
        rule="QWEN-RESEARCH",
        clauses={"Qwen-Research": "section 2"},
        licences=frozenset({"Qwen-Research"}),
        cases=((_is("purpose", *BUSINESS),),),
        reason="it permits non-commercial use only",
        remedy=_CONTRACT,
    ),
)
