"""The list of decisions and the page of one decision."""

from __future__ import annotations

from desk_records import NOW, closed, empty_store, firing, opened

from leeward.desk.views.records import ROWS, Filter, record_list, record_page
from leeward.domain.disposition import Disposition
from leeward.domain.record import Outcome
from leeward.domain.verdict import Cause
from leeward.storage.memory import MemoryStore

NAMES = {"RULE-MIST-001": "Harmful Content", "RULE-MIST-009": "Prompt Injection"}


async def _store() -> MemoryStore:
    """Return a store with an answered, a refused and a cleaned exchange, and one under way."""
    store = empty_store()
    ends = [
        (Outcome.ANSWERED, ()),
        (Outcome.REFUSED_PROMPT, (firing("RULE-MIST-001", Disposition.BLOCK),)),
        (Outcome.ANSWERED, (firing("RULE-MIST-009", Disposition.SANITIZE),)),
    ]
    for number, (outcome, firings) in enumerate(ends):
        record = opened(number)
        await store.open_record(record)
        store.close_record(closed(record, outcome, *firings))
    await store.open_record(opened(9))
    return store


async def test_the_newest_decision_comes_first_and_says_when_it_is_under_way():
    page = record_list(await _store(), Filter(), NAMES, now=NOW)

    assert [row.disposition for row in page.rows] == ["", "sanitize", "block", "pass"]
    assert [row.outcome for row in page.rows] == ["", "answered", "refused_prompt", "answered"]


async def test_a_row_tells_what_was_decided_and_how_long_it_took():
    row = record_list(await _store(), Filter(), NAMES, now=NOW).rows[2]

    assert (row.rules, row.language, row.took, row.model) == (("RULE-MIST-001",), "fr", "12.5 ms", "some-model")
    assert row.clock == "2025-10-09 08:52:20"


async def test_rules_are_counted_over_the_last_hour_and_rules_that_did_not_fire_are_there():
    store = await _store()
    old = opened(0, at=NOW - 3_700)
    await store.open_record(old)
    store.close_record(closed(old, Outcome.REFUSED_PROMPT, firing("RULE-MIST-001", Disposition.BLOCK)))

    page = record_list(store, Filter(), {**NAMES, "RULE-MIST-002": "Code Vulnerability"}, now=NOW)

    assert [(c.rule, c.count) for c in page.counts] == [
        ("RULE-MIST-001", 1), ("RULE-MIST-002", 0), ("RULE-MIST-009", 1)
    ]  # fmt: skip
    assert (page.exchanges, page.stopped) == (3, 1)


async def test_filters_keep_what_is_wanted():
    store = await _store()

    def found(**query: str) -> list[str]:
        return [row.disposition for row in record_list(store, Filter.parse(query), NAMES, now=NOW).rows]

    assert found(rule="RULE-MIST-009") == ["sanitize"]
    assert found(disposition="block") == ["block"]
    assert found(outcome="answered") == ["sanitize", "pass"]
    assert found(outcome="answered", disposition="pass") == ["pass"]
    assert found(rule="RULE-MIST-007") == []


def test_words_that_mean_nothing_do_not_filter():
    assert Filter.parse({"disposition": "purple", "outcome": "<b>", "colour": "x"}) == Filter()


def test_a_query_comes_back_as_the_filter_that_wrote_it():
    wanted = Filter("RULE-MIST-001", Disposition.HARD_BLOCK, Outcome.RESTRICTED, "01A")
    words = dict(pair.split("=") for pair in wanted.query().removeprefix("?").split("&"))

    assert Filter.parse(words) == wanted
    assert Filter().query() == "?"


async def test_a_long_list_is_cut_and_goes_on_where_it_stopped():
    store = empty_store()
    for number in range(ROWS + 3):
        await store.open_record(opened(number))

    first = record_list(store, Filter(), NAMES, now=NOW)
    second = record_list(store, Filter.parse({"before": first.rows[-1].id}), NAMES, now=NOW)

    assert (len(first.rows), len(second.rows)) == (ROWS, 3)
    assert first.older == f"?before={first.rows[-1].id}"
    assert second.older == ""
    assert not {row.id for row in first.rows} & {row.id for row in second.rows}
    assert second.live == ""


async def test_a_rare_filter_says_how_far_it_looked():
    store = empty_store()
    for number in range(2_001):
        await store.open_record(opened(number))

    page = record_list(store, Filter(rule="RULE-MIST-001"), NAMES, now=NOW)

    assert (page.rows, page.looked_back) == ((), 2_000)


async def test_a_decision_tells_what_fired_and_why():
    store = await _store()
    row = record_list(store, Filter(disposition=Disposition.BLOCK), NAMES, now=NOW).rows[0]

    page = record_page(store, row.id)

    assert page is not None
    [fired] = page.firings
    assert (fired.rule, fired.hazard, fired.confidence) == ("RULE-MIST-001", "hate", "0.91")
    assert (fired.place, fired.why) == ("messages[0].content 3–9", "counts as a violation")
    assert page.scores == (("RULE-MIST-001", 0.25, "0.25"),)
    assert ("Model server", "main") in page.facts


async def test_a_detector_that_could_not_look_is_told_from_one_that_saw_something():
    store = empty_store()
    record = opened(1)
    await store.open_record(record)
    blind = firing("RULE-MIST-001", Disposition.BLOCK, cause=Cause.UNCHECKED, finding=None, failure="timeout")
    store.close_record(closed(record, Outcome.REFUSED_PROMPT, blind))

    page = record_page(store, record.id)

    assert page is not None
    assert [(f.why, f.confidence) for f in page.firings] == [("could not look: timeout", "")]
    assert page.row.rules == ()


async def test_an_exchange_under_way_and_an_unknown_one_have_pages_that_say_so():
    store = await _store()
    under_way = record_page(store, opened(9).id)

    assert under_way is not None
    assert (under_way.row.outcome, under_way.firings) == ("", ())
    assert record_page(store, "nothing") is None


async def test_an_unfinished_exchange_is_not_shown_as_passed():
    store = empty_store()
    record = opened(1)
    await store.open_record(record)
    store.close_record(closed(record, Outcome.UNFINISHED))

    [row] = record_list(store, Filter(), NAMES, now=NOW).rows

    assert (row.disposition, row.outcome) == ("", "unfinished")
