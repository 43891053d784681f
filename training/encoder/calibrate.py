"""Calibrates the encoder on the calibration fold and keeps labelled neighbours."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "front")]
from data import LANGUAGES  # noqa: E402
from platt import at_share, platt, share_of  # noqa: E402
from scoring import Scores, kept  # noqa: E402

from grown import LABELS  # noqa: E402
from leeward.models.front import Calibration  # noqa: E402

F64 = npt.NDArray[np.float64]
ASSUMED_SHARE = {
    "sexual": 0.05,
    "health": 0.05,
    "financial": 0.05,
    "law": 0.05,
    "refusal": 0.1,
    "child-exploitation": 0.02,
}
BROAD = 1000  # texts from which on a language is calibrated at its own share of harm, not at that of all languages
SERIOUS = (
    "hate", "harassment", "violence", "self-harm", "distress", "child-exploitation", "malware", "injection",
    "licence.circumvention", "criminal", "dangerous", "sexual", "stereotype",
)  # fmt: skip
BANK = 4000
BANKED = ("twins", "grown", "frames", "catqa", "xsafety", "counselchat")
SOURCE_TEXTS = 150  # most that one source and language weigh in the calibration


def balance(scores: Scores) -> F64:
    """Return weights under which no source makes up more than a share of the whole."""
    counts: dict[tuple[str, str], int] = {}
    for text in scores.texts:
        key = (text.row.source, text.row.lang)
        counts[key] = counts.get(key, 0) + 1
    return np.array([min(1.0, SOURCE_TEXTS / counts[text.row.source, text.row.lang]) for text in scores.texts])


def calibrate(scores: Scores) -> dict[str, Calibration]:
    """Return Platt scaling for each label over all languages, and of its own for a language with enough texts."""
    truth, weight = scores.truth, balance(scores)
    langs = np.array([text.row.lang for text in scores.texts])
    shares = [ASSUMED_SHARE.get(label, share_of(weight, truth[:, at])) for at, label in enumerate(LABELS)]
    whole = np.array([
        platt(scores.logits[:, at], truth[:, at], at_share(weight, truth[:, at], shares[at]), None)
        for at in range(len(LABELS))
    ])  # fmt: skip
    found = {"und": _calibration(whole)}
    for lang in LANGUAGES:
        mine, own = langs == lang, whole.copy()
        for at in range(len(LABELS)):
            said, weighed = truth[mine, at], weight[mine]
            share = shares[at]
            if (~np.isnan(said)).sum() >= BROAD and LABELS[at] not in ASSUMED_SHARE:
                share = share_of(weighed, said)
            own[at] = platt(scores.logits[mine, at], said, at_share(weighed, said, share), whole[at])
        if not np.allclose(own, whole):
            found[lang] = _calibration(own)
    return found


def _calibration(of: F64) -> Calibration:
    return Calibration(of[:, 0].astype(np.float32), of[:, 1].astype(np.float32))


def write_head(weights: Path, calibrations: dict[str, Calibration], scores: Scores) -> None:
    """Write calibrations and the bank of labelled neighbours into the head's file."""
    with np.load(weights / "encoder_head.npz") as saved:
        head = dict(saved)
    names = sorted(calibrations)
    head |= {
        "languages": np.array(names),
        "slopes": np.stack([calibrations[name].slope for name in names]),
        "shifts": np.stack([calibrations[name].shift for name in names]),
    }
    chosen = [
        at for at, text in enumerate(scores.texts) if text.row.lang in LANGUAGES and text.row.source.startswith(BANKED)
    ][:: max(1, len(scores.texts) // 40_000)][:BANK]  # fmt: skip
    head |= {
        "bank_ids": np.array([scores.texts[at].row.id for at in chosen]),
        "bank_hazards": np.array([_hazard(scores.texts[at].row.hazards) for at in chosen]),
        "bank_vectors": np.clip(np.rint(scores.vectors[chosen] * 127), -127, 127).astype(np.int8),
    }
    np.savez_compressed(weights / "encoder_head.npz", **head)


def _hazard(said: dict[str, float]) -> str:
    return next(
        (hazard for hazard in SERIOUS if said.get(hazard) == 1.0), "harm" if said.get("harm") == 1.0 else "none"
    )


def main() -> None:
    """Write calibrations and bank."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    arguments = parser.parse_args()
    scores = kept(arguments.data, arguments.weights, "cal", arguments.work)
    write_head(arguments.weights, calibrate(scores), scores)


if __name__ == "__main__":
    main()
