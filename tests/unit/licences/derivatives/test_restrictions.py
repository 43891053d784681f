from __future__ import annotations

from dataclasses import replace

import pytest

from leeward.licences.derivatives.entry import Entry, State
from leeward.licences.derivatives.restrictions import NOTHING_RESTRICTED, Restrictions, clause_of
from leeward.licences.registry import builtin_registry
from made_derivatives import COPY, HIDDEN, NOTICE, entry


def restricted(name: str = "acme/Ours-13B", **changed: object) -> Entry:
    return replace(entry(NOTICE, COPY, HIDDEN, name=name), state=State.RESTRICTED, **changed)  # type: ignore[arg-type]


def restrictions(*entries: Entry) -> Restrictions:
    return Restrictions(entries, builtin_registry())


@pytest.mark.parametrize(
    "name", ["acme/Ours-13B", "ours-13b", "other/ours-13b-GGUF", "ours-13b:latest", "/models/acme/Ours-13B/", "support"]
)
def test_a_restricted_model_is_known_by_every_name_that_a_server_gives_it(name: str) -> None:
    found = restrictions(restricted(served_as=("support",))).covering("else", name)

    assert found is not None
    assert found.entry == restricted().id


@pytest.mark.parametrize("name", ["", "ours-7b", "acme/ours-13b-v2", "mistral-small-2506"])
def test_other_models_are_left_alone(name: str) -> None:
    assert restrictions(restricted()).covering(name) is None


@pytest.mark.parametrize("state", [state for state in State if state is not State.RESTRICTED])
def test_only_what_is_restricted_counts(state: State) -> None:
    assert restrictions(replace(restricted(), state=state)).covering("ours-13b") is None


def test_a_copy_that_goes_by_the_name_of_the_original_does_not_take_the_original_away() -> None:
    found = restrictions(restricted("acme/Mistral-7B-Instruct-v0.3-GGUF"))

    assert found.covering("mistralai/Mistral-7B-Instruct-v0.3") is None
    assert found.covering("acme/Mistral-7B-Instruct-v0.3-GGUF") is not None


def test_a_restriction_names_licence_clauses_and_deadline() -> None:
    found = restrictions(restricted()).covering("ours-13b")

    assert found is not None
    assert (found.licence, found.since) == ("MRL-0.1", restricted().due_at)
    assert found.clauses == ("ship_notice_file", "give_recipient_copy_of_agreement", "undeclared-derivative")
    assert found.url.startswith("https://")


def test_every_clause_is_an_obligation_of_some_licence() -> None:
    known = {word for licence in builtin_registry().licences.values() for word in licence.obligations}
    codes = ("licence-copy-missing", "notice-missing", "changes-not-stated", "name-required", "attribution-required",
             "endorsement-claimed", "licence-conflict", "licences-incompatible")  # fmt: skip

    assert [code for code in codes if clause_of(code, known) not in known] == []


def test_an_empty_registry_restricts_nothing() -> None:
    assert NOTHING_RESTRICTED.covering("ours-13b") is None
