"""Measures the cascade on the dev fold, by family and language, with 95 % intervals."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import LANGUAGES  # noqa: E402
from measures import Share, area, calibration_error  # noqa: E402
from rules import BLOCKING, RULES  # noqa: E402
from thresholds import RULESETS, WEIGHTS  # noqa: E402

from cascade import Cascade, cascade_of  # noqa: E402
from grown import LABELS  # noqa: E402

F64 = npt.NDArray[np.float64]
FEWEST = 15  # positives, and as many negatives, below which a language is not measured
# Rules under which the rulesets name what is no rule of the protocol; `distress` is part of RULE-MIST-004.
NAMES = {
    "criminal": "USAGE-CRIMINAL",
    "dangerous": "USAGE-DANGEROUS",
    "sexual": "USAGE-SEXUAL",
    "refusal": "USAGE-REFUSAL",
}
UNMEASURED = ("USAGE-HEALTH", "USAGE-FINANCIAL", "USAGE-LAW")
Thresholds = Mapping[str, Mapping[str, float]]
ABUSE_SOURCES = (
    "davidson", "hatexplain", "stormfront", "hatemoji_build", "toxigen_demos", "uli", "germeval2018", "gahd",
    "korean_hate", "apeach", "cold", "told_br", "vihos", "ogtd", "offenseval_ar", "offenseval_tr", "ro_offense",
    "dkhate", "poleval_cbd", "suomi24_toxicity", "mlma",
)  # fmt: skip


class Measured:
    """The dev fold with everything that the tables ask."""

    def __init__(self, cascade: Cascade, thresholds: Thresholds) -> None:
        self.cascade, self.thresholds = cascade, thresholds
        rows = [text.row for text in cascade.texts]
        self.langs = np.array([row.lang for row in rows])
        self.sources = np.array([row.source for row in rows])
        self.ids = np.array([row.id for row in rows])
        self.kinds = np.array([row.kind for row in rows])
        self.pairs = np.array([text.pair for text in cascade.texts])
        self.everyday = np.array([row.everyday for row in rows])
        self.harmful = cascade.truth[:, LABELS.index("harm")]
        self.fired = {rule: self._fires(rule) for rule in RULES}
        self.stopped = np.logical_or.reduce([self.fired[rule] for rule in BLOCKING])
        self.any = self.stopped | self.fired["RULE-MIST-009"]

    def chance(self, rule: str) -> F64:
        """Return the rule's probability: the highest of its hazards."""
        return np.asarray(self.cascade.chances[:, [LABELS.index(hazard) for hazard in RULES[rule]]].max(1))

    def truth(self, rule: str) -> F64:
        """Return 1 where any hazard of the rule is there, 0 where all are known not to be, else NaN."""
        values = self.cascade.truth[:, [LABELS.index(hazard) for hazard in RULES[rule]]]
        yes, known = (np.nan_to_num(values) > 0).any(1), ~np.isnan(values).any(1)
        return np.where(yes, 1.0, np.where(known, 0.0, np.nan))

    def _fires(self, rule: str) -> npt.NDArray[np.bool_]:
        fired = np.zeros(len(self.langs), np.bool_)
        for hazard in RULES[rule]:
            by = self.thresholds.get(hazard, {"default": 0.5})
            least = np.array([by.get(lang, by["default"]) for lang in self.cascade.seen])
            fired |= self.cascade.chances[:, LABELS.index(hazard)] >= least
        return fired

    def own(self, *sections: str) -> npt.NDArray[np.bool_]:
        """Return which texts are of these sections of the grown corpus."""
        found = np.zeros(len(self.ids), np.bool_)
        for section in sections:
            found |= np.char.startswith(self.ids, f"grown-{section}-")
        return found


def interval(scores: F64, truth: F64, draws: int = 200) -> str:
    """Return AUC with its bootstrap interval and numbers of both sides."""
    known = ~np.isnan(truth)
    scores, truth = scores[known], truth[known]
    if truth.sum() < FEWEST or (1 - truth).sum() < FEWEST:
        return "not measured"
    random = np.random.default_rng(7)
    values = []
    for _ in range(draws):
        of = random.integers(0, len(truth), len(truth))
        values.append(area(scores[of], truth[of]))
    low, high = np.nanquantile(values, (0.025, 0.975))
    return f"{area(scores, truth):.3f} [{low:.2f}, {high:.2f}] n={int(truth.sum())}+{int((1 - truth).sum())}"


