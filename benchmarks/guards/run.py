"""Guard models and Leeward on the same rows: AUC, recall at fixed false-alarm rates, F1, latency.

python benchmarks/guards/run.py --data ROWS.jsonl --guard qwen3guard=http://127.0.0.1:8000/v1 --ours --output results/
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from guard_measures import FALSE_ALARM_RATES, auc, f1, recall_at, wilson
from guard_rows import Row, read_rows
from guard_runs import Contestant, Guarded, Ours, Scored, run
from rich.console import Console
from rich.progress import Progress
from rich.table import Table


def main() -> None:
    """Measure, print a table, and write report.json."""
    options = _options()
    rows = [row for row in read_rows(options.data, options.label) if row.is_harmful is not None]
    if not rows:
        raise SystemExit(f"{options.data}: no row says whether its text is harmful{_under(options.label)}")
    options.output.mkdir(parents=True, exist_ok=True)
    _same_run(options)
    hazards = tuple(filter(None, options.hazards.split(",")))
    contestants: list[Contestant] = [
        Guarded(spec, hazards=hazards, key_env=options.key_env, form=options.form, timeout_seconds=options.timeout)
        for spec in options.guard
    ]
    if options.ours:
        contestants.append(Ours(hazards))
    if len({contestant.name for contestant in contestants}) < len(contestants):
        raise SystemExit("two guards have the same name; tell them apart with family@model=URL")
    answers = _ask(contestants, rows, options)
    report = {name: measured(rows, given, options.threshold) for name, given in answers.items()}
    (options.output / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    _print(report, options.threshold)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, required=True, help='JSONL of {"id", "text", "lang", "labels"}, may be .gz'
    )
    parser.add_argument("--guard", action="append", default=[], help="family=URL or family@model=URL; may be repeated")
    parser.add_argument("--ours", action="store_true", help="measure Leeward too")
    parser.add_argument("--output", type=Path, required=True, help="folder of answers and report; a run goes on there")
    parser.add_argument("--label", default="", help="label that decides, e.g. R001; without it any label counts")
    parser.add_argument(
        "--hazards", default="", help="hazards whose highest score counts, e.g. hate,harassment,violence"
    )
    parser.add_argument("--threshold", type=float, default=0.5, help="for F1 and false alarms (0.5)")
    parser.add_argument("--form", choices=("chat", "completion"), default="chat")
    parser.add_argument("--key-env", default="", help="variable that holds the servers' key")
    parser.add_argument("--timeout", type=float, default=60.0, help="seconds a row (60)")
    parser.add_argument("--parallel", type=int, default=1, help="rows at once (1: latency is that of one alone)")
    options = parser.parse_args()
    if not options.guard and not options.ours:
        parser.error("nothing to measure: name a --guard, or --ours")
    if options.parallel < 1 or options.timeout <= 0:
        parser.error("--parallel and --timeout must be above 0")
    return options


def _same_run(options: argparse.Namespace) -> None:
    """Refuse to mix answers to other questions into a folder."""
    told = {
        "data": hashlib.sha256(options.data.read_bytes()).hexdigest(),
        "hazards": options.hazards,
        "form": options.form,
    }
    path = options.output / "run.json"
    if path.exists() and json.loads(path.read_text("utf-8")) != told:
        raise SystemExit(f"{options.output} holds answers for other data, hazards or form; name another --output")
    path.write_text(json.dumps(told) + "\n", "utf-8")


def _ask(
    contestants: Sequence[Contestant], rows: Sequence[Row], options: argparse.Namespace
) -> dict[str, dict[str, Scored]]:
    answers = {}
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        for contestant in contestants:
            task = progress.add_task(contestant.name, total=len(rows))
            answers[contestant.name] = run(
                contestant, rows, options.output, parallel=options.parallel, step=lambda t=task: progress.advance(t)
            )
    return answers


def measured(rows: Sequence[Row], answers: Mapping[str, Scored], threshold: float) -> dict[str, Any]:
    """Return the measures over all rows and for each language; rows without an answer count in `unanswered` alone."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups["all"].append(row)
        groups[row.lang].append(row)
    told = {name: _measures(group, answers, threshold) for name, group in groups.items()}
    given = [answers[row.id] for row in rows if answers[row.id].score is not None]
    times = [scored.milliseconds for scored in given] or [float("nan")]
    return {
        **told.pop("all"),
        "unanswered": len(rows) - len(given),
        "in_words_only": sum(not scored.is_graded for scored in given),
        "p50_ms": float(np.quantile(times, 0.5)),
        "p95_ms": float(np.quantile(times, 0.95)),
        "languages": dict(sorted(told.items())),
    }


def _measures(rows: Sequence[Row], answers: Mapping[str, Scored], threshold: float) -> dict[str, Any]:
    scores: dict[bool, list[float]] = {True: [], False: []}
    for row in rows:
        score = answers[row.id].score
        if score is not None:
            scores[bool(row.is_harmful)].append(score)
    bad, good = np.array(scores[True]), np.array(scores[False])
    return {
        "harmful": len(bad),
        "harmless": len(good),
        "auc": asdict(auc(bad, good)),
        **{f"recall_at_{rate:g}": asdict(recall_at(rate, bad, good)) for rate in FALSE_ALARM_RATES},
        "f1": asdict(f1(bad, good, threshold)),
        "false_alarms": asdict(wilson(int((good >= threshold).sum()), len(good))),
    }


def _print(report: Mapping[str, dict[str, Any]], threshold: float) -> None:
    rates = [f"recall_at_{rate:g}" for rate in FALSE_ALARM_RATES]
    table = Table("guard", "harmful / harmless", "AUC", *(f"recall at {r:.0%} FPR" for r in FALSE_ALARM_RATES),
                  f"F1 at {threshold:g}", f"FPR at {threshold:g}", "p50 / p95 ms", "unanswered")  # fmt: skip
    for name, told in report.items():
        values = [_shown(told[key]) for key in ("auc", *rates, "f1", "false_alarms")]
        times = f"{told['p50_ms']:.0f} / {told['p95_ms']:.0f}"
        table.add_row(name, f"{told['harmful']} / {told['harmless']}", *values, times, str(told["unanswered"]))
    console = Console(width=None if sys.stdout.isatty() else 200)
    console.print(table)
    for name, told in report.items():
        if told["in_words_only"]:
            console.print(
                f"{name}: {told['in_words_only']} verdicts without probabilities, so its AUC is that of words."
            )


def _shown(told: Mapping[str, float]) -> str:
    if told["value"] != told["value"]:  # NaN
        return "–"
    return f"{told['value']:.3f} ({told['low']:.3f}–{told['high']:.3f})"


def _under(label: str) -> str:
    return f" under the label {label}" if label else ""


if __name__ == "__main__":
    main()
