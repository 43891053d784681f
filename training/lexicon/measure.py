"""Measures how often `minor-lexicon` stops innocent text, by language.

    python measure.py --data DATA     # held-out rows of the data folder and the written lines; --all: tuned on too
    python measure.py                 # the written lines alone

A false alarm is a finding at or above the threshold of the shipped ruleset. Texts are read as the gateway reads them,
with the language that it tells. Nothing but innocent text is read: recall cannot be and is not measured.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from statistics import quantiles

import msgspec
from innocent import Innocent, innocent, written
from measures import Share

from leeward.detectors.minor_lexicon import MinorLexicon
from leeward.domain.view import Stage, View
from leeward.inspection.language import identify
from leeward.inspection.normalise import layers_of

RULESET = Path(__file__).parents[2] / "src/leeward/policy/rulesets/mistral-v1.toml"
KINDS = ("written", "everyday", "benign", "post")
LEAST = 100  # texts of a language for a row of its own


def threshold() -> float:
    """Return the threshold of RULE-MIST-005 for the detector."""
    rules = msgspec.toml.decode(RULESET.read_bytes())["rule"]
    conditions = next(rule["when"] for rule in rules if rule["id"] == "RULE-MIST-005")
    mine = next(when for when in conditions if when["detector"] == "minor-lexicon")
    return float(mine["thresholds"]["child-exploitation"])


def is_alarm(detector: MinorLexicon, text: str, least: float) -> bool:
    """Return whether the detector would stop `text`."""
    view = View(text, Stage.PROMPT, language=identify(text), layers=layers_of(text))
    return any(finding.confidence >= least for finding in detector.examine(view).findings)


def speed(detector: MinorLexicon, texts: Iterable[str], chars: int = 400) -> tuple[float, float]:
    """Return mean and 99th percentile of processor time, in microseconds, for one look at `chars` characters."""
    running = " ".join(texts)
    pieces = [running[at : at + chars] for at in range(0, min(len(running) - chars, 800 * chars), chars)]
    views = [View(piece, Stage.PROMPT, language="und", layers=layers_of(piece)) for piece in pieces]
    spent: list[float] = []
    for view in views:
        begin = time.thread_time()
        detector.examine(view)
        spent.append((time.thread_time() - begin) * 1e6)
    return sum(spent) / len(spent), quantiles(spent, n=100)[98]


def shown(name: str, hits: int, total: int) -> str:
    low, high = Share(hits, total).bounds
    return f"{name:<22} {total:>7} {hits:>5} {100 * hits / max(1, total):>8.3f}  {100 * low:.3f} to {100 * high:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path)
    parser.add_argument("--all", action="store_true", help="count the rows that the table was tuned on too")
    args = parser.parse_args()
    detector, least = MinorLexicon(), threshold()
    detector.open()
    totals: Counter[tuple[str, str]] = Counter()
    hits: Counter[tuple[str, str]] = Counter()
    everyday: list[str] = []
    source: Iterable[Innocent] = innocent(args.data) if args.data else written()
    for row in source:
        if not (args.all or row.is_held_out or row.kind in ("written", "post")):
            continue
        stopped = is_alarm(detector, row.text, least)
        for language in (row.language, "all"):
            totals[row.kind, language] += 1
            hits[row.kind, language] += stopped
        if row.kind == "everyday" and row.language == "en" and len(everyday) < 4_000:
            everyday.append(row.text)
    print(f"{'texts, language':<22} {'n':>7} {'stop':>5} {'%':>8}  95 % interval")
    for kind in KINDS:
        for (name, language), total in sorted(totals.items()):
            if name == kind and (language == "all" or total >= LEAST or hits[name, language]):
                print(shown(f"{kind} {language}", hits[name, language], total))
    innocent_total = sum(totals[kind, "all"] for kind in ("written", "everyday", "benign"))
    print(shown("innocent, together", sum(hits[k, "all"] for k in ("written", "everyday", "benign")), innocent_total))
    if everyday:
        print("400 characters of everyday English: {:.0f} µs mean, {:.0f} µs p99".format(*speed(detector, everyday)))


if __name__ == "__main__":
    main()
