"""Measures an encoder on whole sources that it was trained without, beside one that knows them.

Training once for each source would take days on two cores, so `finetune.py --leave-out` leaves one source of each kind
out of a single shorter run; the figures are those of a weaker encoder, not of the one that ships.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import bare, held_out  # noqa: E402
from evaluate import interval, table  # noqa: E402
from rules import RULES  # noqa: E402
from scoring import hash_of  # noqa: E402
from texts import all_texts  # noqa: E402
from thresholds import WEIGHTS  # noqa: E402

from grown import LABELS, Text  # noqa: E402
from leeward.models.encoder import Encoder  # noqa: E402

# Sources that are left out, and the rule that each is measured by; `harm` beside everyday texts of the dev fold.
LEFT_OUT: Mapping[str, str] = {
    "hatexplain": "RULE-MIST-001", "gahd": "RULE-MIST-001", "told_br": "RULE-MIST-001", "cold": "RULE-MIST-001",
    "apeach": "RULE-MIST-001", "ogtd": "RULE-MIST-001", "offenseval_ar": "RULE-MIST-001",
    "mlc_v05": "RULE-MIST-004", "r006_malware": "RULE-MIST-006", "crows_pairs": "RULE-MIST-007",
    "redditbias": "RULE-MIST-007", "catqa": "harm", "advbench": "harm",
}  # fmt: skip
EACH = 250  # texts of a source and side
CHARS = 600


def chosen(texts: Sequence[Text]) -> dict[str, list[Text]]:
    """Return so many texts of each side of each source, by hash of their ids; of every fold."""
    measuring = held_out()
    sides: dict[str, dict[bool, list[Text]]] = defaultdict(lambda: defaultdict(list))
    everyday: list[Text] = []
    for text in texts:
        row = text.row
        if row.everyday and row.fold == "dev" and row.hazards.get("harm") == 0.0:
            everyday.append(text)
        if (value := value_of(text, LEFT_OUT.get(row.source, ""))) == value and bare(row.text) not in measuring:
            sides[row.source][value > 0].append(text)
    found = {}
    for source, rule in LEFT_OUT.items():
        against = everyday if rule == "harm" else sides[source][False]
        found[source] = [*_first(sides[source][True]), *_first(against)]
    return found


def _first(texts: Sequence[Text]) -> list[Text]:
    return sorted(texts, key=lambda text: hash_of(text.row.id))[:EACH]


def hazards_of(rule: str) -> tuple[str, ...]:
    """Return the hazards that make `rule`."""
    return (rule,) if rule == "harm" else RULES.get(rule, ())


def value_of(text: Text, rule: str) -> float:
    """Return 1 where any hazard of the rule is there, 0 where all that are told are not, NaN where none is told."""
    told = [text.row.hazards[hazard] for hazard in hazards_of(rule) if hazard in text.row.hazards]
    return max(told) if told else float("nan")


def areas(texts: Mapping[str, Sequence[Text]], encoder: Encoder) -> dict[str, str]:
    """Return AUC with its interval by source, from raw scores of the encoder alone."""
    found = {}
    for source, rule in LEFT_OUT.items():
        part = texts[source]
        places = [LABELS.index(hazard) for hazard in hazards_of(rule)]
        scores = [max(encoder.judge([text.row.text[:CHARS]], [text.context])[0].logits[places]) for text in part]
        truth = np.array([value_of(text, rule) for text in part])
        found[source] = interval(np.array(scores, np.float64), truth)
        print(f"\r{source}: {len(part)} texts scored", end="", flush=True)
    print()
    return found


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", type=Path, default=WEIGHTS, help="weights that know the sources")
    parser.add_argument("--apart", type=Path, required=True, help="weights of the run without them")
    arguments = parser.parse_args()
    texts = all_texts(arguments.data, arguments.work / "rows.pkl")
    apart = areas(chosen(texts), Encoder.load(arguments.apart))
    known = areas(chosen([text for text in texts if text.row.fold == "dev"]), Encoder.load(arguments.weights))
    head = ("source", "rule", "AUC, trained without it", "AUC of the shipped weights, its dev fold")
    table("Sources left out", head, [(s, LEFT_OUT[s], apart[s], known[s]) for s in LEFT_OUT])


if __name__ == "__main__":
    main()
