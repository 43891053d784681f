"""`leeward licence check|list`; the other commands live in modules of their own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Annotated, Final, Literal, assert_never

import cyclopts
import msgspec
from rich.console import Console
from rich.table import Table

from leeward.cli.entitlements import Tenanted, today_utc
from leeward.errors import SettingsError
from leeward.licences.contracts import Contract
from leeward.licences.decide import Allowed, Decision, Denied, Expired, Undeclared, Unknown, decide
from leeward.licences.registry import Match, Registry, builtin_registry
from leeward.licences.use import COMPANY, Use, day_in

OK, NOT_ALLOWED, USAGE = 0, 1, 2

app = cyclopts.App(name="licence", help="Check whether the licence of a model covers a use.")
app.command(
    "leeward.cli.entitlements:entitlements",
    name="entitlements",
    help="List contracts and declarations with their ends.",
)
app.command("leeward.cli.lineage:scan", name="scan", help="Say where models come from and what their licences ask for.")
app.command("leeward.cli.lineage:compare", name="compare", help="Say whether weights were made from other weights.")
app.command("leeward.cli.derivatives:app", name="registry", help="Read and edit the registry of derivatives.")
app.command("leeward.cli.notices:notices", name="notices", help="Show notices about derivatives, or act on due ones.")

Purpose = Literal[
    "commercial", "research", "evaluation", "testing", "personal", "internal-business", "production", "resale"
]
Band = Literal["up-to-20m", "over-20m"]
Actor = Literal["individual", "academic", "nonprofit", "company"]
Environment = Literal["non-production", "production"]
Distribution = Literal["none", "weights", "derivative", "hosted-service", "embedded"]
_Json = Annotated[bool, cyclopts.Parameter(name="--json", negative=())]
_Flag = Annotated[bool, cyclopts.Parameter(negative=())]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A use as the command line says it.

    Attributes:
        use: What it is for. `commercial` stands for production by a company, `research` for non-profit
            research; what that assumes is printed, and the other options override it.
        actor: Who uses it.
        environment: Where it runs.
        revenue: Worldwide revenue of the company or employer in the preceding month, in US dollars.
        revenue_band: The same, for who does not want to name a figure.
        users: Monthly active users of the company.
        distribution: What is passed on to others.
        end_users: Whether customers or employees meet what the model writes.
        eu: Whether the actor is based in the European Union.
        hosted: Whether the licensor itself runs the model.
        derivative: Whether it is a fine-tune, merge, quantisation or adapter.
        notice_file: Whether the notice file goes with the weights.
        licence_copy: Whether a copy of the licence goes with the weights.
        modification_notice: Whether changes are stated.
        base_model: The model that it was made from.
        separate_licence: Number of a contract with the licensor about this model.
        expires: Last day of that contract, e.g. 2027-03-31.
    """

    use: Purpose | None = None
    actor: Actor | None = None
    environment: Environment | None = None
    revenue: float | None = None
    revenue_band: Band | None = None
    users: float | None = None
    distribution: Distribution | None = None
    end_users: bool | None = None
    eu: bool | None = None
    hosted: bool | None = None
    derivative: bool | None = None
    notice_file: bool | None = None
    licence_copy: bool | None = None
    modification_notice: bool | None = None
    base_model: str = ""
    separate_licence: str = ""
    expires: str = ""

    def as_use(self) -> Use:
        """Return it as the licence engine understands it.

        Raises:
            SettingsError: If the contract's end is no day.
        """
        if self.expires and day_in(self.expires) is None:
            raise SettingsError(f"--expires {self.expires!r} is no day", remedy="Write it as 2027-03-31.")
        return Use(
            actor_type=self.actor,
            purpose=None if self.use == "commercial" else _word(self.use),
            environment=_word(self.environment),
            employer_monthly_revenue_usd=self.revenue,
            revenue_band=_word(self.revenue_band),
            monthly_active_users=self.users,
            end_user_exposure=self.end_users,
            distribution=_word(self.distribution),
            is_derivative=self.derivative,
            is_eu_based=self.eu,
            is_hosted_api=self.hosted,
            notice_file_present=self.notice_file,
            licence_copy_present=self.licence_copy,
            modification_notice_present=self.modification_notice,
            separate_licence_reference=self.separate_licence,
            separate_licence_expires=self.expires,
            base_model=self.base_model,
        )


