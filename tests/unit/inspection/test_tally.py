from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.verdict import CLEAR, Cause, Verdict, join
from leeward.inspection.tally import Tally
from tiny_rules import firing, verdict_of


def tallied(*verdicts: Verdict) -> Tally:
    tally = Tally()
    for verdict in verdicts:
        tally.add(verdict)
    return tally


def test_a_tally_of_nothing_is_clear() -> None:
    assert Tally().verdict() is CLEAR
    assert tallied(CLEAR, CLEAR).verdict() is CLEAR


def test_the_strictest_disposition_and_all_duties_remain() -> None:
    note = verdict_of(firing("A", Disposition.ANNOTATE, duties=(Duty.UNCERTAINTY,)))
    stop = verdict_of(firing("B", Disposition.BLOCK, duties=(Duty.LOG,)))

    for order in ((note, stop), (stop, note)):
        tally = tallied(*order)
        verdict = tally.verdict()

        assert tally.disposition is Disposition.BLOCK
        assert verdict.disposition is Disposition.BLOCK
        assert verdict.duties == {Duty.UNCERTAINTY, Duty.LOG}
        assert verdict.rules == ("A", "B")


def test_a_rule_that_was_once_not_checked_is_not_checked() -> None:
    looked = verdict_of(checked=("A", "B"))
    failed = verdict_of(firing("A", cause=Cause.UNCHECKED), checked=("B",))

    for order in ((looked, failed), (failed, looked)):
        verdict = tallied(*order).verdict()

        assert verdict.checked == {"B"}
        assert verdict.unchecked == {"A"}


def test_the_same_firing_in_two_windows_is_told_once() -> None:
    twice = verdict_of(firing("A"))

    assert tallied(twice, twice).verdict().firings == twice.firings


def test_the_highest_score_of_each_rule_remains() -> None:
    low = Verdict(scores={"A": 0.2, "B": 0.7}, checked=frozenset("AB"))
    high = Verdict(scores={"A": 0.4, "C": 0.0}, checked=frozenset("AC"))

    assert tallied(low, high).verdict().scores == {"A": 0.4, "B": 0.7, "C": 0.0}


def test_adding_does_not_change_what_was_added() -> None:
    first = Verdict(scores={"A": 0.2}, checked=frozenset("A"))
    tallied(first, Verdict(scores={"A": 0.9}, checked=frozenset("A")))

    assert first.scores == {"A": 0.2}


def test_the_first_known_language_remains() -> None:
    verdicts = [verdict_of(language=tag, checked=("A",)) for tag in ("und", "fr", "de")]

    assert tallied(*verdicts).verdict().language == "fr"


_FIRINGS = st.builds(
    firing,
    st.sampled_from("ABC"),
    st.sampled_from(Disposition),
    hazard=st.sampled_from(["x", "y"]),
    cause=st.sampled_from(Cause),
)
_VERDICTS = st.builds(
    lambda some, rules: replace(verdict_of(*some, checked=("Z",)), unmeasured=rules),
    st.lists(_FIRINGS, max_size=3),
    st.frozensets(st.sampled_from("ABC")),
)


@given(st.lists(_VERDICTS, max_size=5))
def test_a_tally_is_the_join(verdicts: list[Verdict]) -> None:
    expected, actual = join(verdicts), tallied(*verdicts).verdict()

    assert (actual.disposition, actual.duties, set(actual.firings)) == (
        expected.disposition, expected.duties, set(expected.firings)
    )  # fmt: skip
    assert (dict(actual.scores), actual.checked, actual.unchecked, actual.unmeasured) == (
        dict(expected.scores), expected.checked, expected.unchecked, expected.unmeasured
    )  # fmt: skip


def test_the_same_verdict_again_changes_nothing() -> None:
    seen = verdict_of(firing("A"), checked=("B",))

    assert tallied(seen, seen).verdict() == tallied(seen).verdict()