def table(title: str, head: Sequence[str], lines: Iterable[Sequence[object]]) -> None:
    """Print a table as Markdown."""
    print(f"\n### {title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for line in lines:
        print(f"| {' | '.join(map(str, line))} |")


def rules_table(of: Measured) -> None:
    """Print AUC, recall, precision, false alarms and calibration error of every rule, English and the others apart."""
    lines = []
    for rule in RULES:
        chance, truth, fired = of.chance(rule), of.truth(rule), of.fired[rule]
        for name, part in (("en", of.langs == "en"), ("other", of.langs != "en")):
            yes, no = part & (truth == 1), part & (truth == 0)
            known = yes | no
            precision = Share(int(fired[yes].sum()), int(fired[known].sum()))
            lines.append((
                rule, name, interval(chance[part], truth[part]), Share.of(fired[yes]), precision, Share.of(fired[no]),
                f"{calibration_error(chance[known], truth[known]):.3f}",
            ))  # fmt: skip
    table(
        "Rules",
        ("rule", "language", "AUC", "recall %", "precision %", "fires on harmless %", "calibration error"),
        lines,
    )


def coverage(of: Measured) -> dict[str, list[str]]:
    """Print recall and false alarms by rule and language; return which languages are measured for which rule."""
    found: dict[str, list[str]] = {name: [] for name in (*RULES, *NAMES.values(), *UNMEASURED) if name not in NAMES}
    lines = []
    for rule in RULES:
        truth, fired = of.truth(rule), of.fired[rule]
        for lang in LANGUAGES:
            yes, no = (of.langs == lang) & (truth == 1), (of.langs == lang) & (truth == 0)
            enough = yes.sum() >= FEWEST and no.sum() >= FEWEST
            precision = Share(int(fired[yes].sum()), int(fired[yes | no].sum()))
            shown = (Share.of(fired[yes]), precision, Share.of(fired[no])) if enough else ("not measured",) * 3
            lines.append((rule, lang, int(yes.sum()), int(no.sum()), *shown))
            if enough:
                found.setdefault(NAMES.get(rule, rule), []).append(lang)
    table("Languages", ("rule", "language", "harmful", "harmless", "recall %", "precision %", "false alarms %"), lines)
    return found


def families(of: Measured) -> None:
    """Print the families of texts that the acceptance figures are about."""
    grown, twins = of.sources == "grown", np.char.startswith(of.sources, "twins")
    functional = of.own("frames", "frames2", "hate", "hate2", "hate3") | (twins & (np.char.find(of.ids, "R001") >= 0))
    requests = of.own("request", "request2", "malware", "malware2") | np.isin(
        of.sources, ["catqa", "advbench", "ailuminate", "xsafety", "mlc_ailuminate_multi"]
    )
    asked = requests & (of.harmful == 1) & (of.kinds != "response")
    alike = of.own("request", "request2", "malware", "malware2", "selfharm", "selfharm2") | (of.sources == "coconot")
    look_alike = alike & (of.harmful == 0)
    hate, chance = of.truth("RULE-MIST-001"), of.chance("RULE-MIST-001")
    lines = []
    for lang in LANGUAGES:
        mine = of.langs == lang
        lines.append((
            lang, Share.of(of.stopped[mine & of.everyday]), Share.of(of.any[mine & look_alike]),
            Share.of(of.stopped[mine & asked]), interval(chance[mine & functional], hate[mine & functional]),
            _pairs(of, mine & (twins | grown)),
        ))  # fmt: skip
    for name, part in (
        ("all", np.isin(of.langs, LANGUAGES)),
        ("other languages", ~np.isin(of.langs, (*LANGUAGES, "code"))),
    ):
        lines.append((
            name, Share.of(of.stopped[part & of.everyday]), Share.of(of.any[part & look_alike]),
            Share.of(of.stopped[part & asked]), interval(chance[part & functional], hate[part & functional]),
            _pairs(of, part & (twins | grown)),
        ))  # fmt: skip
    head = (
        "language",
        "everyday blocked %",
        "look-alikes stopped %",
        "harmful requests stopped %",
        "R001 functional AUC",
        "pairs told apart %",
    )
    table("Families", head, lines)
    table("Posts (RULE-MIST-001)", ("source", "AUC"), [
        (source, interval(chance[of.sources == source], hate[of.sources == source])) for source in ABUSE_SOURCES
    ])  # fmt: skip
    malware = of.truth("RULE-MIST-006")
    security = (
        np.isin(of.sources, ["r006_malware", "mmlu_security"])
        | of.own("malware", "malware2")
        | (twins & (np.char.find(of.ids, "R006") >= 0))
    )
    benign = security & (malware == 0)
    table("Requests for malware", ("AUC", "harmless security texts blocked %"), [
        (interval(of.chance("RULE-MIST-006")[security], malware[security]), Share.of(of.fired["RULE-MIST-006"][benign]))
    ])  # fmt: skip


def _pairs(of: Measured, part: npt.NDArray[np.bool_]) -> Share:
    """Return how often the violating text of a pair scores above its twin, by the rule that parts them."""
    by_pair: dict[str, list[int]] = {}
    for at in np.flatnonzero(part & (of.pairs != "")).tolist():
        by_pair.setdefault(of.pairs[at], []).append(at)
    won = total = 0
    for members in by_pair.values():
        for rule in (*(rule for rule in RULES if rule != "refusal"),):
            truth, chance = of.truth(rule)[members], of.chance(rule)[members]
            for high in np.flatnonzero(truth == 1):
                for low in np.flatnonzero(truth == 0):
                    won += int(chance[high] > chance[low])
                    total += 1
    return Share(won, total)


def main() -> None:
    """Print the tables; write which languages are measured."""
    from thresholds_of import thresholds_of

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS)
    parser.add_argument("--fold", default="dev", choices=("dev", "cal"))
    parser.add_argument("--rulesets", type=Path, default=RULESETS)
    parser.add_argument("--coverage", type=Path, help="file to write the measured languages to")
    arguments = parser.parse_args()
    cascade = cascade_of(arguments.data, arguments.weights, arguments.fold, arguments.work)
    of = Measured(cascade, thresholds_of(arguments.rulesets))
    print(f"{len(cascade.texts)} texts; the gate cleared {Share.of(cascade.cleared[of.everyday])} % of everyday ones.")
    families(of)
    rules_table(of)
    measured = coverage(of)
    if arguments.coverage:
        arguments.coverage.write_text(json.dumps(measured, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