_NOTHING_SAID: Final = Said()


@app.command
def check(
    model: str,
    *,
    said: Annotated[Said, cyclopts.Parameter(name="*")] = _NOTHING_SAID,
    tenant: str = "",
    config: Path | None = None,
    json: _Json = False,
) -> int:
    """Say whether a model's licence covers a use; exit 0 when it does, 1 when not or when it cannot be told.

    Args:
        model: Name of the model: repository, API id, file name or tag; quantisers' suffixes are understood.
        tenant: Take what this tenant declares in the settings, and its contracts; other options override it.
        config: Settings file; `leeward.toml` when there is one.
        json: Print JSON.
    """
    tenanted = Tenanted.read(tenant, config) if tenant or config else Tenanted()
    return run_check(model, said.use or "", said.as_use(), tenanted, console=Console(), as_json=json)


@app.command(name="list")
def list_(*, json: _Json = False) -> int:
    """List the models and licences that the registry knows.

    Args:
        json: Print JSON.
    """
    return run_list(console=Console(), as_json=json)


def run_check(model: str, shorthand: str, declared: Use, tenanted: Tenanted, *, console: Console, as_json: bool) -> int:
    """Print the decision about one model; return the exit status."""
    registry = builtin_registry()
    match = registry.resolve(model)
    use, assumed = _assume(shorthand, tenanted.under(declared, model))
    today = today_utc()
    decision = decide(match, use, registry, contracts=tenanted.contracts, today=today, name=model)
    told = _Told.of(model, match, decision, assumed)
    told.warnings += tenanted.notices(decision, match, today)
    if as_json:
        _print_json(console, told)
    else:
        _print(console, told)
    return OK if isinstance(decision, Allowed) else NOT_ALLOWED


def run_list(*, console: Console, as_json: bool) -> int:
    """Print the registry; return the exit status."""
    registry = builtin_registry()
    if as_json:
        models = [
            {"id": m.id, "family": m.family, "licence": m.licence or None, "repos": m.repos, "names": m.names}
            for m in registry.models
        ]
        licences = {key: {"spdx": x.spdx, "summary": x.summary, "url": x.url} for key, x in registry.licences.items()}
        _print_json(console, {"compiled": registry.compiled, "licences": licences, "models": models})
        return OK
    for table in (_licences(registry), _models(registry)):
        console.print(table)
    console.print(f"Facts gathered up to {registry.compiled}. Not legal advice: the text of a licence always wins.")
    return OK


class _Told(msgspec.Struct, omit_defaults=True, kw_only=True):
    """What `check` prints."""

    model: str
    resolved: str | None
    licence: str | None
    decision: Literal["allowed", "denied", "undeclared", "expired", "unknown"]
    allowed: bool
    rule: str = ""
    clause: str = ""
    contract: str = ""
    expires: date | None = None
    reason: str = ""
    remedy: str = ""
    declare: tuple[str, ...] = ()
    obligations: tuple[str, ...] = ()
    notice: str = ""
    url: str = ""
    assumed: dict[str, str] = {}
    warnings: tuple[str, ...] = ()

    @classmethod
    def of(cls, model: str, match: Match | None, decision: Decision, assumed: dict[str, str]) -> _Told:
        licence = None if isinstance(decision, Unknown) else decision.licence
        told = cls(
            model=model,
            resolved=match.model.id if match and match.model else None,
            licence=licence.id if licence else None,
            decision="unknown",
            allowed=isinstance(decision, Allowed),
            assumed=assumed,
            warnings=_warnings(match),
        )
        if licence:
            told.obligations, told.notice, told.url = licence.obligations, licence.notice_text, licence.url
        told._decide(decision)
        return told

    def _decide(self, decision: Decision) -> None:
        match decision:
            case Allowed(_, rule, reason, clause, contract):
                self.decision, self.rule, self.reason, self.clause = "allowed", rule, reason, clause
                self._hold(contract)
            case Denied(_, rule, reason, remedy, clause):
                self.decision, self.rule, self.reason, self.remedy = "denied", rule, reason, remedy
                self.clause = clause
            case Undeclared(licence, missing, rules):
                self.decision, self.declare, self.reason = "undeclared", missing, licence.summary
                self.rule = ", ".join(rules)
            case Expired(_, reference, since, reason, remedy, rule):
                self.decision, self.rule, self.reason, self.remedy = "expired", rule, reason, remedy
                self.contract, self.expires = reference, since
            case Unknown(reason, rule):
                self.decision, self.reason, self.rule = "unknown", reason, rule
                self.remedy = _CONFIRM
            case never:
                assert_never(never)

    def _hold(self, contract: Contract | None) -> None:
        if contract:
            self.contract, self.expires = contract.reference, contract.expires


