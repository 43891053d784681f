"""Compares the declared use of a model with its licence, and what a tenant does with what it declares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, assert_never

from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Fact, Stage, View
from leeward.licences.decide import Allowed, Decision, Denied, Expired, Undeclared, Unknown, decide, how_to_declare
from leeward.licences.derivatives.restrictions import NOTHING_RESTRICTED, Restricted, Restrictions
from leeward.licences.registry import Match, Registry, builtin_registry
from leeward.licences.terms import NO_TERMS, Terms
from leeward.licences.usage import Shape, UsageWatch
from leeward.licences.use import FIELDS, OFF_LINE, Declaration, day_in, read_declaration

FORBIDDEN: Final = "licence.forbidden"
EXPIRED: Final = "licence.expired"
UNDECLARED: Final = "licence.undeclared"
UNKNOWN: Final = "licence.unknown"
ACCEPTED: Final = "licence.unknown-accepted"
PRODUCTION_SHAPED: Final = "licence.production-shaped"
DERIVATIVE: Final = "licence.derivative"
_ASKED: Final = ("model", "requested_model", "tenant", "today", *FIELDS)
# The caller chooses the name of the model, so that the memory of decisions must have an end.
_REMEMBERED: Final = 4_096


class LicenceRegistry:
    """Finds uses of a model that its licence does not cover, traffic that its declaration does not cover, and models
    that the registry of derivatives restricts.

    Facts: `model` as it is sent upstream, `requested_model` as it was asked for, `tenant`, `today` (ISO day, UTC) and
    the fields of `Use`; for what a tenant does, `t` (seconds), `end_user` and `instructions` as well.
    """

    info = DetectorInfo(
        id="licence-registry",
        hazards=(FORBIDDEN, EXPIRED, UNDECLARED, UNKNOWN, ACCEPTED, PRODUCTION_SHAPED, DERIVATIVE),
        stages=(Stage.EXCHANGE,),
        reach_chars=1,
        budget_seconds=0.05,
    )

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._terms = NO_TERMS
        self._usage = UsageWatch()
        self._decided: dict[tuple[Fact, ...], Reading] = {}
        self._restrictions = NOTHING_RESTRICTED

    def heed(self, restrictions: Restrictions) -> None:
        """Find models that `restrictions` cover, from the next view on, and no others."""
        self._restrictions = restrictions

    def open(self) -> None:
        """Load the registry."""
        self._registry = builtin_registry()

    def settle(self, terms: Terms) -> None:
        """Go by what the operator has settled."""
        self._terms = terms
        self._usage = UsageWatch(terms.usage)
        self._decided.clear()

    def examine(self, view: View) -> Reading:
        """Return what speaks against the use that the facts of `view` declare."""
        facts = view.facts
        key = tuple([facts.get(name) for name in _ASKED])
        known = self._decided.get(key)
        if known is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            known = self._decided[key] = self._look(facts)
        shape = self._observe(facts) if self._terms.usage.watch else None
        restricted = self._restrictions.covering(str(facts.get("model") or ""), str(facts.get("requested_model") or ""))
        if shape is None and restricted is None:
            return known
        further = () if shape is None else (self._tell_shape(shape),)
        return Reading((*known.findings, *further, *(() if restricted is None else (_restricted(restricted),))))

    def _look(self, facts: Mapping[str, Fact]) -> Reading:
        registry = self._registry or builtin_registry()
        model, requested = str(facts.get("model") or ""), str(facts.get("requested_model") or "")
        confirmed = self._terms.confirmed_for(model, requested)
        if confirmed:
            # Whoever runs the gateway knows better than a tenant what the model is.
            facts = {**facts, "licence": confirmed, "base_model": confirmed}
        match = registry.resolve(model) or registry.resolve(requested)
        declared = read_declaration(facts)
        contracts = self._terms.contracts_of(str(facts.get("tenant") or ""))
        day = day_in(str(facts.get("today") or ""))
        decision = decide(match, declared.use, registry, contracts=contracts, today=day, name=model)
        finding = _tell(decision, match, declared, serves_unknown=self._terms.serves_unknown)
        return Reading((finding,)) if finding else NOTHING

    def _observe(self, facts: Mapping[str, Fact]) -> Shape | None:
        """Enter an exchange of a tenant that says it is not in production."""
        t, purpose = facts.get("t"), facts.get("purpose")
        if not isinstance(t, int | float) or facts.get("is_hosted_api") is True:
            return None
        is_off_line = isinstance(purpose, str) and purpose.strip().lower() in OFF_LINE
        if not is_off_line and facts.get("environment") != "non_production":
            return None
        told = facts.get("instructions")
        instructions = tuple(told) if isinstance(told, list | tuple) else ()
        return self._usage.observe(str(facts.get("tenant") or ""), t, str(facts.get("end_user") or ""), instructions)

    def _tell_shape(self, shape: Shape) -> Finding:
        limits = self._terms.usage
        points, why = shape.points(limits), "; ".join(words for _, words in shape.signs(limits))
        return Finding(
            hazard=PRODUCTION_SHAPED,
            confidence=min(1.0, points / 5),
            message=(
                f"The tenant declares no production, yet its traffic of the last 24 hours has that shape: {why}. "
                "Ask it what it does; then correct `purpose` in its declaration, or raise the limits in [usage]."
            ),
            evidence=(f"points={points}", *shape.evidence),
        )


def _restricted(told: Restricted) -> Finding:
    day = datetime.fromtimestamp(told.since, UTC).date()
    message = (
        f"The registry of derivatives restricts this model (entry {told.entry}): since {day} it breaks "
        f"{told.licence or 'the licence of its origin'} ({', '.join(told.clauses)}). "
        f"What puts it right: `leeward licence notices {told.entry}`."
    )
    evidence = tuple(word for word in (told.licence, *told.clauses, f"entry={told.entry}", told.url) if word)
    return Finding(hazard=DERIVATIVE, confidence=1.0, message=message, evidence=evidence)


def _tell(decision: Decision, match: Match | None, declared: Declaration, *, serves_unknown: bool) -> Finding | None:
    match decision:
        case Allowed():
            return None
        case Denied(licence, rule, reason, remedy, clause):
            message = (
                f"The licence {licence.id} of {_title(match)} does not cover the declared use: {reason}. {remedy}."
            )
            return _finding(FORBIDDEN, message, licence.id, rule, licence.url, clause, _dated(match))
        case Expired(told, contract, _, reason, remedy, rule):
            message = f"The use of {_title(match)} is no longer covered: {reason}. {remedy}."
            return _finding(EXPIRED, message, told.id if told else "", rule, contract, _dated(match))
        case Undeclared(licence, missing, rules):
            return _tell_undeclared(licence.id, licence.summary, licence.url, missing, rules, match, declared)
        case Unknown(reason, rule):
            hazard, opening = (ACCEPTED, "Served all the same") if serves_unknown else (UNKNOWN, "Not served")
            return _finding(hazard, f"No licence can be told: {reason}. {opening}. {_CONFIRM}", rule, _dated(match))
        case never:
            assert_never(never)


def _tell_undeclared(
    licence: str,
    summary: str,
    url: str,
    missing: tuple[str, ...],
    rules: tuple[str, ...],
    match: Match | None,
    declared: Declaration,
) -> Finding:
    asked = "; ".join(how_to_declare(field) for field in missing)
    message = (
        f"Whether the licence {licence} of {_title(match)} covers the use cannot be told ({summary}). "
        f"Declare for the tenant: {asked}."
    )
    wrong = "".join(f" {text}." for field, text in declared.problems.items() if field in missing)
    return _finding(UNDECLARED, message + wrong, licence, *rules, *missing, url, _dated(match))


def _finding(hazard: str, message: str, *evidence: str) -> Finding:
    return Finding(hazard=hazard, confidence=1.0, message=message, evidence=tuple(filter(None, evidence)))


_CONFIRM: Final = (
    "The operator reads its licence and writes in [licences] confirmed the model's name with an id of "
    "`leeward licence list`, or the model that it was made from; `unknown_models` there says whether others are served."
)


def _title(match: Match | None) -> str:
    """Return the registry's name of the model; a name that came with the request is never repeated."""
    return match.model.family if match and match.model else "this model"


def _dated(match: Match | None) -> str:
    """Return the dated model that the name stands for, as `model=row`; empty when only its shape is known."""
    return f"model={match.model.id}" if match and match.model else ""
