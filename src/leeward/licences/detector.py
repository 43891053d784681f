"""Compares the declared use of a model with its licence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, assert_never

from leeward.domain.finding import NOTHING, Finding, Reading
from leeward.domain.ports import DetectorInfo
from leeward.domain.view import Fact, Stage, View
from leeward.licences.decide import Allowed, Decision, Denied, Undeclared, Unknown, decide, how_to_declare
from leeward.licences.derivatives.restrictions import NOTHING_RESTRICTED, Restricted, Restrictions
from leeward.licences.registry import Match, Registry, builtin_registry
from leeward.licences.use import FIELDS, Declaration, read_declaration

FORBIDDEN: Final = "licence.forbidden"
UNDECLARED: Final = "licence.undeclared"
UNKNOWN: Final = "licence.unknown"
DERIVATIVE: Final = "licence.derivative"
_ASKED: Final = ("model", "requested_model", *FIELDS)
# The caller chooses the name of the model, so that the memory of decisions must have an end.
_REMEMBERED: Final = 4_096


class LicenceRegistry:
    """Finds uses of a model that its licence does not cover, and models that the registry of derivatives restricts.

    Facts: `model` as it is sent upstream, `requested_model` as it was asked for, and the fields of `Use`.
    """

    info = DetectorInfo(
        id="licence-registry",
        hazards=(FORBIDDEN, UNDECLARED, UNKNOWN, DERIVATIVE),
        stages=(Stage.EXCHANGE,),
        reach_chars=1,
        budget_seconds=0.05,
    )

    def __init__(self) -> None:
        self._registry: Registry | None = None
        self._decided: dict[tuple[Fact, ...], Reading] = {}
        self._restrictions = NOTHING_RESTRICTED

    def heed(self, restrictions: Restrictions) -> None:
        """Find models that `restrictions` cover, from the next view on, and no others."""
        self._restrictions = restrictions

    def open(self) -> None:
        """Load the registry."""
        self._registry = builtin_registry()

    def examine(self, view: View) -> Reading:
        """Return what speaks against the use that the facts of `view` declare."""
        facts = view.facts
        key = tuple([facts.get(name) for name in _ASKED])
        known = self._decided.get(key)
        if known is None:
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            known = self._decided[key] = self._look(view)
        names = (str(view.facts.get("model") or ""), str(view.facts.get("requested_model") or ""))
        restricted = self._restrictions.covering(*names)
        return known if restricted is None else Reading((*known.findings, _restricted(restricted)))

    def _look(self, view: View) -> Reading:
        registry = self._registry or builtin_registry()
        model, requested = str(view.facts.get("model") or ""), str(view.facts.get("requested_model") or "")
        match = registry.resolve(model) or registry.resolve(requested)
        declared = read_declaration(view.facts)
        finding = _tell(decide(match, declared.use, registry), match, declared)
        return Reading((finding,)) if finding else NOTHING


def _restricted(told: Restricted) -> Finding:
    day = datetime.fromtimestamp(told.since, UTC).date()
    message = (
        f"The registry of derivatives restricts this model (entry {told.entry}): since {day} it breaks "
        f"{told.licence or 'the licence of its origin'} ({', '.join(told.clauses)}). "
        f"What puts it right: `leeward licence notices {told.entry}`."
    )
    evidence = tuple(word for word in (told.licence, *told.clauses, f"entry={told.entry}", told.url) if word)
    return Finding(hazard=DERIVATIVE, confidence=1.0, message=message, evidence=evidence)


def _tell(decision: Decision, match: Match | None, declared: Declaration) -> Finding | None:
    match decision:
        case Allowed():
            return None
        case Denied(licence, rule, reason, remedy):
            message = (
                f"The licence {licence.id} of {_title(match)} does not cover the declared use: {reason}. {remedy}."
            )
            return Finding(hazard=FORBIDDEN, confidence=1.0, message=message, evidence=(licence.id, rule, licence.url))
        case Undeclared(licence, missing):
            asked = "; ".join(how_to_declare(field) for field in missing)
            message = (
                f"Whether the licence {licence.id} of {_title(match)} covers the use cannot be told "
                f"({licence.summary}). Declare for the tenant: {asked}."
            )
            wrong = "".join(f" {text}." for field, text in declared.problems.items() if field in missing)
            evidence = (licence.id, *missing, licence.url)
            return Finding(hazard=UNDECLARED, confidence=1.0, message=message + wrong, evidence=evidence)
        case Unknown(reason):
            message = f"No licence can be told: {reason}. {_CONFIRM}"
            return Finding(hazard=UNKNOWN, confidence=1.0, message=message)
        case never:
            assert_never(never)


_CONFIRM: Final = (
    "Read its licence, then declare for the tenant `base_model` or `licence` with an id of `leeward licence list`."
)


def _title(match: Match | None) -> str:
    """Return the registry's name of the model; a name that came with the request is never repeated."""
    return match.model.family if match and match.model else "this model"
