from __future__ import annotations

from known_detectors import KNOWN, PROTOCOL
from leeward.domain.disposition import Disposition, Duty
from leeward.domain.finding import Examined, Failed, Finding, Reading, Report
from leeward.domain.verdict import Cause, Verdict
from leeward.domain.view import Span, Stage
from leeward.policy.decide import decide
from leeward.policy.loader import load_all

LOADED = load_all([PROTOCOL], known=KNOWN)
assert isinstance(LOADED, dict)
RULESET = LOADED["mistral-v1"].ruleset


def looked(stage: Stage, **readings: Reading) -> list[Report]:
    named = {name.replace("_", "-"): reading for name, reading in readings.items()}
    return [Examined(d, named.get(d, Reading())) for d in RULESET.plans[stage].detectors]


def judged(stage: Stage, reports: list[Report], **how: int | str) -> Verdict:
    return decide(RULESET.plans[stage], reports, **how)


def test_nothing_seen_passes_and_every_rule_was_checked() -> None:
    verdict = judged(Stage.PROMPT, looked(Stage.PROMPT), language="fr")

    assert verdict.disposition is Disposition.PASS
    assert verdict.firings == ()
    assert verdict.checked == {f"RULE-MIST-00{n}" for n in (1, 3, 4, 5, 6, 9)}
    assert verdict.scores == dict.fromkeys(verdict.checked, 0.0)
    assert verdict.language == "fr"


def test_a_score_below_the_threshold_is_kept_and_fires_nothing() -> None:
    verdict = judged(Stage.PROMPT, looked(Stage.PROMPT, front_text=Reading(scores={"hate": 0.49, "malware": 0.1})))

    assert verdict.firings == ()
    assert (verdict.scores["RULE-MIST-001"], verdict.scores["RULE-MIST-006"]) == (0.49, 0.1)


def test_a_score_at_the_threshold_fires_without_a_span() -> None:
    reading = Reading(scores={"hate": 0.5, "harassment": 0.7})
    (firing,) = judged(Stage.PROMPT, looked(Stage.PROMPT, front_text=reading)).firings

    assert firing.finding == Finding(hazard="harassment", confidence=0.7)
    assert (firing.rule, firing.disposition, firing.counts) == ("RULE-MIST-001", Disposition.BLOCK, True)


def test_a_span_counts_from_the_start_of_the_part() -> None:
    seen = Finding(hazard="malware.code", confidence=0.9, span=Span(3, 8))
    (firing,) = judged(
        Stage.CODE, looked(Stage.CODE, malware_code=Reading((seen,))), part="choices[0]", start=100
    ).firings

    assert firing.finding is not None
    assert (firing.finding.span, firing.part) == (Span(103, 108), "choices[0]")


def test_a_finding_of_the_whole_view_has_no_span_in_the_part_either() -> None:
    seen = Finding(hazard="CWE-89", confidence=0.9)
    (firing,) = judged(Stage.CODE, looked(Stage.CODE, code_scan=Reading((seen,))), start=100).firings

    assert firing.finding == seen
    assert (firing.disposition, firing.counts) == (Disposition.ANNOTATE, False)


def test_a_family_is_matched_by_its_beginning_in_scores_too() -> None:
    verdict = judged(Stage.CODE, looked(Stage.CODE, code_scan=Reading(scores={"CWE-79": 0.8, "CW": 1.0})))

    assert verdict.scores["RULE-MIST-002"] == 0.8
    assert verdict.duties == {Duty.LOG, Duty.SAFE_ALTERNATIVE}


def test_a_detector_that_could_not_look_means_what_the_rule_says() -> None:
    reports = [Failed(r.detector, "timeout") if r.detector == "injection" else r for r in looked(Stage.DOCUMENT)]
    verdict = judged(Stage.DOCUMENT, reports)

    (firing,) = verdict.firings
    assert (firing.cause, firing.failure, firing.counts) == (Cause.UNCHECKED, "timeout", False)
    assert verdict.disposition is Disposition.BLOCK
    assert verdict.unchecked == {"RULE-MIST-009"}
    assert verdict.rules == ()


def test_a_report_that_is_missing_counts_as_not_looked() -> None:
    verdict = judged(Stage.IMAGE, [])

    assert [f.failure for f in verdict.firings] == ["not_asked"]
    assert verdict.disposition is Disposition.BLOCK


def test_an_unregistered_model_is_recorded_and_passes() -> None:
    seen = Finding(hazard="licence.unknown", confidence=1.0)
    verdict = judged(Stage.EXCHANGE, looked(Stage.EXCHANGE, licence_registry=Reading((seen,))))

    assert verdict.disposition is Disposition.PASS
    assert verdict.rules == ("RULE-MIST-003",)
    assert [f.dry_run for f in verdict.firings] == [True]
    assert verdict.violations == ()


def test_a_person_in_distress_is_given_resources_and_is_no_violator() -> None:
    verdict = judged(Stage.PROMPT, looked(Stage.PROMPT, front_text=Reading(scores={"distress": 0.9})))

    assert Duty.RESOURCES in verdict.duties
    assert verdict.disposition is Disposition.BLOCK
    assert verdict.violations == ()


def test_nothing_of_a_rule_counts_against_a_caller_whom_one_of_its_firings_excuses() -> None:
    reading = Reading(scores={"distress": 0.9, "self-harm": 0.9, "malware": 0.9})
    verdict = judged(Stage.PROMPT, looked(Stage.PROMPT, front_text=reading))

    assert {f.rule for f in verdict.violations} == {"RULE-MIST-006"}
    assert {f.rule for f in verdict.firings} == {"RULE-MIST-004", "RULE-MIST-006"}
