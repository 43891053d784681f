"""What the licence of a model means for a caller: facts for the rules, notices, and which models are listed."""

from __future__ import annotations

from leeward.domain.caller import Caller
from leeward.domain.verdict import Verdict
from leeward.domain.view import Fact, Stage
from leeward.gateway.equipment import Equipment
from leeward.gateway.upstream.router import Upstream
from leeward.gateway.wire.body import Json
from leeward.licences.contracts import day_of
from leeward.licences.registry import builtin_registry

_LISTED_FOR = "chat.completions"


def licence_facts(
    caller: Caller, model: str, requested_model: str, *, is_hosted_api: bool, t: float
) -> dict[str, Fact]:
    """Return what rules about the licence of a model go by.

    Args:
        model: As the model server calls it.
        requested_model: As the caller calls it.
        is_hosted_api: Whether the licensor itself runs the model, unless the caller's declaration says otherwise.
        t: Seconds since the epoch.
    """
    return {
        "is_hosted_api": is_hosted_api,
        **caller.use,
        "model": model,
        "requested_model": requested_model,
        "tenant": caller.tenant,
        "today": day_of(t).isoformat(),
    }


def notices_of(equipment: Equipment, caller: Caller, model: str, requested_model: str) -> tuple[str, ...]:
    """Return what a tenant should know when it uses a model, e.g. that the contract that covers it ends soon."""
    terms = equipment.terms
    if not any(held.tenant == caller.tenant for held in terms.held()):
        return ()
    registry = builtin_registry()
    match = registry.resolve(model) or registry.resolve(requested_model)
    return terms.notices(caller.tenant, match, day_of(equipment.clock.now()))


def licence_verdict(equipment: Equipment, caller: Caller, upstream: Upstream, model: str) -> Verdict:
    """Return what the rules say of this caller's use of a model before a word is said: of its licence alone."""
    inspector = equipment.inspectors.inspector_for(caller.tenant, model, _LISTED_FOR)
    facts = licence_facts(
        caller,
        upstream.rename.get(model, model),
        model,
        is_hosted_api=upstream.dialect == "mistral",
        t=equipment.clock.now(),
    )
    return inspector.judge_facts(Stage.EXCHANGE, facts)


def why_restricted(verdict: Verdict) -> str:
    """Return what facts about an exchange speak against it, e.g. its model's licence; they quote nobody."""
    told = (
        f.finding.message for f in verdict.firings if f.part == Stage.EXCHANGE and f.disposition.stops and f.finding
    )
    return " ".join(dict.fromkeys(told))


def licence_card(equipment: Equipment, caller: Caller, upstream: Upstream, model: str) -> dict[str, Json]:
    """Return what a card in the list of models says of its licence: its id and the dated model behind the name."""
    registry = builtin_registry()
    theirs = upstream.rename.get(model, model)
    match = registry.resolve(theirs) or registry.resolve(model)
    licence = match.licence if match and match.licence else None
    told: dict[str, Json] = {"licence": licence.id if licence else equipment.terms.confirmed_for(theirs, model) or None}
    if match and match.model:
        told["resolves_to"] = match.model.id
    if notices := notices_of(equipment, caller, theirs, model):
        told["notices"] = list(notices)
    return told