_CONFIRM: Final = (
    "Read its licence; then name the model that it was made from with --base-model, or write it in [licences] confirmed"
)
# What a person means who says just this; printed, so that nobody is surprised.
_ASSUMED: Final = {
    "commercial": {"purpose": "production", "environment": "production", "actor_type": COMPANY},
    "research": {"actor_type": "individual", "environment": "non_production"},
    "personal": {"actor_type": "individual"},
}
_OPTIONS: Final = {
    "actor_type": "--actor",
    "purpose": "--use",
    "environment": "--environment",
    "employer_monthly_revenue_usd": "--revenue or --revenue-band",
    "monthly_active_users": "--users",
    "distribution": "--distribution",
    "end_user_exposure": "--end-users/--no-end-users",
    "is_eu_based": "--eu/--no-eu",
    "is_hosted_api": "--hosted/--no-hosted",
    "notice_file_present": "--notice-file/--no-notice-file",
    "licence_copy_present": "--licence-copy/--no-licence-copy",
    "modification_notice_present": "--modification-notice/--no-modification-notice",
    "is_derivative": "--derivative/--no-derivative",
}
_COLOURS: Final = {
    "allowed": "green",
    "denied": "red",
    "undeclared": "yellow",
    "expired": "red",
    "unknown": "yellow",
}


def _assume(shorthand: str, declared: Use) -> tuple[Use, dict[str, str]]:
    wanted = _ASSUMED.get(shorthand, {})
    assumed = {field: word for field, word in wanted.items() if getattr(declared, field) is None}
    return replace(declared, **assumed), assumed  # type: ignore[arg-type]


def _word(option: str | None) -> str | None:
    return option.replace("-", "_") if option else None


def _warnings(match: Match | None) -> tuple[str, ...]:
    if match is None:
        return ()
    moving = (
        "this name moves from model to model, and with it the licence: name a dated model" if match.is_moving else ""
    )
    note = match.model.note if match.model else ""
    return tuple(text for text in (moving, note) if text)


def _print(console: Console, told: _Told) -> None:
    def say(text: str, style: str = "") -> None:
        console.print(text, style=style, markup=False, highlight=False, soft_wrap=True)

    name = f"{told.model} ({told.resolved})" if told.resolved and told.resolved != told.model else told.model
    say(f"{told.decision}: {name}, licence {told.licence or 'unknown'}", _COLOURS[told.decision])
    why = told.reason or ("the licence covers it" if told.allowed else "")
    if why:
        say(f"  {why} [{told.rule}]" + (f" ({told.clause})" if told.clause else ""))
    if told.remedy:
        say(f"  {told.remedy}.")
    for field in told.declare:
        say(f"  say {_OPTIONS.get(field, field)}")
    if told.assumed:
        say("  assumed: " + ", ".join(f"{field}={word}" for field, word in told.assumed.items()), "dim")
    for warning in told.warnings:
        say(f"  note: {warning}", "yellow")
    if told.allowed and told.obligations:
        say("  when passed on: " + ", ".join(o.replace("_", " ") for o in told.obligations), "dim")
    if told.url:
        say(f"  {told.url}", "dim")


def _print_json(console: Console, value: object) -> None:
    text = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _licences(registry: Registry) -> Table:
    table = Table(title="Licences", title_justify="left")
    for column in ("Id", "Covers", "Models"):
        table.add_column(column, overflow="fold")
    for licence in registry.licences.values():
        count = sum(model.licence == licence.id for model in registry.models)
        table.add_row(licence.id, licence.summary, str(count) if count else "by name")
    return table


def _models(registry: Registry) -> Table:
    table = Table(title="Models", title_justify="left")
    for column in ("Model", "Licence", "Names"):
        table.add_column(column, overflow="fold")
    for model in registry.models:
        names = (*model.repos, *model.names)
        table.add_row(f"{model.family}\n{model.id}", model.licence or "unknown", "\n".join(names))
    return table
