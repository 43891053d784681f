"""Every conformance vector, through the policy."""

from __future__ import annotations

import tomllib
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest

from known_detectors import KNOWN
from leeward.domain.finding import Examined, Failed, Finding, Reading, Report
from leeward.domain.verdict import Verdict
from leeward.domain.view import Span, Stage
from leeward.policy.decide import decide
from leeward.policy.loader import load_builtin
from leeward.policy.protocol import PROTOCOL_RULES

FOLDER = Path(__file__).parents[2] / "conformance" / "vectors"
RULESET = load_builtin(known=KNOWN).ruleset


class Seen(msgspec.Struct, forbid_unknown_fields=True):
    hazard: str
    confidence: float
    span: tuple[int, int] | None = None


class Told(msgspec.Struct, forbid_unknown_fields=True):
    detector: str
    scores: dict[str, float] = {}
    findings: list[Seen] = []
    failed: str = ""

    def report(self) -> Report:
        if self.failed:
            return Failed(self.detector, self.failed)
        findings = (
            Finding(hazard=s.hazard, confidence=s.confidence, span=Span(*s.span) if s.span else None)
            for s in self.findings
        )
        return Examined(self.detector, Reading(tuple(findings), self.scores))


class Vector(msgspec.Struct, forbid_unknown_fields=True):
    id: str
    claim: str
    source: str
    stage: Stage
    expect: dict[str, Any]
    report: list[Told] = []
    language: str = "und"


VECTORS = {
    file.stem: msgspec.convert(tomllib.loads(file.read_text("utf-8"))["vector"], list[Vector])
    for file in sorted(FOLDER.glob("*.toml"))
}
ALL = [vector for vectors in VECTORS.values() for vector in vectors]


def judged(vector: Vector) -> Verdict:
    plan = RULESET.plans[vector.stage]
    told = {t.detector: t.report() for t in vector.report}
    assert {*told} <= {*KNOWN}
    return decide(plan, [told.get(d, Examined(d, Reading())) for d in plan.detectors], language=vector.language)


@pytest.mark.parametrize("vector", ALL, ids=lambda vector: vector.id)
def test_the_verdict_is_the_one_that_the_protocol_asks_for(vector: Vector) -> None:
    verdict = judged(vector)
    said: dict[str, Any] = {
        "disposition": verdict.disposition.word,
        "duties": sorted(verdict.duties),
        "rules": list(verdict.rules),
        "violations": sorted({f.rule for f in verdict.violations}),
        "unchecked": sorted(verdict.unchecked),
    }
    if verdict.violations:
        said["level"] = max(f.level for f in verdict.violations)

    assert said == {**vector.expect, "duties": sorted(vector.expect["duties"])}, vector.claim


@pytest.mark.parametrize("rule", PROTOCOL_RULES)
def test_each_rule_has_vectors_that_fire_it_and_one_that_does_not(rule: str) -> None:
    vectors = VECTORS[rule]

    assert sum(rule in v.expect["rules"] for v in vectors) >= 2
    assert any(not v.expect["rules"] for v in vectors)
    assert len(vectors) >= 3


def test_each_vector_has_an_id_of_its_own_and_a_source() -> None:
    assert [i for i, times in Counter(v.id for v in ALL).items() if times > 1] == []
    assert [v.id for v in ALL if not v.source.startswith("Mistral AI Safety Protocol, ")] == []


def test_vectors_outlive_the_tuning_of_thresholds() -> None:
    sure = [c for v in ALL for t in v.report for c in (*t.scores.values(), *(s.confidence for s in t.findings))]

    assert [c for c in sure if 0.001 < c < 0.999] == []
