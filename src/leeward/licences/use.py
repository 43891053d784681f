"""A declared use of a model, typed; what was not declared is None."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Final

from leeward.domain.view import Fact

COMPANY: Final = "company"
ACTORS: Final = ("individual", "academic", "nonprofit", COMPANY)
PURPOSES: Final = ("research", "evaluation", "testing", "personal", "internal_business", "production", "resale")
ENVIRONMENTS: Final = ("non_production", "production")
DISTRIBUTIONS: Final = ("none", "weights", "derivative", "hosted_service", "embedded")
# Of the worldwide revenue in the preceding month, for who does not want to name a figure.
BANDS: Final = ("up_to_20m", "over_20m")
_BAND_USD: Final = {"up_to_20m": 20_000_000.0, "over_20m": float("inf")}

WORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "actor_type": ACTORS,
    "purpose": PURPOSES,
    "environment": ENVIRONMENTS,
    "distribution": DISTRIBUTIONS,
    "revenue_band": BANDS,
}
_NUMBERS: Final = frozenset({"employer_monthly_revenue_usd", "monthly_active_users"})
_DAYS: Final = frozenset({"separate_licence_expires", "valid_until"})
_TEXTS: Final = _DAYS | {"separate_licence_reference", "separate_licence_models", "licence", "base_model"}
_LIVE: Final = frozenset({"production", "resale"})
OFF_LINE: Final = frozenset({"research", "evaluation", "testing", "personal"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What is known of how a model is used; None means that nobody said.

    Attributes:
        actor_type: One of `ACTORS`.
        purpose: One of `PURPOSES`.
        environment: One of `ENVIRONMENTS`.
        employer_monthly_revenue_usd: Worldwide revenue of the company, or of the person's employer, in the
            preceding month, in US dollars.
        revenue_band: One of `BANDS`, where no figure is given.
        monthly_active_users: Of all the company's products, in the preceding month.
        end_user_exposure: Whether customers or employees meet what the model writes.
        distribution: One of `DISTRIBUTIONS`; None counts as `none`.
        is_derivative: Whether it is a fine-tune, merge, quantisation or adapter.
        is_eu_based: Whether the actor is domiciled in the European Union.
        is_hosted_api: Whether the licensor itself runs the model.
        outputs_only: Whether nothing but earlier outputs is used.
        outputs_leave_research: Whether outputs are used outside of research.
        separate_licence_reference: Number of a contract with the licensor; empty when there is none.
        separate_licence_models: Names or globs, with commas, that the contract covers; empty means any.
        separate_licence_expires: Last day of the contract, ISO; empty when it has no end.
        valid_until: Last day, ISO, for which the use was declared; empty when it need not be declared anew.
        licence: Id of the licence that a person found for a model that the registry does not know.
        base_model: The model that it was made from.
    """

    actor_type: str | None = None
    purpose: str | None = None
    environment: str | None = None
    employer_monthly_revenue_usd: float | None = None
    revenue_band: str | None = None
    monthly_active_users: float | None = None
    end_user_exposure: bool | None = None
    distribution: str | None = None
    is_derivative: bool | None = None
    is_eu_based: bool | None = None
    is_hosted_api: bool | None = None
    outputs_only: bool | None = None
    outputs_leave_research: bool | None = None
    notice_file_present: bool | None = None
    licence_copy_present: bool | None = None
    modification_notice_present: bool | None = None
    separate_licence_reference: str = ""
    separate_licence_models: str = ""
    separate_licence_expires: str = ""
    valid_until: str = ""
    licence: str = ""
    base_model: str = ""

    def with_implied(self) -> Use:
        """Return the use with what it implies where nothing else was declared.

        Research, evaluation, testing and personal use are outside production and meet no end user; production
        and resale are in production. Who distributes a derivative made one.
        """
        environment, exposure = self.environment, self.end_user_exposure
        if self.purpose in OFF_LINE:
            environment = environment or "non_production"
            exposure = False if exposure is None else exposure
        elif self.purpose in _LIVE:
            environment = environment or "production"
        is_derivative = True if self.distribution == "derivative" else self.is_derivative
        revenue = self.employer_monthly_revenue_usd
        return replace(
            self,
            environment=environment,
            end_user_exposure=exposure,
            is_derivative=is_derivative,
            employer_monthly_revenue_usd=_BAND_USD.get(self.revenue_band or "") if revenue is None else revenue,
        )

    def without_declaration(self) -> Use:
        """Return what is known without asking anybody: where the model runs and what it was made from."""
        return Use(is_hosted_api=self.is_hosted_api, licence=self.licence, base_model=self.base_model)


def day_in(text: str) -> date | None:
    """Return the day that an ISO date names; None when it names none."""
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


FIELDS: Final = tuple(field.name for field in fields(Use))
_FLAGS: Final = frozenset(FIELDS) - _NUMBERS - _TEXTS - frozenset(WORDS)


@dataclass(frozen=True, slots=True)
class Declaration:
    """A use as it was declared.

    Attributes:
        problems: One sentence for each value that could not be read; such a value counts as not declared.
    """

    use: Use
    problems: Mapping[str, str]


def read_declaration(facts: Mapping[str, Fact]) -> Declaration:
    """Return the use that `facts` declare; facts that are not part of a use are passed over."""
    read: dict[str, str | float | bool] = {}
    problems: dict[str, str] = {}
    for name in FIELDS:
        value = facts.get(name)
        if value is None or value == "":
            continue
        told = _read(name, value)
        if name in _DAYS and day_in(str(value)) is None:
            problems[name] = f"`{name}` must be {_expected(name)}"
        if told is None:
            problems[name] = f"`{name}` must be {_expected(name)}"
        else:
            read[name] = told
    return Declaration(Use(**read), problems)  # type: ignore[arg-type]


def _read(name: str, value: Fact) -> str | float | bool | None:
    """Return `value` as the kind that field `name` holds, or None when it cannot be that."""
    if name in WORDS:
        word = value.strip().lower().replace("-", "_") if isinstance(value, str) else ""
        return word if word in WORDS[name] else None
    if name in _DAYS:
        # A day that cannot be read is kept, so that it counts as one that has passed.
        return str(value)
    if name in _TEXTS:
        return value if isinstance(value, str) else None
    if name in _NUMBERS:
        return _number(value)
    return _flag(value)


def _number(value: Fact) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value.replace("_", "") if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return number if number >= 0 else None


def _flag(value: Fact) -> bool | None:
    if isinstance(value, bool):
        return value
    return {"true": True, "yes": True, "false": False, "no": False}.get(str(value).lower())


def _expected(name: str) -> str:
    if name in WORDS:
        return "one of " + ", ".join(WORDS[name])
    if name in _DAYS:
        return "a day such as 2027-03-31"
    if name in _TEXTS:
        return "text"
    return "a number, 0 or more" if name in _NUMBERS else "true or false"
