"""Which models the registry of derivatives restricts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from leeward.licences.derivatives.entry import Entry, State
from leeward.licences.registry import Registry, tidy

# What a licence that asks for this calls it: obligations of the registry of licences, by a finding's code.
_CLAUSES: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "licence-copy-missing": (
            "give_recipient_copy_of_agreement", "include_licence_text_on_redistribution", "licence_link",
            "retain_permission_notice_in_all_copies",
        ),
        "notice-missing": ("ship_notice_file", "retain_attribution_notice"),
        "changes-not-stated": (
            "prominent_modification_notice", "state_changes_on_modified_files", "indicate_changes",
        ),
        "name-required": ("derivative_name_begins_with_llama",),
        "attribution-required": ("built_with_llama_notice",),
        "endorsement-claimed": ("no_official_or_endorsed_claim",),
        "licence-conflict": ("derivative_terms_must_not_conflict", "no_additional_restrictions"),
        "licences-incompatible": ("derivative_terms_must_not_conflict", "no_additional_restrictions"),
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Restricted:
    """A model that is restricted.

    Attributes:
        entry: Id in the registry of derivatives.
        licence: Id of the licence that is not kept; empty when none is known.
        url: Text of the licence.
        clauses: What is not kept: obligations of the licence, or a finding's code where no obligation has a name.
        since: When the deadline passed, in seconds since the epoch.
    """

    entry: str
    licence: str
    url: str
    clauses: tuple[str, ...]
    since: float


class Restrictions:
    """The restricted models by every name that a server may offer them under; never changes.

    A model goes by its name, by the path where it lies and by the names that a person added. Packaging is passed over
    (`ours-7b` stands for `someone/ours-7b-GGUF` too), except for names of models that the registry of licences has
    rows for: who calls a changed model by the name of the original restricts that copy's full name or path, not the
    original.
    """

    def __init__(self, entries: Iterable[Entry], registry: Registry) -> None:
        self._exact: dict[str, Restricted] = {}
        self._bare: dict[str, Restricted] = {}
        for entry in entries:
            if entry.state is State.RESTRICTED:
                self._add(entry, registry)

    def __len__(self) -> int:
        """Return how many names are restricted."""
        return len(self._exact)

    def covering(self, *names: str) -> Restricted | None:
        """Return what restricts a model of one of these names, or None."""
        if not self._exact:
            return None
        for name in names:
            found = self._exact.get(_exact(name)) or self._bare.get(tidy(name))
            if found is not None:
                return found
        return None

    def _add(self, entry: Entry, registry: Registry) -> None:
        told = _restricted(entry, registry)
        if entry.facts.path:
            self._exact.setdefault(_exact(entry.facts.path), told)
        for name in (entry.facts.name, *entry.served_as):
            self._exact.setdefault(_exact(name), told)
            match = registry.resolve(name)
            if match is None or match.model is None:
                self._bare.setdefault(tidy(name), told)


def _restricted(entry: Entry, registry: Registry) -> Restricted:
    faults = entry.facts.faults
    ids = [problem.licence for problem in faults if problem.licence]
    licence = registry.licences.get(ids[0] if ids else entry.facts.licence)
    obligations = licence.obligations if licence else ()
    clauses = [clause_of(problem.code, obligations) for problem in faults]
    return Restricted(
        entry=entry.id,
        licence=licence.id if licence else "",
        url=licence.url if licence else "",
        clauses=tuple(dict.fromkeys(clauses)),
        since=entry.due_at or 0.0,
    )


def clause_of(code: str, obligations: Iterable[str]) -> str:
    """Return the obligation behind a finding's code; the code where the licence names none."""
    asked = set(obligations)
    return next((clause for clause in _CLAUSES.get(code, ()) if clause in asked), code)


def _exact(name: str) -> str:
    return name.strip().lower().rstrip("/")


NOTHING_RESTRICTED: Final = Restrictions((), Registry({}, (), (), {}, ""))
