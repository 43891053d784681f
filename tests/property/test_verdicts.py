"""Verdicts are order-free and monotone, and joining them obeys the laws of a join."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Examined, Failed, Finding, Reading, Report
from leeward.domain.rule import Condition, Rule, Ruleset
from leeward.domain.verdict import CLEAR, Cause, Verdict, join
from leeward.domain.view import Span, Stage
from leeward.policy.build import tightened
from leeward.policy.canonical import digest_of
from leeward.policy.decide import decide
from leeward.policy.draft import TightenTable

DETECTORS = ("ear", "eye", "nose")
HAZARDS = ("CWE-79", "CWE-89", "hate", "injection", "injection.override")
WANTED = (*HAZARDS, "CWE-*", "injection.*", "*")
LANGUAGES = ("de", "en", "fr")

degrees = st.sampled_from((0.1, 0.3, 0.5, 0.7, 0.9, 1.0))
confidences = st.sampled_from((0.0, 0.2, 0.3, 0.5, 0.8, 1.0))

conditions = st.builds(
    Condition,
    detector=st.sampled_from(DETECTORS),
    hazards=st.lists(st.sampled_from(WANTED), min_size=1, max_size=3, unique=True).map(tuple),
    threshold=degrees,
    thresholds=st.dictionaries(st.sampled_from(LANGUAGES), degrees, max_size=2),
    counts=st.booleans(),
    dry_run=st.booleans(),
)


def rules(number: int) -> st.SearchStrategy[Rule]:
    return st.builds(
        Rule,
        id=st.just(f"RULE-{number}"),
        name=st.just("A rule"),
        trigger=st.just("Something."),
        action=st.just("Something else"),
        clause=st.just("None"),
        stages=st.just(frozenset({Stage.PROMPT})),
        conditions=st.lists(conditions, min_size=1, max_size=3).map(tuple),
        disposition=st.sampled_from(Disposition),
        duties=st.frozensets(st.sampled_from(Duty), max_size=3),
        level=st.integers(1, 3),
        on_failure=st.sampled_from(Disposition),
        dry_run=st.booleans(),
    )


several_rules = st.tuples(rules(1), rules(2), rules(3))

findings = st.builds(
    Finding,
    hazard=st.sampled_from(HAZARDS),
    confidence=confidences,
    span=st.none() | st.builds(lambda a, n: Span(a, a + n), st.integers(0, 50), st.integers(0, 9)),
)
readings = st.builds(
    Reading,
    findings=st.lists(findings, max_size=3).map(tuple),
    scores=st.dictionaries(st.sampled_from(HAZARDS), confidences, max_size=4),
)


def reports_of(detector: str) -> st.SearchStrategy[Report]:
    return st.builds(Examined, st.just(detector), readings) | st.builds(Failed, st.just(detector), st.just("timeout"))


all_reports = st.tuples(*(reports_of(name) for name in DETECTORS))
languages = st.sampled_from((*LANGUAGES, "und"))


def verdict_of(asked: tuple[Rule, ...], reports: tuple[Report, ...], language: str = "en") -> Verdict:
    plan = Ruleset("r", "1.0.0", "sha256:0", asked).plans[Stage.PROMPT]
    return decide(plan, reports, language=language)


def meaning(verdict: Verdict) -> object:
    """Everything in a verdict, without the order of firings."""
    scores = dict(verdict.scores)
    return (
        verdict.disposition,
        verdict.duties,
        frozenset(verdict.firings),
        scores,
        verdict.checked,
        verdict.unchecked,
        verdict.language,
    )


@given(several_rules, all_reports, languages, st.randoms(use_true_random=False))
def test_no_order_of_rules_or_reports_changes_a_verdict(asked, reports, language, chance) -> None:
    shuffled_rules = tuple(chance.sample(asked, len(asked)))
    shuffled_reports = tuple(chance.sample(reports, len(reports)))

    assert meaning(verdict_of(asked, reports, language)) == meaning(
        verdict_of(shuffled_rules, shuffled_reports, language)
    )


@given(several_rules, rules(4), all_reports)
def test_a_further_rule_never_softens_a_verdict(asked, further, reports) -> None:
    before, after = verdict_of(asked, reports), verdict_of((*asked, further), reports)

    assert after.disposition >= before.disposition
    assert after.duties >= before.duties
    assert {*after.firings} >= {*before.firings}


@given(several_rules, all_reports, st.sampled_from(DETECTORS), findings)
def test_a_further_finding_never_softens_a_verdict(asked, reports, detector, finding) -> None:
    more = tuple(
        Examined(r.detector, replace(r.reading, findings=(*r.reading.findings, finding)))
        if isinstance(r, Examined) and r.detector == detector
        else r
        for r in reports
    )
    before, after = verdict_of(asked, reports), verdict_of(asked, more)

    assert after.disposition >= before.disposition
    assert after.duties >= before.duties
    assert all(after.scores[rule] >= score for rule, score in before.scores.items())


@given(several_rules, all_reports)
def test_a_missing_report_is_a_failure_and_never_silence(asked, reports) -> None:
    kept = reports[1:]
    failed = (Failed(reports[0].detector, "not_asked"), *kept)

    assert meaning(verdict_of(asked, kept)) == meaning(verdict_of(asked, failed))


@given(several_rules, all_reports)
def test_every_rule_is_checked_or_unchecked_and_never_both(asked, reports) -> None:
    verdict = verdict_of(asked, reports)

    assert verdict.checked | verdict.unchecked == {rule.id for rule in asked}
    assert not verdict.checked & verdict.unchecked


@given(several_rules, all_reports)
def test_an_unchecked_rule_asks_for_what_it_says_failure_means(asked, reports) -> None:
    verdict = verdict_of(asked, reports)

    for firing in verdict.firings:
        if firing.cause is Cause.UNCHECKED:
            (rule,) = (r for r in asked if r.id == firing.rule)
            assert firing.disposition == (Disposition.PASS if firing.dry_run else rule.on_failure)
            assert not firing.counts


@given(several_rules, all_reports, languages)
def test_a_rule_fires_exactly_when_a_hazard_of_it_is_at_its_threshold(asked, reports, language) -> None:
    expected = {
        rule.id
        for rule in asked
        for condition in rule.conditions
        for report in reports
        if isinstance(report, Examined) and report.detector == condition.detector
        for hazard, confidence in (
            *report.reading.scores.items(),
            *((f.hazard, f.confidence) for f in report.reading.findings),
        )
        if any(hazard == w or (w.endswith("*") and hazard.startswith(w[:-1])) for w in condition.hazards)
        and confidence >= condition.least(language)
    }

    assert {*verdict_of(asked, reports, language).rules} == expected


@given(several_rules, all_reports)
def test_a_dry_run_is_recorded_and_does_nothing(asked, reports) -> None:
    tried = tuple(replace(rule, dry_run=True) for rule in asked)
    verdict = verdict_of(tried, reports)

    assert verdict.rules == verdict_of(asked, reports).rules
    assert verdict.disposition is Disposition.PASS
    assert verdict.duties <= {Duty.LOG}
    assert verdict.violations == ()


limits = degrees | st.dictionaries(st.sampled_from((*LANGUAGES, "default")), degrees, min_size=1, max_size=3)
tighten_tables = st.builds(
    TightenTable,
    thresholds=st.dictionaries(
        st.sampled_from(DETECTORS), st.dictionaries(st.sampled_from(WANTED), limits, max_size=3), max_size=3
    ),
    duties=st.lists(st.sampled_from([d.value for d in Duty]), max_size=2).map(tuple),
    enforce=st.lists(st.sampled_from(WANTED), max_size=2).map(tuple),
)


@given(rules(1), tighten_tables, all_reports, languages)
def test_tightening_never_softens_a_verdict(rule, table, reports, language) -> None:
    before = verdict_of((rule,), reports, language)
    after = verdict_of((tightened(rule, table),), reports, language)

    assert after.disposition >= before.disposition
    assert {*after.rules} >= {*before.rules}


@given(several_rules, st.randoms(use_true_random=False))
def test_the_digest_does_not_depend_on_any_order(asked, chance) -> None:
    shuffled = tuple(
        replace(
            rule,
            conditions=tuple(
                replace(c, hazards=tuple(chance.sample(c.hazards, len(c.hazards))))
                for c in chance.sample(rule.conditions, len(rule.conditions))
            ),
        )
        for rule in chance.sample(asked, len(asked))
    )

    assert digest_of("r", "1.0.0", asked) == digest_of("r", "1.0.0", shuffled)


some_verdicts = st.builds(verdict_of, several_rules, all_reports, languages) | st.just(CLEAR)


@given(some_verdicts, some_verdicts)
def test_joining_is_commutative(one, two) -> None:
    assert meaning(join([one, two]))[:-1] == meaning(join([two, one]))[:-1]


@given(some_verdicts, some_verdicts, some_verdicts)
def test_joining_is_associative(one, two, three) -> None:
    assert meaning(join([join([one, two]), three])) == meaning(join([one, join([two, three])]))


@given(some_verdicts)
def test_joining_is_idempotent_and_clear_is_its_identity(verdict) -> None:
    assert meaning(join([verdict, verdict])) == meaning(verdict)
    assert meaning(join([verdict, CLEAR])) == meaning(join([CLEAR, verdict])) == meaning(verdict)


@given(st.lists(some_verdicts, max_size=4))
def test_a_join_is_the_strictest_disposition_with_every_duty(verdicts) -> None:
    joined = join(verdicts)

    assert joined.disposition == max((v.disposition for v in verdicts), default=Disposition.PASS)
    assert joined.duties == {duty for v in verdicts for duty in v.duties}
    assert {*joined.firings} == {firing for v in verdicts for firing in v.firings}
    assert not joined.checked & joined.unchecked
