"""The registry of derivatives on the desk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from desk_records import StillClock, empty_store

from asgi_call import Answer, call
from leeward.desk.access import Access
from leeward.desk.app import Desk
from leeward.desk.views.derivatives import derivative_list, derivative_page, query_of, wanted_by
from leeward.errors import StorageError
from leeward.licences.derivatives import steps
from leeward.licences.derivatives.entry import Fault, Kind, Link, State, Wanted
from leeward.storage.derivatives import SqlDerivatives
from leeward.storage.engine import make_engine
from leeward.storage.schema import migrate
from made_derivatives import COPY, DAY, HIDDEN, NOTICE, Numbers, facts, sighting, stamp
from model_folders import LARGE
from services_fixtures import START, SetClock


@pytest.fixture
def registry(tmp_path: Path, clock: SetClock) -> Iterator[SqlDerivatives]:
    url = f"sqlite:///{tmp_path / 'records.db'}"
    migrate(url)
    engine = make_engine(url)
    yield SqlDerivatives(engine, clock, Numbers())
    engine.dispose()


def _keep(registry: SqlDerivatives, *told: object, **changed: object) -> str:
    (one,) = registry.record([sighting(facts(*told, **changed))], "scan by ada", 30 * DAY)
    return one.entry.id


async def _get(registry: SqlDerivatives, path: str) -> Answer:
    desk = Desk(
        empty_store(),
        clock=StillClock(START + DAY),
        access=Access.this_machine(),
        rule_names={},
        derivatives=registry,
    )
    return await call(desk, path)


# The list


def test_words_of_a_query_that_mean_nothing_are_as_if_they_were_not_there():
    wanted = wanted_by({"state": "noticed", "kind": "huge", "fault": "", "text": " a ", "closed": "yes"})

    assert wanted == Wanted(state=State.NOTICED, text="a")
    assert wanted_by({}) == Wanted()


def test_a_filter_survives_its_own_query_string():
    wanted = Wanted(state=State.CLEAR, kind=Kind.MERGE, fault=Fault.WRONG_NAME, text="a b", with_closed=True)

    assert query_of(wanted) == "?state=clear&kind=merge&fault=wrong-name&text=a+b&closed=too"
    assert query_of(Wanted()) == ""


def test_the_list_tells_deadlines_as_days_that_are_left(registry):
    _keep(registry, "ours-13b", NOTICE)
    (before,) = derivative_list(registry, Wanted(), now=START + DAY).rows
    (after,) = derivative_list(registry, Wanted(), now=START + 31.5 * DAY).rows

    assert (before.due, before.left) == ("2027-02-14 08:00", "in 29 days")
    assert after.left == "1 day ago"


def test_the_list_has_pages(registry):
    ids = [_keep(registry, f"m-{number}") for number in range(52)]
    first = derivative_list(registry, Wanted(), now=START)
    last = derivative_list(registry, Wanted(before=ids[2]), now=START)

    assert (len(first.rows), first.older) == (50, f"?before={ids[2]}")
    assert ([row.id for row in last.rows], last.older) == ([ids[1], ids[0]], "")


async def test_the_list_shows_entries_and_how_many_stand_where(registry):
    noticed = _keep(registry, "ours-13b", NOTICE, HIDDEN)
    answer = await _get(registry, "/desk/licences")

    assert answer.status == 200
    assert f'<a href="/desk/licences/{noticed}">ours-13b</a>' in answer.text
    assert "missing notice, undeclared derivative" in answer.text
    assert 'href="/desk/licences?state=noticed" data-count="1"' in answer.text
    assert 'aria-current="page">Licences</a>' in answer.text


async def test_a_filter_that_nothing_fits_says_so(registry):
    _keep(registry, "ours-13b")

    assert "No entry fits this filter" in (await _get(registry, "/desk/licences?state=restricted")).text


async def test_an_empty_registry_says_how_to_fill_it(registry):
    assert "leeward licence scan PATH --record" in (await _get(registry, "/desk/licences")).text


async def test_decisions_lead_to_the_registry_and_stay_marked_as_the_desk(registry):
    page = (await _get(registry, "/desk")).text

    assert '<a href="/desk" aria-current="page">Desk</a>' in page
    assert '<a href="/desk/licences">Licences</a>' in page


# The page of one entry


async def test_the_page_of_an_entry_shows_lineage_findings_notice_and_history(registry):
    parent = _keep(registry, "base-13b")
    entry = _keep(registry, "ours-13b", COPY, bases=("base-13b",))
    page = (await _get(registry, f"/desk/licences/{entry}")).text

    assert '<title id="drawing-title">Lineage of ours-13b</title>' in page
    assert "ours-13b is a fine-tune of base-13b." in page
    assert f'<a href="/desk/licences/{parent}">' in page
    assert "licence-copy-missing" in page
    assert "Do this by 14 February 2027, 08:00 UTC." in page
    assert 'lang="fr"' in page
    assert "scan by ada" in page
    assert f"leeward licence registry lift {entry}" in page


def test_a_page_leads_to_what_was_made_from_its_model(registry):
    parent = _keep(registry, "base-13b")
    child = _keep(registry, "ours-13b", bases=("Base-13b",))
    page = derivative_page(registry, parent, now=START)

    assert page is not None
    assert page.children == ((child, "ours-13b"),)


def test_evidence_by_weights_is_told_with_its_score(registry):
    link = Link(child="a", parent=LARGE, relation="untold", sources=("weights",), score=0.971, verdict="derived")
    page = derivative_page(registry, _keep(registry, "a", HIDDEN, lineage=(link,)), now=START)

    assert page is not None
    assert [(one.how, one.sources, one.likeness) for one in page.evidence] == [("not told", "weights", "0.97, derived")]


async def test_a_restricted_model_is_told_to_be_refused(registry, clock):
    entry = _keep(registry, "ours-13b", NOTICE)
    clock.seconds += 30 * DAY
    registry.sweep()
    page = (await _get(registry, f"/desk/licences/{entry}")).text

    assert "The gateway refuses requests for this model" in page
    assert "The time to do this ended on 14 February 2027" in page


@pytest.mark.parametrize(("step", "words"), [(steps.lift, "reopen"), (steps.close, "reopen"), (None, "extend")])
def test_a_page_names_the_commands_that_its_state_allows(registry, step, words):
    entry = _keep(registry, "ours-13b", NOTICE)
    if step is not None:
        registry.change(entry, partial(step, why="agreed", stamp=stamp(1, "ada")))
    page = derivative_page(registry, entry, now=START)

    assert page is not None
    assert any(f"registry {words} {entry}" in command for _, command in page.commands)


async def test_what_files_say_is_escaped(registry):
    entry = _keep(registry, "<script>alert(1)</script>", NOTICE, declared_licence="<b>mit</b>")
    page = (await _get(registry, f"/desk/licences/{entry}")).text

    assert "<script>alert" not in page
    assert "<b>mit" not in page


async def test_an_unknown_entry_is_not_found(registry):
    answer = await _get(registry, "/desk/licences/01NOTHING")

    assert answer.status == 404
    assert "leeward licence registry list --all" in answer.text


async def test_a_silent_store_is_said(registry, tmp_path):
    (tmp_path / "records.db").unlink()

    assert (await _get(registry, "/desk/licences")).status == 503
    with pytest.raises(StorageError):
        registry.counts()


async def test_who_may_not_see_the_desk_does_not_see_the_registry(registry):
    desk = Desk(
        empty_store(), clock=StillClock(), access=Access.by_token("x" * 16), rule_names={}, derivatives=registry
    )

    assert (await call(desk, "/desk/licences")).status == 401
    assert (await call(desk, f"/desk/licences/{_keep(registry, 'ours-13b')}")).status == 401


async def test_a_desk_without_a_registry_shows_an_empty_one():
    desk = Desk(empty_store(), clock=StillClock(), access=Access.this_machine(), rule_names={})

    assert (await call(desk, "/desk/licences")).status == 200
    assert (await call(desk, "/desk/licences/01NOTHING")).status == 404
